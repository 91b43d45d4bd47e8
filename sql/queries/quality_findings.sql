-- What did the quality reports find, latest day first? Every measure over a limit, FAILED before WARN.
SELECT
  "date",
  verdict,
  well_id,
  measure,
  subject,
  value,
  unit,
  COALESCE(CASE WHEN verdict = 'FAILED' THEN fail_at END, warn_at) AS limit_value,
  readings,
  reported_at
FROM gold_quality
WHERE verdict <> 'OK'
ORDER BY "date" DESC, verdict, well_id, measure, subject
