-- Which alarms of a well stood in a range, and what did they say? One row per alarm, as alarm_spans has them.
-- An alarm that began more than two days before the range is not found; `ended` is null while it stands.
SELECT
  alarm_id,
  MIN(alarm_type) AS alarm_type,
  MIN(priority) AS priority,
  MIN(CASE WHEN event IN ('activated', 'unsuppressed') THEN ts END) AS began,
  MIN(CASE WHEN event = 'returned' OR cause = 'new_level' THEN ts END) AS ended,
  MIN(CASE WHEN event IN ('activated', 'unsuppressed') THEN sentence END) AS sentence,
  MIN(CASE WHEN event IN ('activated', 'unsuppressed') THEN likely_event END) AS likely_event,
  MIN(CASE WHEN event IN ('activated', 'unsuppressed') THEN evidence END) AS evidence
FROM alarm_history
WHERE well_id = :well_id
  AND "date" BETWEEN :first_date - INTERVAL '2' DAY AND :last_date
  AND event IN ('activated', 'suppressed', 'unsuppressed', 'returned')
GROUP BY alarm_id
HAVING MIN(CASE WHEN event IN ('activated', 'unsuppressed') THEN ts END) < :end
  AND COALESCE(MIN(CASE WHEN event = 'returned' OR cause = 'new_level' THEN ts END), :end) >= :start
ORDER BY began
