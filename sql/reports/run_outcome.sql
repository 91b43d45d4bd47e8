-- What became of the well readings of one replay? `${sent}` lists its instances with their time shifts in
-- milliseconds: two replays of one instance differ in them. `${first}` and `${last}` are dates of its readings.
SELECT
  COUNT(*) AS landed,
  COUNT_IF(late) AS late,
  COUNT_IF(anomaly_score IS NULL AND NOT late) AS unscored
FROM (
  SELECT w.anomaly_score, COALESCE(CONTAINS(w.validation_reasons, 'late:ts'), FALSE) AS late
  FROM curated_data AS w
  INNER JOIN (VALUES ${sent}) AS sent (source, shift_ms)
    ON sent.source = w.source AND sent.shift_ms = DATE_DIFF('millisecond', w.source_ts, w.ts)
  WHERE w.date BETWEEN DATE '${first}' AND DATE '${last}'
)
