-- How many lines of wells were quarantined since `${since}` (UTC), of all facilities or of ${facilities}?
SELECT COUNT(*) AS quarantined
FROM quarantine_lines
WHERE
  quarantined_at >= TIMESTAMP '${since}'
  AND COALESCE(kind, 'well') <> 'tank'
  AND (${every} OR partition_key IN (${facilities}))
