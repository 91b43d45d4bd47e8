-- As detector_scoreboard, of the last 7 days.
-- Written by `python -m tools.sql_render` from sql/views/detector_scoreboard.sql.
CREATE OR REPLACE VIEW recent_scoreboard AS
WITH readings AS (
  SELECT
    well_id,
    source,
    COALESCE(CAST(ROUND(DATE_DIFF('millisecond', source_ts, ts) / 1000e0) AS bigint), 0) AS run_offset_s,
    ts,
    class,
    model_kind,
    alarm_active
  FROM recent_readings
  WHERE alarm_active IS NOT NULL
),
timed AS (
  SELECT
    readings.*,
    COALESCE(
      LEAST(
        DATE_DIFF(
          'millisecond',
          LAG(ts) OVER (PARTITION BY well_id, source, run_offset_s ORDER BY ts),
          ts
        ) / 1000e0,
        60e0
      ),
      1e0
    ) AS seconds
  FROM readings
),
watched AS (
  SELECT
    well_id,
    source,
    run_offset_s,
    MIN(ts) AS watched_from,
    SUM(CASE WHEN class = 0 THEN seconds ELSE 0e0 END) AS normal_seconds,
    SUM(CASE WHEN class = 0 AND alarm_active > 0 THEN seconds ELSE 0e0 END) AS normal_seconds_in_alarm,
    MAX(CASE WHEN class > 100 THEN class - 100 WHEN class > 0 THEN class END) AS event_class,
    MIN(CASE WHEN class > 0 THEN ts END) AS event_from,
    MAX(CASE WHEN class > 0 THEN ts END) AS event_to
  FROM timed
  WHERE model_kind = 'commissioned'
  GROUP BY well_id, source, run_offset_s
),
opened AS (
  SELECT
    watched.well_id,
    watched.source,
    watched.run_offset_s,
    MAX(readings.ts) AS last_normal
  FROM watched
  INNER JOIN readings
    ON readings.well_id = watched.well_id
    AND readings.source = watched.source
    AND readings.run_offset_s = watched.run_offset_s
    AND readings.class = 0
    AND readings.ts < watched.event_from
  GROUP BY watched.well_id, watched.source, watched.run_offset_s
),
judged AS (
  SELECT
    watched.well_id,
    watched.source,
    watched.run_offset_s,
    COUNT_IF(spans.class = 0) AS false_alarms,
    COUNT_IF(spans.class = 0 AND (spans.ended IS NULL OR spans.ended > watched.event_from)) AS standing,
    MIN(
      CASE
        WHEN COALESCE(spans.class, 1) <> 0
          AND spans.began > COALESCE(opened.last_normal, TIMESTAMP '1970-01-01 00:00:00')
          AND spans.began <= watched.event_to
        THEN spans.began
      END
    ) AS detected_at
  FROM watched
  INNER JOIN recent_alarm_spans AS spans
    ON spans.well_id = watched.well_id
    AND spans.source = watched.source
    AND spans.run_offset_s = watched.run_offset_s
    AND spans.began >= watched.watched_from
    AND spans.alarm_group = 'process'
  LEFT JOIN opened
    ON opened.well_id = watched.well_id
    AND opened.source = watched.source
    AND opened.run_offset_s = watched.run_offset_s
  GROUP BY watched.well_id, watched.source, watched.run_offset_s
)
SELECT
  watched.well_id,
  watched.source,
  watched.run_offset_s,
  watched.event_class,
  watched.normal_seconds / 3600e0 AS normal_hours,
  watched.normal_seconds_in_alarm / 3600e0 AS normal_hours_in_alarm,
  COALESCE(judged.false_alarms, 0) AS false_alarms,
  CASE
    WHEN watched.normal_seconds > 0
    THEN 3600e0 * COALESCE(judged.false_alarms, 0) / watched.normal_seconds
  END AS false_alarms_per_hour,
  watched.event_from,
  watched.event_to,
  judged.detected_at,
  DATE_DIFF('millisecond', watched.event_from, judged.detected_at) / 1000e0 AS delay_s,
  CASE WHEN judged.detected_at < watched.event_from THEN 1 ELSE 0 END AS early,
  CASE WHEN watched.event_from IS NOT NULL AND judged.detected_at IS NULL THEN 1 ELSE 0 END AS missed,
  CASE WHEN watched.event_from IS NOT NULL AND judged.standing > 0 THEN 1 ELSE 0 END AS false_alarm_standing
FROM watched
LEFT JOIN judged
  ON judged.well_id = watched.well_id
  AND judged.source = watched.source
  AND judged.run_offset_s = watched.run_offset_s
