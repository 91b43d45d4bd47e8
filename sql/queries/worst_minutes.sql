-- Which minutes of which wells were the worst: highest risk, then most readings flagged?
SELECT
  well_id,
  DATE_TRUNC('minute', ts) AS minute,
  COUNT(*) AS readings,
  COUNT_IF(anomaly_flag = 1) AS anomalies,
  ROUND(AVG(anomaly_score), 4) AS mean_anomaly_score,
  MAX(risk_score) AS highest_risk,
  COUNT_IF(well_status = 'ALERT') AS alert_readings,
  AVG(pressure) AS mean_pressure,
  AVG(temperature) AS mean_temperature
FROM well_data
GROUP BY well_id, DATE_TRUNC('minute', ts)
ORDER BY highest_risk DESC, anomalies DESC, mean_anomaly_score DESC, minute, well_id
LIMIT 50
