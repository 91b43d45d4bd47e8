-- How good was the detector in the last 7 days: alarms, missed events, delays?
-- Written by `python -m tools.sql_render` from sql/queries/scoreboard.sql.
-- Delays in seconds; an early detection counts as 0. Medians and the 90th percentile are exact, interpolated.
WITH runs AS (
  SELECT
    normal_hours,
    normal_hours_in_alarm,
    false_alarms,
    false_alarms_per_hour,
    event_from,
    missed,
    early,
    GREATEST(delay_s, 0.0) AS wait_s
  FROM recent_scoreboard
),
ranked AS (
  SELECT
    runs.*,
    COUNT(wait_s) OVER () AS waits,
    COUNT(false_alarms_per_hour) OVER () AS rates,
    ROW_NUMBER() OVER (ORDER BY CASE WHEN wait_s IS NULL THEN 1 ELSE 0 END, wait_s) AS wait_place,
    ROW_NUMBER() OVER (
      ORDER BY CASE WHEN false_alarms_per_hour IS NULL THEN 1 ELSE 0 END, false_alarms_per_hour
    ) AS rate_place
  FROM runs
)
SELECT
  COUNT(*) AS instances,
  COUNT(event_from) AS events,
  SUM(missed) AS missed,
  SUM(early) AS early,
  SUM(normal_hours) AS normal_hours,
  SUM(false_alarms) AS false_alarms,
  SUM(false_alarms) / NULLIF(CAST(SUM(normal_hours) AS double), 0) AS false_alarms_per_hour,
  SUM(
    CASE WHEN rate_place <= rates
      THEN false_alarms_per_hour * GREATEST(0.0, 1.0 - ABS(rate_place - 1 - 0.5 * (rates - 1)))
    END
  ) AS median_false_alarms_per_hour,
  SUM(normal_hours_in_alarm) / NULLIF(CAST(SUM(normal_hours) AS double), 0) AS normal_share_in_alarm,
  SUM(
    CASE WHEN wait_place <= waits
      THEN wait_s * GREATEST(0.0, 1.0 - ABS(wait_place - 1 - 0.5 * (waits - 1)))
    END
  ) AS median_delay_s,
  SUM(
    CASE WHEN wait_place <= waits
      THEN wait_s * GREATEST(0.0, 1.0 - ABS(wait_place - 1 - 0.9 * (waits - 1)))
    END
  ) AS p90_delay_s
FROM ranked
