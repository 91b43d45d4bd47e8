-- Which readings of the last 7 days came late, and were stored without a score?
SELECT
  well_id,
  source,
  COUNT(*) AS readings,
  MIN(ts) AS first_ts,
  MAX(ts) AS last_ts
FROM recent_readings
WHERE CONTAINS(validation_reasons, 'late:ts')
GROUP BY well_id, source
ORDER BY readings DESC, well_id, source
