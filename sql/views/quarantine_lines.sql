-- What was rejected, and why? One row per quarantine_id.
-- A retry can land a line twice, also on two dates: the date is that of arrival.
-- Written by `python -m tools.sql_render` from petrostream/schema/quarantine.json.
CREATE OR REPLACE VIEW quarantine_lines AS
SELECT
  "quarantine_id",
  "kind",
  "well_id",
  "facility_id",
  "ts",
  "reasons",
  "raw",
  "raw_encoding",
  "raw_bytes",
  "raw_truncated",
  "raw_sha256",
  "partition_key",
  "kinesis_sequence",
  "line",
  "quarantined_at",
  "date"
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY "quarantine_id" ORDER BY "quarantined_at" DESC, "date" DESC) AS copy_number
  FROM quarantine
)
WHERE copy_number = 1
