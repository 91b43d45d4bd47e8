-- How many readings were scored in each stretch of time, how long after they were taken, and how many came late?
SELECT
  DATE_ADD('second', CAST(:seconds * FLOOR(TO_UNIXTIME(scored_at) / CAST(:seconds AS double)) AS bigint), TIMESTAMP '1970-01-01 00:00:00') AS bucket,
  COUNT(*) AS readings,
  COUNT_IF(late) AS late,
  COUNT_IF(anomaly_score IS NULL AND NOT late) AS unscored,
  APPROX_PERCENTILE(CASE WHEN NOT late THEN DATE_DIFF('millisecond', ts, scored_at) / 1000e0 END, 0.5) AS lag_median_s,
  MAX(CASE WHEN NOT late THEN DATE_DIFF('millisecond', ts, scored_at) / 1000e0 END) AS lag_max_s
FROM (
  SELECT ts, scored_at, anomaly_score, COALESCE(CONTAINS(validation_reasons, 'late:ts'), FALSE) AS late
  FROM well_data
  WHERE "date" BETWEEN :first_date AND :last_date
    AND scored_at >= :start AND scored_at < :end
)
GROUP BY 1
ORDER BY 1
