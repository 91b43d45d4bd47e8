-- How good is the data of each well, and what is the most frequent thing wrong with it?
WITH reasons AS (
  SELECT well_id, t.problem AS reason, COUNT(*) AS readings
  FROM well_data
  CROSS JOIN UNNEST(validation_reasons) AS t(problem)
  GROUP BY well_id, t.problem
),
ranked AS (
  SELECT
    well_id,
    reason,
    readings,
    ROW_NUMBER() OVER (PARTITION BY well_id ORDER BY readings DESC, reason) AS place
  FROM reasons
),
quality AS (
  SELECT
    well_id,
    COUNT(*) AS readings,
    ROUND(AVG(data_quality_score), 2) AS mean_quality,
    MIN(data_quality_score) AS worst_quality,
    COUNT_IF(CARDINALITY(validation_reasons) > 0) AS readings_with_reasons,
    COUNT_IF(ANY_MATCH(validation_reasons, reason -> reason LIKE 'unit:%')) AS readings_in_other_units,
    ROUND(100e0 * COUNT_IF(pressure IS NULL) / COUNT(*), 2) AS pressure_missing_pct,
    ROUND(100e0 * COUNT_IF(temperature IS NULL) / COUNT(*), 2) AS temperature_missing_pct
  FROM well_data
  GROUP BY well_id
)
SELECT quality.*, ranked.reason AS commonest_reason, ranked.readings AS commonest_reason_readings
FROM quality
LEFT JOIN ranked ON ranked.well_id = quality.well_id AND ranked.place = 1
ORDER BY mean_quality, quality.well_id
