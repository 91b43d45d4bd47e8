-- How many lines of wells did one run send to quarantine, by reason? `${since}` is when the run began (UTC).
-- A line of a tank is no well reading; where the join is off, all of them are there.
SELECT
  ARRAY_JOIN(reasons, ', ') AS reasons,
  COUNT(*) AS quarantined
FROM quarantine_lines
WHERE quarantined_at >= TIMESTAMP '${since}' AND COALESCE(kind, 'well') <> 'tank'
GROUP BY ARRAY_JOIN(reasons, ', ')
ORDER BY quarantined DESC
