-- Which operator position does each facility report to? One that is not here: to console-1.
-- Written by `python -m tools.sql_render` from infra/consoles.json.
CREATE OR REPLACE VIEW consoles AS
SELECT
  CAST(facility_id AS varchar) AS facility_id,
  CAST(console AS varchar) AS console
FROM (
  VALUES
  ('', 'console-1')
) AS listed (facility_id, console)
