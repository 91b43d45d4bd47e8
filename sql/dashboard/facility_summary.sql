-- How much gas and vapor was there at each facility from one day to another? One row per facility and day.
SELECT *
FROM facility_days
WHERE "date" BETWEEN :first_date AND :last_date
ORDER BY facility_id, "date"
