-- Table alarm_history_gold: Gold zone: each transition of an alarm once, a Parquet file a day.
-- The deployment creates it. ${curated_bucket} is the bucket's name.
-- Written by `python -m tools.sql_render` from petrostream/schema/alarm_history_gold.json.
CREATE EXTERNAL TABLE IF NOT EXISTS petrostream.alarm_history_gold (
  `transition_id` string COMMENT 'Identity of the transition: a pure function of alarm, event and time; a retry repeats it',
  `alarm_id` string COMMENT 'Identity of the alarm: a pure function of well, alarm type, start and source',
  `well_id` string COMMENT 'Well',
  `facility_id` string COMMENT 'Facility',
  `ts` timestamp COMMENT 'Time of the transition: that of the reading that caused it, or of the operator\'s action [UTC]',
  `source` string COMMENT '3W instance the reading was replayed from',
  `source_ts` timestamp COMMENT 'Time of the transition at the source [UTC]',
  `alarm_type` string COMMENT 'forest, methane_high, or the name of the physics rule',
  `alarm_group` string COMMENT 'process or emission',
  `priority` string COMMENT 'critical, high, medium or low: by consequence and time to respond',
  `event` string COMMENT 'activated, suppressed, unsuppressed or returned by the stream; acknowledged, shelved, unshelved, removed_from_service, returned_to_service or commented by an operator; unshelved also by petrostream when the time is up',
  `state` string COMMENT 'The alarm\'s state afterwards; of a transition by the stream, as far as the stream knows',
  `cause` string COMMENT 'Why it returned: cleared, superseded, no_data or feed_ended; new_level where it is suppressed because the well has settled on one; null for other events',
  `start_ts` timestamp COMMENT 'First reading of the condition [UTC]',
  `active_ts` timestamp COMMENT 'When the alarm became active, after its on-delay [UTC]',
  `sentence` string COMMENT 'What the alarm says, where it is annunciated: what moved, by how much, and what that is like',
  `likely_class` int COMMENT '3W class of the event that an annunciated alarm most likely announces, 1 to 9, from rules; null where the evidence does not decide',
  `likely_event` string COMMENT 'That event\'s name in 3W; unknown where the evidence does not decide',
  `evidence` string COMMENT 'The signs that decided, or why none did',
  `anomaly_score` double COMMENT 'Isolation Forest score of the reading',
  `rule_ids` array<string> COMMENT 'Physics rules that held for the reading',
  `class` int COMMENT '3W label of the reading (ground truth)',
  `operating_state` int COMMENT '3W operating state of the reading',
  `model_version` string COMMENT 'Version of the model registry that scored the reading',
  `model_kind` string COMMENT 'commissioned or fleet',
  `actor` string COMMENT 'Who acted; null for transitions by the stream',
  `comment` string COMMENT 'Why, in the operator\'s words',
  `shelved_until` timestamp COMMENT 'End of the shelf, for shelved [UTC]',
  `kinesis_sequence` string COMMENT 'Sequence number of the stream record that carried the reading',
  `recorded_at` timestamp COMMENT 'When the row was made [UTC]'
)
PARTITIONED BY (
  `date` date COMMENT 'UTC date of ts'
)
STORED AS PARQUET
LOCATION 's3://${curated_bucket}/gold/alarm_history/'
