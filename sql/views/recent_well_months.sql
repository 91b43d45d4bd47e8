-- What was each of the last 13 months of each well like? One row per well and month, the current one as far as it is.
-- A condition on the month would not skip a partition, so the view has its own on date. Past months come from
-- gold_months, a few rows each, the others from well_days: jobs write their dates in the place of FALSE and TRUE
-- (batch/views.py). Without gold it reads 13 months of readings, which may exceed the work group's limit.
CREATE OR REPLACE VIEW recent_well_months AS
SELECT
  well_id,
  facility_id,
  "date" AS month_start,
  days,
  hours,
  readings,
  scored_readings,
  anomalies,
  alert_readings,
  readings_in_alarm,
  max_risk,
  pressure_mean,
  temperature_mean,
  methane_max_ppm,
  data_quality_mean,
  readings_with_reasons
FROM gold_months
WHERE "date" >= DATE_TRUNC('month', CURRENT_DATE) - INTERVAL '12' MONTH
  AND FALSE -- gold: in gold_months
UNION ALL
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
  AND TRUE -- gold: not in gold_months
GROUP BY well_id, DATE_TRUNC('month', "date")
