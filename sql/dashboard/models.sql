-- Which model scores each well, and how old is its baseline? One row per well of the days asked for.
SELECT
  well_id,
  MAX_BY(model_version, ts) AS model_version,
  MAX_BY(model_kind, ts) AS model_kind,
  COUNT(DISTINCT model_version) AS versions,
  MAX_BY(baseline_age_days, CASE WHEN baseline_age_days IS NOT NULL THEN ts END) AS baseline_age_days,
  COUNT(*) AS readings,
  COUNT(anomaly_score) AS scored,
  MAX(ts) AS last_reading
FROM well_data
WHERE "date" BETWEEN :first_date AND :last_date
GROUP BY well_id
ORDER BY well_id
