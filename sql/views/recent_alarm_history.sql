-- What happened to every alarm in the last 7 days? One row per transition_id.
-- A query without a date lists every day since lake.projection_start; this one lists nine.
-- Written by `python -m tools.sql_render`.
CREATE OR REPLACE VIEW recent_alarm_history AS
SELECT *
FROM alarm_history
WHERE "date" >= CURRENT_DATE - INTERVAL '7' DAY
