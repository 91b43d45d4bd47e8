-- Which readings of the last 7 days have no anomaly score, although they were not late?
-- A well has none without a model, and in the minutes after a gap, until its windows are full.
SELECT
  well_id,
  source,
  model_version,
  COUNT(*) AS readings,
  MIN(ts) AS first_ts,
  MAX(ts) AS last_ts
FROM recent_readings
WHERE anomaly_score IS NULL AND NOT COALESCE(CONTAINS(validation_reasons, 'late:ts'), FALSE)
GROUP BY well_id, source, model_version
ORDER BY readings DESC, well_id, source
