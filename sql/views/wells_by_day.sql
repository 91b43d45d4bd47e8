-- Which wells sent readings, each day, and from where? One row per well, facility and UTC date.
-- It reads two short columns of the table itself, the cheapest question there is: `rows_landed` counts a reading
-- that was delivered twice twice. A condition on date keeps it cheap.
CREATE OR REPLACE VIEW wells_by_day AS
SELECT
  well_id,
  facility_id,
  COUNT(*) AS rows_landed,
  "date"
FROM scored_readings
GROUP BY well_id, facility_id, "date"
