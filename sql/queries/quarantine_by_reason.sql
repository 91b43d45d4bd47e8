-- What was rejected, and why? A line with several reasons counts under each of them.
SELECT
  reason,
  facility_id,
  COUNT(*) AS lines,
  MIN(quarantined_at) AS first_seen,
  MAX(quarantined_at) AS last_seen
FROM quarantine_lines
CROSS JOIN UNNEST(reasons) AS t(reason)
GROUP BY reason, facility_id
ORDER BY lines DESC, reason, facility_id
