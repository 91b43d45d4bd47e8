-- Which wells have moved away from their baselines in the last 30 days, and should be commissioned again?
SELECT *
FROM well_drift
WHERE "date" >= CURRENT_DATE - INTERVAL '30' DAY
ORDER BY well_id, "date"
