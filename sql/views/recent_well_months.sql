-- What was each of the last 13 months of each well like? One row per well and month, the current one as far as it is.
-- A condition on the month would not skip a partition, so the view has its own on date: it reads 13 months, some
-- 400 days, which may exceed the work group's limit. Else ask well_days, and name the dates.
CREATE OR REPLACE VIEW recent_well_months AS
SELECT
  well_id,
  MIN(facility_id) AS facility_id,
  DATE_TRUNC('month', "date") AS month_start,
  COUNT(*) AS days,
  SUM(hours) AS hours,
  SUM(readings) AS readings,
  SUM(scored_readings) AS scored_readings,
  SUM(anomalies) AS anomalies,
  SUM(alert_readings) AS alert_readings,
  SUM(readings_in_alarm) AS readings_in_alarm,
  MAX(max_risk) AS max_risk,
  SUM(pressure_mean * pressure_readings) / NULLIF(SUM(pressure_readings), 0) AS pressure_mean,
  SUM(temperature_mean * temperature_readings) / NULLIF(SUM(temperature_readings), 0) AS temperature_mean,
  MAX(methane_max_ppm) AS methane_max_ppm,
  SUM(data_quality_mean * readings) / SUM(readings) AS data_quality_mean,
  SUM(readings_with_reasons) AS readings_with_reasons
FROM well_days
WHERE "date" >= DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '12' MONTH
GROUP BY well_id, DATE_TRUNC('month', "date")
