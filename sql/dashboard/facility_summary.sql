-- How much gas and vapor was there at each facility from one day to another? One row per facility and day.
SELECT
  facility_id,
  "date" AS day,
  readings,
  matched_readings,
  alert_readings,
  emission_high_readings,
  emission_medium_readings,
  vapor_critical_readings,
  vapor_high_readings,
  methane_readings,
  methane_mean_ppm,
  methane_max_ppm,
  vapor_readings,
  vapor_mean_ppm,
  vapor_max_ppm,
  tank_level_mean_pct,
  tank_pressure_max_pa,
  pairing_distance_mean_ms,
  max_risk
FROM facility_days
WHERE "date" BETWEEN :first_date AND :last_date
ORDER BY facility_id, "date"
