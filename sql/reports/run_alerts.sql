-- Did gas and vapor make an ALERT where the simulator raised them, and nowhere else? `${since}` is when the run
-- began (UTC), `${raised}` the stretches in which a concentration is over a limit: subject|condition|start|end,
-- with commas between. A value that was not sent is worth nothing, on either side. Process points are left out.
WITH raised AS (
  SELECT
    SPLIT_PART(stretch, '|', 1) AS subject,
    SPLIT_PART(stretch, '|', 2) AS condition,
    CAST(SPLIT_PART(stretch, '|', 3) AS TIMESTAMP) AS starts,
    CAST(SPLIT_PART(stretch, '|', 4) AS TIMESTAMP) AS ends
  FROM UNNEST(SPLIT('${raised}', ',')) AS listed (stretch)
),
pairs AS (
  SELECT f.event_id, f.well_id, f.ts, f.tank_id, f.tank_ts, f.emission_risk, f.vapor_risk
  FROM facility_data AS f
  WHERE f.event_id IN (SELECT event_id FROM curated_data WHERE scored_at >= TIMESTAMP '${since}')
),
emission AS (
  SELECT p.event_id, MAX(CASE r.condition WHEN 'methane_high' THEN 40 WHEN 'methane_medium' THEN 20 END) AS points
  FROM pairs AS p
  INNER JOIN raised AS r ON r.subject = p.well_id AND p.ts BETWEEN r.starts AND r.ends
  GROUP BY p.event_id
),
vapor AS (
  SELECT p.event_id, MAX(CASE r.condition WHEN 'vapor_critical' THEN 40 WHEN 'vapor_high' THEN 20 END) AS points
  FROM pairs AS p
  INNER JOIN raised AS r ON r.subject = p.tank_id AND p.tank_ts BETWEEN r.starts AND r.ends
  GROUP BY p.event_id
),
compared AS (
  SELECT
    COALESCE(p.emission_risk, 0) + COALESCE(p.vapor_risk, 0) AS found,
    CASE WHEN p.emission_risk IS NULL THEN 0 ELSE COALESCE(e.points, 0) END
    + CASE WHEN p.vapor_risk IS NULL THEN 0 ELSE COALESCE(v.points, 10) END AS expected
  FROM pairs AS p
  LEFT JOIN emission AS e ON e.event_id = p.event_id
  LEFT JOIN vapor AS v ON v.event_id = p.event_id
)
SELECT
  COUNT_IF(found > 30) AS raised,
  COUNT_IF(found > 30 AND expected <= 30) AS unexpected,
  COUNT_IF(found <= 30 AND expected > 30) AS missed
FROM compared
