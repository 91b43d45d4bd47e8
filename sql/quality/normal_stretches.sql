-- When was each well in normal operation for 25 minutes or more, as far as is known since? For training.
-- Normal: every minute has readings, none labelled as an event or taken while the well did not produce, and no alarm
-- stood. A stretch is of one source, since a replay's instances follow each other with other levels.
WITH minutes AS (
  SELECT
    well_id,
    source,
    DATE_TRUNC('minute', ts) AS slot
  FROM well_data
  WHERE "date" BETWEEN :first_day AND :last_day
  GROUP BY well_id, source, DATE_TRUNC('minute', ts)
  HAVING MAX(COALESCE(class, 0)) = 0 AND MAX(COALESCE(state, 0)) = 0 AND MAX(COALESCE(alarm_active, 0)) = 0
),
numbered AS (
  SELECT
    well_id,
    source,
    slot,
    DATE_DIFF('minute', TIMESTAMP '2000-01-01 00:00:00', slot)
    - ROW_NUMBER() OVER (PARTITION BY well_id, source ORDER BY slot) AS stretch
  FROM minutes
)
SELECT well_id, source, MIN(slot) AS began, DATE_ADD('minute', 1, MAX(slot)) AS ended
FROM numbered
GROUP BY well_id, source, stretch
HAVING COUNT(*) >= 25
ORDER BY well_id, ended DESC
