-- How many lines of wells were quarantined between two moments? One row.
SELECT COUNT(*) AS quarantined
FROM quarantine_lines
WHERE "date" BETWEEN :first_date AND :last_date
  AND quarantined_at >= :start AND quarantined_at < :end
  AND COALESCE(kind, 'well') <> 'tank'
