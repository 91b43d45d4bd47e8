-- How many rows of a day landed, how many are repeats, and how many lines were rejected? For the day's quality report.
-- The quarantine's date is that of arrival.
WITH landed AS (
  SELECT COUNT(*) AS landed_rows, COUNT(DISTINCT event_id) AS landed_readings
  FROM scored_readings
  WHERE "date" = :day
),
known AS (
  SELECT COUNT(*) AS readings FROM well_data WHERE "date" = :day
),
rejected AS (
  SELECT COUNT(*) AS quarantined FROM quarantine_lines WHERE "date" = :day
)
SELECT landed.landed_rows, landed.landed_readings, known.readings, rejected.quarantined
FROM landed
CROSS JOIN known
CROSS JOIN rejected
