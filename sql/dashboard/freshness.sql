-- When did the last row of each table reach the lake, and how many came in the days asked for?
SELECT 'scored_readings' AS table_name, COUNT(*) AS landed, MAX(scored_at) AS last_row
FROM scored_readings
WHERE "date" BETWEEN :first_date AND :last_date
UNION ALL
SELECT 'facility_readings', COUNT(*), MAX(joined_at)
FROM facility_readings
WHERE "date" BETWEEN :first_date AND :last_date
UNION ALL
SELECT 'alarms', COUNT(*), MAX(recorded_at)
FROM alarms
WHERE "date" BETWEEN :first_date AND :last_date
UNION ALL
SELECT 'quarantine', COUNT(*), MAX(quarantined_at)
FROM quarantine
WHERE "date" BETWEEN :first_date AND :last_date
ORDER BY table_name
