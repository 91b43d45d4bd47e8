-- How far has each well moved from its baseline, day by day?
SELECT
  well_id,
  "date" AS day,
  readings,
  baseline_age_days,
  level_shift,
  largest_level_shift,
  level_shift_sensor,
  outdated_hours,
  median_score,
  p99_score,
  flagged_share,
  without_baseline_share
FROM well_drift
WHERE "date" BETWEEN :first_date AND :last_date
ORDER BY well_id, "date"
