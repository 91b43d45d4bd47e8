-- How good was the detector on each labelled run of the last 7 days? One row per well and instance.
SELECT *
FROM recent_scoreboard
ORDER BY missed DESC, false_alarms DESC, well_id, source
