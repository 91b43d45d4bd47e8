-- Why were lines quarantined, from one day to another? A line with several reasons counts under each.
SELECT
  reason,
  COUNT(*) AS lines,
  MIN(quarantined_at) AS first_seen,
  MAX(quarantined_at) AS last_seen
FROM quarantine_lines
CROSS JOIN UNNEST(reasons) AS t(reason)
WHERE "date" BETWEEN :first_date AND :last_date
GROUP BY reason
ORDER BY lines DESC, reason
