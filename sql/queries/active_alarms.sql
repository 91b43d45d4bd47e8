-- Which alarms are active, and which of them are stale: active for more than 24 hours of their well's time?
SELECT
  spans.well_id,
  spans.alarm_type,
  spans.priority,
  spans.began,
  spans.sentence,
  spans.likely_event,
  heard.last_heard,
  CASE WHEN DATE_DIFF('second', spans.began, heard.last_heard) > 86400 THEN 1 ELSE 0 END AS stale
FROM alarm_spans AS spans
INNER JOIN (
  SELECT well_id, MAX(ts) AS last_heard FROM well_data GROUP BY well_id
) AS heard
  ON heard.well_id = spans.well_id
WHERE spans.ended IS NULL
ORDER BY
  CASE spans.priority WHEN 'critical' THEN 1 WHEN 'high' THEN 2 WHEN 'medium' THEN 3 ELSE 4 END,
  spans.began
