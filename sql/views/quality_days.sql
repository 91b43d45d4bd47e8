-- What is wrong with the data of each well, each day? One row per well, UTC date and reason.
-- A reading with several reasons counts under each of them. `fault` and `subject` are the first two parts of the
-- reason: late:ts, unit:p_pdg:bar?. A condition on date keeps it cheap.
CREATE OR REPLACE VIEW quality_days AS
SELECT
  well_id,
  MIN(facility_id) AS facility_id,
  t.problem AS reason,
  SPLIT_PART(t.problem, ':', 1) AS fault,
  SPLIT_PART(t.problem, ':', 2) AS subject,
  COUNT(*) AS readings,
  "date"
FROM well_data
CROSS JOIN UNNEST(validation_reasons) AS t(problem)
GROUP BY well_id, t.problem, "date"
