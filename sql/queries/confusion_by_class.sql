-- How do the detector's flags compare with the labels of the 3W dataset?
-- Class 0 is normal operation, 1 to 9 a steady event, 101 to 109 the transient that leads into one; some
-- stretches have no label. A reading without a score (too little history, too few sensors) is not flagged.
SELECT
  CASE
    WHEN class IS NULL THEN 'unlabelled'
    WHEN class = 0 THEN 'normal'
    WHEN class > 100 THEN 'transient'
    ELSE 'event'
  END AS label,
  class,
  COUNT(*) AS readings,
  COUNT_IF(anomaly_flag = 1) AS flagged,
  COUNT_IF(COALESCE(anomaly_flag, 0) = 0) AS not_flagged,
  COUNT_IF(anomaly_score IS NULL) AS not_scored,
  ROUND(100e0 * COUNT_IF(anomaly_flag = 1) / COUNT(*), 2) AS flagged_pct
FROM well_data
GROUP BY class
ORDER BY class
