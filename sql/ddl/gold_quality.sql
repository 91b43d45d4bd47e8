-- Table gold_quality: Gold zone: the quality report of a day, one measure of the lake or of a well a row.
-- The deployment creates it. ${curated_bucket} is the bucket's name.
-- Written by `python -m tools.sql_render` from petrostream/schema/gold_quality.json.
CREATE EXTERNAL TABLE IF NOT EXISTS petrostream.gold_quality (
  `well_id` string COMMENT 'Well; null for a measure of the whole lake',
  `facility_id` string COMMENT 'Its facility',
  `measure` string COMMENT 'What was measured: docs/reference/jobs.md lists the measures',
  `subject` string COMMENT 'Of reason_share the reason, such as out_of_range:p_pdg; else null',
  `value` double COMMENT 'The measure; null where nothing could be measured',
  `unit` string COMMENT 'Its unit',
  `warn_at` double COMMENT 'Limit of WARN; null without one',
  `fail_at` double COMMENT 'Limit of FAILED; null without one',
  `verdict` string COMMENT 'OK, WARN or FAILED',
  `readings` bigint COMMENT 'Readings that were measured',
  `reported_at` timestamp COMMENT 'When the report was made [UTC]'
)
PARTITIONED BY (
  `date` date COMMENT 'UTC date of the readings'
)
STORED AS PARQUET
LOCATION 's3://${curated_bucket}/gold/quality/'
