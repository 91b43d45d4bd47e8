-- How did a well's gauges, scores and risk run: mean, least and greatest value of each stretch of time?
-- The dashboard lists the columns of the gauges at the marks. A gauge that is in another unit (`odd`) is left
-- out while it is, as from every other figure.
SELECT
  DATE_ADD('second', CAST(:seconds * FLOOR(TO_UNIXTIME(ts) / CAST(:seconds AS double)) AS bigint), TIMESTAMP '1970-01-01 00:00:00') AS bucket,
  COUNT(*) AS readings,
  /* gauges */
  AVG(anomaly_score) AS score_mean,
  MAX(anomaly_score) AS score_max,
  SUM(anomaly_flag) AS anomalies,
  MAX(risk_score) AS risk_max,
  MIN(class) AS class_min,
  MAX(class) AS class_max,
  MAX(baseline_age_days) AS baseline_age_days,
  MIN(data_quality_score) AS quality_min
FROM (
  SELECT
    /* columns */
    ts,
    anomaly_score,
    anomaly_flag,
    risk_score,
    class,
    baseline_age_days,
    data_quality_score,
    TRANSFORM(FILTER(validation_reasons, reason -> reason LIKE 'unit:%'), reason -> SPLIT_PART(reason, ':', 2)) AS odd
  FROM well_data
  WHERE well_id = :well_id
    AND "date" BETWEEN :first_date AND :last_date
    AND ts >= :start AND ts < :end
)
GROUP BY 1
ORDER BY 1
