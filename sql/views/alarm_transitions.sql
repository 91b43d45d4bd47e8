-- What happened to every alarm, and after how long? One row per transition_id, without arrays, for reports.
-- An alarm was annunciated where `annunciated` is 1. `active_seconds` stands with its return, `response_seconds`
-- with its acknowledgement: a transition needs no other row, so a condition on date keeps it cheap.
CREATE OR REPLACE VIEW alarm_transitions AS
SELECT
  transition_id,
  alarm_id,
  well_id,
  facility_id,
  ts,
  source,
  alarm_type,
  alarm_group,
  priority,
  event,
  state,
  cause,
  start_ts,
  active_ts,
  CASE WHEN event IN ('activated', 'unsuppressed') THEN 1 ELSE 0 END AS annunciated,
  CASE WHEN event = 'returned' THEN DATE_DIFF('millisecond', active_ts, ts) / 1000e0 END AS active_seconds,
  CASE WHEN event = 'acknowledged' THEN DATE_DIFF('millisecond', active_ts, ts) / 1000e0 END AS response_seconds,
  sentence,
  likely_class,
  likely_event,
  evidence,
  anomaly_score,
  ARRAY_JOIN(rule_ids, ', ') AS rule_ids,
  class,
  model_version,
  model_kind,
  actor,
  comment,
  "date"
FROM alarm_history
