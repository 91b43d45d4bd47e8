-- When did each alarm reach an operator, when did it return, and what did it say? One row per alarm_id.
-- `began` is the annunciation: the moment the alarm became active, or, where its operating state had it
-- suppressed by design, the end of the suppression. It `ended` with its return, or when it was suppressed
-- because the well had settled on a new level. An alarm that was suppressed to its end is not here.
-- `class` and `model_kind` are those of the reading at that moment. `run_offset_s` tells the replays of one
-- source apart: event time less time at the source.
CREATE OR REPLACE VIEW alarm_spans AS
SELECT
  alarm_id,
  MIN(well_id) AS well_id,
  MIN(facility_id) AS facility_id,
  MIN(source) AS source,
  MIN(COALESCE(CAST(ROUND(DATE_DIFF('millisecond', source_ts, ts) / 1000e0) AS bigint), 0)) AS run_offset_s,
  MIN(alarm_type) AS alarm_type,
  MIN(alarm_group) AS alarm_group,
  MIN(priority) AS priority,
  MIN(start_ts) AS start_ts,
  MIN(CASE WHEN event IN ('activated', 'unsuppressed') THEN ts END) AS began,
  MIN(CASE WHEN event = 'returned' OR cause = 'new_level' THEN ts END) AS ended,
  COALESCE(
    MIN(CASE WHEN cause = 'new_level' THEN cause END),
    MIN(CASE WHEN event = 'returned' THEN cause END)
  ) AS cause,
  MIN(CASE WHEN event IN ('activated', 'unsuppressed') THEN class END) AS class,
  MIN(CASE WHEN event IN ('activated', 'unsuppressed') THEN model_kind END) AS model_kind,
  MIN(CASE WHEN event IN ('activated', 'unsuppressed') THEN sentence END) AS sentence,
  MIN(CASE WHEN event IN ('activated', 'unsuppressed') THEN likely_class END) AS likely_class,
  MIN(CASE WHEN event IN ('activated', 'unsuppressed') THEN likely_event END) AS likely_event,
  MIN(CASE WHEN event IN ('activated', 'unsuppressed') THEN evidence END) AS evidence
FROM alarm_history
WHERE event IN ('activated', 'suppressed', 'unsuppressed', 'returned')
GROUP BY alarm_id
HAVING COUNT_IF(event IN ('activated', 'unsuppressed')) > 0
