-- Which ten alarms came most often, and how long did they stand? A handful of them is most of the load.
SELECT
  well_id,
  alarm_type,
  priority,
  COUNT(*) AS alarms,
  ROUND(100e0 * COUNT(*) / SUM(COUNT(*)) OVER (), 1) AS alarms_pct,
  ROUND(AVG(DATE_DIFF('second', began, ended)) / 60e0, 1) AS mean_minutes,
  COUNT_IF(ended IS NULL) AS still_active
FROM alarm_spans
GROUP BY well_id, alarm_type, priority
ORDER BY alarms DESC, well_id, alarm_type
LIMIT 10
