-- Table quarantine: Quarantine zone: one rejected line a row, newline-delimited JSON by date of arrival.
-- The deployment creates it. ${quarantine_bucket} is the bucket's name.
-- Written by `python -m tools.sql_render` from petrostream/schema/quarantine.json.
CREATE EXTERNAL TABLE IF NOT EXISTS petrostream.quarantine (
  `quarantine_id` string COMMENT 'Identity of the rejected line: a pure function of shard sequence number and line number',
  `kind` string COMMENT 'Kind the record claims, if it could be read',
  `well_id` string COMMENT 'Well, if it could be read',
  `facility_id` string COMMENT 'Facility, if it could be read',
  `ts` string COMMENT 'Event time as written, if it could be read',
  `reasons` array<string> COMMENT 'Every reason the line was rejected',
  `raw` string COMMENT 'The line as received; base64 where raw_encoding says so',
  `raw_encoding` string COMMENT 'utf-8 or base64',
  `raw_bytes` bigint COMMENT 'Length of the line as received [byte]',
  `raw_truncated` boolean COMMENT 'True where raw holds only the beginning; the raw zone has the whole line',
  `raw_sha256` string COMMENT 'SHA-256 of the line as received',
  `partition_key` string COMMENT 'Partition key of the stream record',
  `kinesis_sequence` string COMMENT 'Sequence number of the stream record',
  `line` int COMMENT 'Line within the stream record, from 0',
  `quarantined_at` timestamp COMMENT 'When the line was rejected [UTC]'
)
PARTITIONED BY (
  `date` date COMMENT 'UTC date of arrival'
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION 's3://${quarantine_bucket}/quarantine/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.date.type' = 'date',
  'projection.date.format' = 'yyyy-MM-dd',
  'projection.date.range' = '2011-01-01,NOW+1DAYS',
  'projection.date.interval' = '1',
  'projection.date.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://${quarantine_bucket}/quarantine/date=${date}/'
)
