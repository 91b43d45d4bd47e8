-- What was wrong with the readings, from one day to another? A reading with several reasons counts under each.
SELECT
  reason,
  SUM(readings) AS readings,
  COUNT(DISTINCT well_id) AS wells,
  MIN("date") AS first_day,
  MAX("date") AS last_day
FROM quality_days
WHERE "date" BETWEEN :first_date AND :last_date
GROUP BY reason
ORDER BY readings DESC, reason
