-- What did one run land, well by well? `${since}` is when the run began (UTC).
-- Duplicates are rows of the view beyond one per event: the view's promise is that there are none.
SELECT
  well_id,
  COUNT(*) AS landed,
  COUNT(*) - COUNT(DISTINCT event_id) AS duplicates,
  COALESCE(SUM(anomaly_flag), 0) AS anomalies,
  COUNT_IF(anomaly_flag = 1 AND class > 0) AS anomalies_in_event,
  COUNT_IF(anomaly_flag = 1 AND class = 0) AS anomalies_in_normal,
  COUNT_IF(class > 0) AS event_readings,
  COUNT_IF(class = 0) AS normal_readings,
  COUNT_IF(late) AS late,
  COUNT_IF(anomaly_score IS NULL AND NOT late) AS unscored,
  MIN(CASE WHEN well_status = 'ALERT' THEN ts END) AS first_alarm,
  MIN(ts) AS first_ts,
  MAX(ts) AS last_ts
FROM (
  SELECT *, COALESCE(CONTAINS(validation_reasons, 'late:ts'), FALSE) AS late
  FROM curated_data
)
WHERE scored_at >= TIMESTAMP '${since}'
GROUP BY well_id
ORDER BY well_id
