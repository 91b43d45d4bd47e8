-- Which share of each operator's alarms has which priority? About 5 % high, 15 % medium, 80 % low are the target.
SELECT
  COALESCE(consoles.console, 'console-1') AS console,
  spans.priority,
  COUNT(*) AS alarms,
  ROUND(100e0 * COUNT(*) / SUM(COUNT(*)) OVER (PARTITION BY COALESCE(consoles.console, 'console-1')), 1) AS alarms_pct
FROM alarm_spans AS spans
LEFT JOIN consoles ON consoles.facility_id = spans.facility_id
GROUP BY COALESCE(consoles.console, 'console-1'), spans.priority
ORDER BY
  console,
  CASE spans.priority WHEN 'critical' THEN 1 WHEN 'high' THEN 2 WHEN 'medium' THEN 3 ELSE 4 END
