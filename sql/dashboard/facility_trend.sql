-- How did gas, vapor and the tank of a facility run: mean and greatest value of each stretch of time?
SELECT
  DATE_ADD('second', CAST(:seconds * FLOOR(TO_UNIXTIME(ts) / CAST(:seconds AS double)) AS bigint), TIMESTAMP '1970-01-01 00:00:00') AS bucket,
  COUNT(*) AS readings,
  COUNT_IF(pairing_status = 'MATCHED') AS matched,
  AVG(methane_ppm) AS methane_mean,
  MAX(methane_ppm) AS methane_max,
  AVG(vapor_concentration_ppm) AS vapor_mean,
  MAX(vapor_concentration_ppm) AS vapor_max,
  AVG(tank_level_pct) AS level_mean,
  MAX(tank_pressure_pa) AS tank_pressure_max,
  MAX(risk_score) AS risk_max,
  COUNT_IF(status = 'ALERT') AS alerts
FROM facility_data
WHERE facility_id = :facility_id
  AND "date" BETWEEN :first_date AND :last_date
  AND ts >= :start AND ts < :end
GROUP BY 1
ORDER BY 1
