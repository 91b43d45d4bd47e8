-- As alarm_spans, of the last 7 days.
-- Written by `python -m tools.sql_render` from sql/views/alarm_spans.sql.
CREATE OR REPLACE VIEW recent_alarm_spans AS
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
FROM recent_alarm_history
WHERE event IN ('activated', 'suppressed', 'unsuppressed', 'returned')
GROUP BY alarm_id
HAVING COUNT_IF(event IN ('activated', 'unsuppressed')) > 0
