-- What do we know of every reading of the last 7 days? One row per event_id.
-- A query without a date lists every day since lake.projection_start; this one lists nine.
-- Written by `python -m tools.sql_render`.
CREATE OR REPLACE VIEW recent_readings AS
SELECT *
FROM well_data
WHERE "date" >= CURRENT_DATE - INTERVAL '7' DAY
