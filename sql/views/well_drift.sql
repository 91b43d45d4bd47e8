-- How far has each well moved from its baseline, and how does the detector score it? One row per well and day.
-- Scoring notes `baseline_age_days`, `level_shift` and `level_shift_sensor` with the first reading of each minute
-- of a well that has a baseline; files written before these columns existed have none, and their days show scores
-- alone. `level_shift` is in scales of the baseline: the median over the day's minutes of the gauge that is
-- farthest away, with its sign. From 5 scales on (OUTDATED_SCALES in petrostream/scoring/drift.py) the baseline no longer
-- describes the well, and six hours of it raise the alarm `recommission`. A condition on date keeps it cheap.
CREATE OR REPLACE VIEW well_drift AS
SELECT
  well_id,
  "date",
  COUNT(*) AS readings,
  MAX(baseline_age_days) AS baseline_age_days,
  APPROX_PERCENTILE(level_shift, 0.5) AS level_shift,
  MAX(ABS(level_shift)) AS largest_level_shift,
  MAX_BY(level_shift_sensor, ABS(level_shift)) AS level_shift_sensor,
  COUNT_IF(ABS(level_shift) >= 5e0) / 60e0 AS outdated_hours,
  AVG(anomaly_score) AS mean_score,
  APPROX_PERCENTILE(anomaly_score, 0.5) AS median_score,
  APPROX_PERCENTILE(anomaly_score, 0.99) AS p99_score,
  CAST(SUM(anomaly_flag) AS double) / NULLIF(COUNT(anomaly_score), 0) AS flagged_share,
  CAST(COUNT_IF(model_kind = 'fleet') AS double) / COUNT(*) AS without_baseline_share
FROM well_data
GROUP BY well_id, "date"
