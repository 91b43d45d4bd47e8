-- Which gauges apparently send in another unit, which one, and since when?
SELECT
  well_id,
  SPLIT_PART(t.problem, ':', 2) AS gauge,
  REPLACE(SPLIT_PART(t.problem, ':', 3), '?', '') AS likely_unit,
  COUNT(*) AS readings,
  MIN(ts) AS first_ts,
  MAX(ts) AS last_ts
FROM well_data
CROSS JOIN UNNEST(validation_reasons) AS t(problem)
WHERE t.problem LIKE 'unit:%'
GROUP BY 1, 2, 3
ORDER BY readings DESC, well_id, gauge
