-- How did a well's gauges, scores and risk run: mean, least and greatest value of each stretch of time?
-- The dashboard lists the columns of the gauges at the marks. A gauge that is in another unit (`odd`) is left
-- out while it is, as from every other figure. What explains a stretch is that of its highest score.
SELECT
  DATE_ADD('second', CAST(:seconds * FLOOR(TO_UNIXTIME(ts) / CAST(:seconds AS double)) AS bigint), TIMESTAMP '1970-01-01 00:00:00') AS bucket,
  COUNT(*) AS readings,
  /* gauges */
  AVG(anomaly_score) AS score_mean,
  MAX(anomaly_score) AS score_max,
  SUM(anomaly_flag) AS anomalies,
  MAX(risk_score) AS risk_max,
  MIN(data_quality_score) AS quality_min,
  MAX(class) AS label,
  MAX_BY(ts, anomaly_score) AS worst_ts,
  MAX_BY(ARRAY_JOIN(top_sensors, ', '), anomaly_score) AS top_sensors,
  MAX_BY(reason, anomaly_score) AS reason,
  MAX_BY(ARRAY_JOIN(rule_ids, ', '), anomaly_score) AS rules,
  MAX_BY(ARRAY_JOIN(sensor_health, ', '), ts) AS health,
  MAX_BY(model_kind, ts) AS model_kind,
  MAX_BY(model_version, ts) AS model_version,
  MAX(baseline_age_days) AS baseline_age_days,
  MAX_BY(level_shift, ABS(level_shift)) AS level_shift,
  MAX_BY(level_shift_sensor, ABS(level_shift)) AS level_shift_sensor
FROM (
  SELECT
    well_data.*,
    TRANSFORM(FILTER(validation_reasons, reason -> reason LIKE 'unit:%'), reason -> SPLIT_PART(reason, ':', 2)) AS odd
  FROM well_data
  WHERE well_id = :well_id
    AND "date" BETWEEN :first_date AND :last_date
    AND ts >= :start AND ts < :end
)
GROUP BY 1
ORDER BY 1
