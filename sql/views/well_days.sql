-- What was each day of each well like? One row per well and UTC date, for trends and reports.
-- As well_hours, of which it is made: means are weighted with the readings they are of. A condition on date
-- keeps it cheap. `hours` is how many hours of the day have readings.
-- Days in gold come from gold_days: jobs write their dates in the place of FALSE and TRUE (batch/views.py).
CREATE OR REPLACE VIEW well_days AS
SELECT
  well_id,
  facility_id,
  hours,
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
FROM gold_days
WHERE FALSE -- gold: in gold_days
UNION ALL
SELECT
  well_id,
  MIN(facility_id) AS facility_id,
  COUNT(*) AS hours,
  SUM(readings) AS readings,
  SUM(scored_readings) AS scored_readings,
  SUM(anomalies) AS anomalies,
  SUM(alert_readings) AS alert_readings,
  SUM(readings_in_alarm) AS readings_in_alarm,
  SUM(anomaly_score_mean * scored_readings) / NULLIF(SUM(scored_readings), 0) AS anomaly_score_mean,
  MAX(anomaly_score_max) AS anomaly_score_max,
  MAX(max_risk) AS max_risk,
  SUM(pressure_readings) AS pressure_readings,
  SUM(pressure_mean * pressure_readings) / NULLIF(SUM(pressure_readings), 0) AS pressure_mean,
  MIN(pressure_min) AS pressure_min,
  MAX(pressure_max) AS pressure_max,
  SUM(temperature_readings) AS temperature_readings,
  SUM(temperature_mean * temperature_readings) / NULLIF(SUM(temperature_readings), 0) AS temperature_mean,
  MIN(temperature_min) AS temperature_min,
  MAX(temperature_max) AS temperature_max,
  MAX(methane_max_ppm) AS methane_max_ppm,
  SUM(data_quality_mean * readings) / SUM(readings) AS data_quality_mean,
  MIN(data_quality_min) AS data_quality_min,
  SUM(readings_with_reasons) AS readings_with_reasons,
  "date"
FROM well_hours
WHERE TRUE -- gold: not in gold_days
GROUP BY well_id, "date"
