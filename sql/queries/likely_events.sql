-- Which event did alarms name, and how often was it the labelled one? One row for each label and alarm type.
-- `class` above 100 is the transient that leads into an event; alarms in normal or unlabelled time are left out,
-- and so are those of gas, which no 3W event describes. `named` counts alarms whose evidence decided.
SELECT
  class % 100 AS label,
  alarm_type,
  COUNT(*) AS alarms,
  COUNT(likely_class) AS named,
  COUNT_IF(likely_class = class % 100) AS named_rightly,
  COUNT_IF(likely_class <> class % 100) AS named_wrongly,
  ROUND(100e0 * COUNT_IF(likely_class = class % 100) / NULLIF(COUNT(likely_class), 0), 1) AS rightly_pct
FROM alarm_spans
WHERE class > 0 AND alarm_group = 'process'
GROUP BY class % 100, alarm_type
ORDER BY label, alarm_type
