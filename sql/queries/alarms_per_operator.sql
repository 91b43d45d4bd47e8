-- How many alarms did each operator get in each ten minutes? The target is one; more than ten are a flood.
-- Ten minutes without an alarm have no row. A console's facilities are in the view consoles.
SELECT
  COALESCE(consoles.console, 'console-1') AS console,
  DATE_ADD('minute', CAST(10 * FLOOR(MINUTE(spans.began) / 10e0) AS integer), DATE_TRUNC('hour', spans.began)) AS slot,
  COUNT(*) AS alarms,
  COUNT_IF(spans.priority IN ('critical', 'high')) AS urgent,
  CASE WHEN COUNT(*) > 10 THEN 'flood' WHEN COUNT(*) > 1 THEN 'over target' ELSE 'acceptable' END AS load
FROM alarm_spans AS spans
LEFT JOIN consoles ON consoles.facility_id = spans.facility_id
GROUP BY
  COALESCE(consoles.console, 'console-1'),
  DATE_ADD('minute', CAST(10 * FLOOR(MINUTE(spans.began) / 10e0) AS integer), DATE_TRUNC('hour', spans.began))
ORDER BY console, slot
