-- What became of every well reading that reached the lake? A late reading is stored without a score.
SELECT
  COUNT(*) AS landed,
  COUNT_IF(late) AS late,
  COUNT_IF(anomaly_score IS NULL AND NOT late) AS unscored
FROM (
  SELECT anomaly_score, COALESCE(CONTAINS(validation_reasons, 'late:ts'), FALSE) AS late
  FROM curated_data
)
