-- Which alarms chattered: came three times or more within a minute (ISA-18.2's usual criterion)?
WITH triples AS (
  SELECT
    well_id,
    alarm_type,
    began,
    LAG(began, 2) OVER (PARTITION BY well_id, alarm_type ORDER BY began) AS third_last
  FROM alarm_spans
)
SELECT well_id, alarm_type, COUNT(*) AS times, MIN(third_last) AS first_seen, MAX(began) AS last_seen
FROM triples
WHERE DATE_DIFF('millisecond', third_last, began) <= 60000
GROUP BY well_id, alarm_type
ORDER BY times DESC, well_id, alarm_type
