-- How many readings of each facility have a tank reading beside them, how far apart are the two,
-- and how often do gas, vapor and process together make an ALERT?
SELECT
  facility_id,
  COUNT(*) AS readings,
  COUNT_IF(pairing_status = 'MATCHED') AS matched,
  COUNT_IF(pairing_status = 'UNMATCHED') AS unmatched,
  AVG(ABS(CAST(dt_ms AS DOUBLE))) AS mean_distance_ms,
  MAX(methane_ppm) AS highest_methane_ppm,
  MAX(vapor_concentration_ppm) AS highest_vapor_ppm,
  COUNT_IF(status = 'ALERT') AS alerts
FROM facility_data
GROUP BY facility_id
ORDER BY facility_id
