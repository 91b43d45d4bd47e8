-- How many lines did one run send to quarantine, by reason? `${since}` is when the run began (UTC).
SELECT
  ARRAY_JOIN(reasons, ', ') AS reasons,
  COUNT(*) AS quarantined
FROM quarantine_lines
WHERE quarantined_at >= TIMESTAMP '${since}'
GROUP BY ARRAY_JOIN(reasons, ', ')
ORDER BY quarantined DESC
