-- What happened to every alarm, and when? One row per transition_id.
-- Gold where it exists, and curated_alarm_history for all other dates. Jobs write the dates in the
-- place of FALSE and TRUE (batch/views.py): literals, so that a query is planned without
-- the days it leaves out.
-- Written by `python -m tools.sql_render` from petrostream/schema/alarm_history_gold.json.
CREATE OR REPLACE VIEW alarm_history AS
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
FROM alarm_history_gold
WHERE FALSE -- gold: in alarm_history_gold
UNION ALL
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
FROM curated_alarm_history
WHERE TRUE -- gold: not in alarm_history_gold
