-- Which lines were quarantined for a reason, or for any, and what did they say? The latest lines come first.
SELECT
  quarantined_at,
  kind,
  well_id,
  facility_id,
  ts,
  ARRAY_JOIN(reasons, ', ') AS reasons,
  raw_bytes,
  raw_truncated,
  raw_encoding,
  partition_key,
  kinesis_sequence,
  line,
  raw
FROM quarantine_lines
WHERE "date" BETWEEN :first_date AND :last_date
  AND (:reason = '' OR CONTAINS(reasons, :reason))
ORDER BY quarantined_at DESC, kinesis_sequence DESC, line
LIMIT 200
