-- How complete, fresh and valid was each well's day? For the day's quality report.
-- A reading that was replayed with its original times says nothing about freshness.
WITH readings AS (
  SELECT
    well_id,
    facility_id,
    ts,
    DATE_DIFF('millisecond', LAG(ts) OVER (PARTITION BY well_id ORDER BY ts), ts) / 1000e0 AS step_s,
    COALESCE(CONTAINS(validation_reasons, 'late:ts'), FALSE) AS late,
    CASE WHEN source_ts IS NULL OR source_ts <> ts THEN DATE_DIFF('millisecond', ts, scored_at) / 1000e0 END AS delay_s,
    data_quality_score
  FROM well_data
  WHERE "date" = :day
)
SELECT
  well_id,
  MIN(facility_id) AS facility_id,
  COUNT(*) AS readings,
  COUNT(DISTINCT DATE_TRUNC('minute', ts)) AS minutes,
  DATE_DIFF('minute', DATE_TRUNC('minute', MIN(ts)), DATE_TRUNC('minute', MAX(ts))) + 1 AS minutes_spanned,
  COUNT_IF(step_s > 60) AS gaps,
  MAX(step_s) AS longest_gap_s,
  COUNT_IF(late) AS late_readings,
  APPROX_PERCENTILE(CASE WHEN NOT late THEN delay_s END, 0.95) AS delay_p95_s,
  AVG(data_quality_score) AS mean_quality
FROM readings
GROUP BY well_id
ORDER BY well_id
