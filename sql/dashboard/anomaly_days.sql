-- How many readings of each well were flagged on each day, and how good were its data? One row per well and day.
SELECT
  well_id,
  "date" AS day,
  readings,
  anomalies,
  100e0 * anomalies / readings AS anomalies_pct,
  readings_in_alarm,
  max_risk,
  data_quality_mean,
  data_quality_min,
  readings_with_reasons
FROM well_days
WHERE "date" BETWEEN :first_date AND :last_date
ORDER BY well_id, "date"
