-- When did more alarms come than an operator can take in?
-- A flood begins with ten minutes of more than ten alarms and ends with ten minutes of fewer than five (ISA-18.2).
WITH counted AS (
  SELECT
    COALESCE(consoles.console, 'console-1') AS console,
    DATE_ADD('minute', CAST(10 * FLOOR(MINUTE(spans.began) / 10e0) AS integer), DATE_TRUNC('hour', spans.began)) AS slot,
    COUNT(*) AS alarms
  FROM alarm_spans AS spans
  LEFT JOIN consoles ON consoles.facility_id = spans.facility_id
  GROUP BY
    COALESCE(consoles.console, 'console-1'),
    DATE_ADD('minute', CAST(10 * FLOOR(MINUTE(spans.began) / 10e0) AS integer), DATE_TRUNC('hour', spans.began))
),
slots AS (
  -- The ten minutes after each that had alarms, in case none came in them.
  SELECT console, slot, SUM(alarms) AS alarms
  FROM (
    SELECT console, slot, alarms FROM counted
    UNION ALL
    SELECT console, DATE_ADD('minute', 10, slot) AS slot, 0 AS alarms FROM counted
  )
  GROUP BY console, slot
),
marked AS (
  SELECT
    console,
    slot,
    alarms,
    SUM(CASE WHEN alarms > 10 OR alarms < 5 THEN 1 ELSE 0 END) OVER (PARTITION BY console ORDER BY slot) AS phase,
    SUM(CASE WHEN alarms < 5 THEN 1 ELSE 0 END) OVER (PARTITION BY console ORDER BY slot) AS quiet
  FROM slots
),
phased AS (
  SELECT marked.*, MAX(alarms) OVER (PARTITION BY console, phase ORDER BY slot) AS worst
  FROM marked
)
SELECT
  console,
  MIN(slot) AS began,
  DATE_ADD('minute', 10, MAX(slot)) AS ended,
  SUM(alarms) AS alarms
FROM phased
WHERE alarms >= 5 AND worst > 10
GROUP BY console, quiet
ORDER BY began, console
