-- How did the live model do on each well, by what is known since? For the weekly evaluation.
-- Normal: labelled 0 or not labelled. A well counts with the readings that its own baseline scored.
SELECT
  well_id,
  MAX_BY(model_version, ts) AS model_version,
  COUNT(*) AS readings,
  COUNT_IF(model_kind = 'commissioned') AS commissioned,
  COUNT_IF(COALESCE(class, 0) = 0 AND model_kind = 'commissioned') AS normal_readings,
  COUNT_IF(COALESCE(class, 0) = 0 AND model_kind = 'commissioned' AND alarm_active > 0) AS normal_in_alarm,
  MAX(baseline_age_days) AS oldest_baseline_days
FROM well_data
WHERE "date" BETWEEN :first_day AND :last_day
GROUP BY well_id
ORDER BY well_id
