-- How much gas and vapor was there at each facility, each day? One row per facility and UTC date.
-- Counts are of well readings, each with the tank reading it was paired with. A condition on date keeps it cheap.
CREATE OR REPLACE VIEW facility_days AS
SELECT
  facility_id,
  COUNT(*) AS readings,
  COUNT_IF(pairing_status = 'MATCHED') AS matched_readings,
  COUNT_IF(status = 'ALERT') AS alert_readings,
  COUNT_IF(emission_category = 'HIGH') AS emission_high_readings,
  COUNT_IF(emission_category = 'MEDIUM') AS emission_medium_readings,
  COUNT_IF(vapor_category = 'CRITICAL') AS vapor_critical_readings,
  COUNT_IF(vapor_category = 'HIGH') AS vapor_high_readings,
  COUNT(methane_ppm) AS methane_readings,
  AVG(methane_ppm) AS methane_mean_ppm,
  MAX(methane_ppm) AS methane_max_ppm,
  COUNT(vapor_concentration_ppm) AS vapor_readings,
  AVG(vapor_concentration_ppm) AS vapor_mean_ppm,
  MAX(vapor_concentration_ppm) AS vapor_max_ppm,
  AVG(tank_level_pct) AS tank_level_mean_pct,
  MAX(tank_pressure_pa) AS tank_pressure_max_pa,
  AVG(ABS(CAST(dt_ms AS double))) AS pairing_distance_mean_ms,
  MAX(risk_score) AS max_risk,
  "date"
FROM facility_data
GROUP BY facility_id, "date"
