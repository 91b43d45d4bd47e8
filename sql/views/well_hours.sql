-- What was each hour of each well like? One row per well and UTC hour, for trends and reports.
-- Means are those of the readings that have the value; `_readings` says how many these are, so that means of
-- hours can be averaged. A gauge in another unit is left out. A condition on date keeps it cheap.
-- Days in gold come from gold_hours: jobs write their dates in the place of FALSE and TRUE (batch/views.py).
CREATE OR REPLACE VIEW well_hours AS
SELECT
  well_id,
  hour_start,
  facility_id,
  readings,
  scored_readings,
  anomalies,
  alert_readings,
  readings_in_alarm,
  anomaly_score_mean,
  anomaly_score_max,
  max_risk,
  pressure_readings,
  pressure_mean,
  pressure_min,
  pressure_max,
  temperature_readings,
  temperature_mean,
  temperature_min,
  temperature_max,
  methane_max_ppm,
  data_quality_mean,
  data_quality_min,
  readings_with_reasons,
  "date"
FROM gold_hours
WHERE FALSE -- gold: in gold_hours
UNION ALL
SELECT
  well_id,
  DATE_TRUNC('hour', ts) AS hour_start,
  MIN(facility_id) AS facility_id,
  COUNT(*) AS readings,
  COUNT(anomaly_score) AS scored_readings,
  COUNT_IF(anomaly_flag = 1) AS anomalies,
  COUNT_IF(well_status = 'ALERT') AS alert_readings,
  COUNT_IF(alarm_active > 0) AS readings_in_alarm,
  AVG(anomaly_score) AS anomaly_score_mean,
  MAX(anomaly_score) AS anomaly_score_max,
  MAX(risk_score) AS max_risk,
  COUNT(pressure) AS pressure_readings,
  AVG(pressure) AS pressure_mean,
  MIN(pressure) AS pressure_min,
  MAX(pressure) AS pressure_max,
  COUNT(temperature) AS temperature_readings,
  AVG(temperature) AS temperature_mean,
  MIN(temperature) AS temperature_min,
  MAX(temperature) AS temperature_max,
  MAX(methane_ppm) AS methane_max_ppm,
  AVG(data_quality_score) AS data_quality_mean,
  MIN(data_quality_score) AS data_quality_min,
  COUNT_IF(LENGTH(validation_reasons) > 0) AS readings_with_reasons,
  "date"
FROM plain_readings
WHERE TRUE -- gold: not in gold_hours
GROUP BY well_id, DATE_TRUNC('hour', ts), "date"
