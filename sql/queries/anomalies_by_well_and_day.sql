-- How many readings of each well were flagged on each day, and when was the first?
SELECT
  well_id,
  "date" AS day,
  COUNT(*) AS readings,
  COUNT_IF(anomaly_flag = 1) AS anomalies,
  ROUND(100e0 * COUNT_IF(anomaly_flag = 1) / COUNT(*), 2) AS anomalies_pct,
  MIN(CASE WHEN anomaly_flag = 1 THEN ts END) AS first_anomaly,
  MAX(risk_score) AS highest_risk
FROM well_data
GROUP BY well_id, "date"
ORDER BY well_id, day
