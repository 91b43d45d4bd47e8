-- Which values of each well's day were condemned or noted, and why? For the day's quality report.
SELECT
  well_id,
  MIN(facility_id) AS facility_id,
  t.problem AS reason,
  COUNT(*) AS readings
FROM well_data
CROSS JOIN UNNEST(validation_reasons) AS t(problem)
WHERE "date" = :day
GROUP BY well_id, t.problem
ORDER BY well_id, t.problem
