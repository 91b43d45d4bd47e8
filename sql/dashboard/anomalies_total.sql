-- How many readings did the detector flag in all, and how many were there? One row.
SELECT
  COUNT(*) AS readings,
  COUNT_IF(anomaly_flag = 1) AS anomalies,
  COUNT(DISTINCT well_id) AS wells,
  MIN("date") AS first_day
FROM well_data
