-- What happened to every alarm, by the curated zone alone? One row per transition_id.
-- Exact at any time; alarm_history reads past days from gold.
-- A retry can land a transition twice, with the same identity. The first record that caused
-- it counts; of that record the copy recorded last. A transition's copies share its date.
-- Written by `python -m tools.sql_render` from petrostream/schema/alarms.json.
CREATE OR REPLACE VIEW curated_alarm_history AS
SELECT
  "transition_id",
  "alarm_id",
  "well_id",
  "facility_id",
  "ts",
  "source",
  "source_ts",
  "alarm_type",
  "alarm_group",
  "priority",
  "event",
  "state",
  "cause",
  "start_ts",
  "active_ts",
  "sentence",
  "likely_class",
  "likely_event",
  "evidence",
  "anomaly_score",
  "rule_ids",
  "class",
  "operating_state",
  "model_version",
  "model_kind",
  "actor",
  "comment",
  "shelved_until",
  "kinesis_sequence",
  "recorded_at",
  "date"
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY "date", "transition_id" ORDER BY LENGTH("kinesis_sequence"), "kinesis_sequence", "recorded_at" DESC) AS copy_number
  FROM alarms
)
WHERE copy_number = 1
