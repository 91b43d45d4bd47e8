-- What became of one run's readings in the join with the tanks, facility by facility? `${since}` is when the
-- run began (UTC). A reading without a row still waits (it is among the last 5 s), or left before the
-- facility's first tank reading; one for which neither holds is missing.
WITH run AS (
  SELECT
    w.facility_id,
    w.event_id,
    w.ts,
    f.event_id AS joined_id,
    f.pairing_status,
    f.unmatched_reason,
    f.status,
    MAX(w.ts) OVER (PARTITION BY w.facility_id) AS newest
  FROM curated_data AS w
  LEFT JOIN facility_data AS f ON f.date = w.date AND f.event_id = w.event_id
  WHERE w.scored_at >= TIMESTAMP '${since}'
),
first_tank AS (
  SELECT facility_id, MIN(tank_ts) AS tank_ts
  FROM facility_data
  GROUP BY facility_id
),
told AS (
  SELECT
    run.*,
    joined_id IS NULL AND ts >= newest - INTERVAL '5' SECOND AS waits,
    joined_id IS NULL AND ts < newest - INTERVAL '5' SECOND AND ts <= first_tank.tank_ts AS before_tanks
  FROM run
  LEFT JOIN first_tank ON first_tank.facility_id = run.facility_id
)
SELECT
  facility_id,
  COUNT(DISTINCT event_id) AS readings,
  COUNT(*) - COUNT(DISTINCT event_id) AS duplicates,
  COUNT_IF(pairing_status = 'MATCHED') AS matched,
  COUNT_IF(unmatched_reason = 'no_tank') AS no_tank,
  COUNT_IF(unmatched_reason = 'late') AS late,
  COUNT_IF(unmatched_reason = 'crowded') AS crowded,
  COUNT_IF(waits) AS waiting,
  COUNT_IF(before_tanks) AS before_tanks,
  COUNT_IF(joined_id IS NULL AND NOT waits AND NOT COALESCE(before_tanks, FALSE)) AS missing,
  COUNT_IF(status = 'ALERT') AS alerts
FROM told
GROUP BY facility_id
ORDER BY facility_id
