-- What was going on around each well reading, at its tank? One row per event_id.
-- A reading lands twice when it was sent or joined again. A copy with a tank reading counts
-- before one without. Of those, the first record that carried the reading counts, and of
-- that record the copy with the nearest tank reading: who knew less of the stream found no
-- nearer one. Equal copies: the last. A reading's copies share its date.
-- Written by `python -m tools.sql_render` from petrostream/schema/facility_readings.json.
CREATE OR REPLACE VIEW facility_data AS
SELECT
  "event_id",
  "well_id",
  "facility_id",
  "ts",
  "source",
  "pairing_status",
  "unmatched_reason",
  "tank_id",
  "tank_event_id",
  "tank_ts",
  "dt_ms",
  "vapor_concentration_ppm",
  "tank_level_pct",
  "tank_pressure_pa",
  "tank_temperature_c",
  "pressure",
  "temperature",
  "methane_ppm",
  "co2_ppm",
  "vibration_rms",
  "anomaly_score",
  "anomaly_flag",
  "emission_category",
  "emission_risk",
  "vapor_category",
  "vapor_risk",
  "process_risk",
  "risk_score",
  "status",
  "kinesis_sequence",
  "joined_at",
  "date"
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY "date", "event_id" ORDER BY "pairing_status", LENGTH("kinesis_sequence"), "kinesis_sequence", ABS("dt_ms"), "joined_at" DESC) AS copy_number
  FROM facility_readings
)
WHERE copy_number = 1
