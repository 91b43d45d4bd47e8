-- Which alarms reached an operator between two moments, and at which operator position? One row per alarm.
SELECT
  spans.began,
  spans.well_id,
  spans.facility_id,
  spans.alarm_type,
  spans.priority,
  COALESCE(consoles.console, 'console-1') AS console
FROM (
  SELECT
    alarm_id,
    MIN(well_id) AS well_id,
    MIN(facility_id) AS facility_id,
    MIN(alarm_type) AS alarm_type,
    MIN(priority) AS priority,
    MIN(ts) AS began
  FROM alarm_history
  WHERE event IN ('activated', 'unsuppressed')
    AND "date" BETWEEN :first_date AND :last_date
    AND ts >= :start AND ts < :end
  GROUP BY alarm_id
) AS spans
LEFT JOIN consoles ON consoles.facility_id = spans.facility_id
ORDER BY spans.began
