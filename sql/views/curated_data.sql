-- What do we know of every reading, by the curated zone alone? One row per event_id.
-- Exact at any time, and dearer than well_data, which reads past days from gold.
-- A reading lands twice when it was sent or scored again. The first record that carried it
-- counts: a later one comes late and has no score. Of that record the copy scored last
-- counts: a retry may know more of the windows. Sequence numbers compare as numbers.
-- A reading's copies share its date: a condition on date still skips the other partitions.
-- Written by `python -m tools.sql_render` from petrostream/schema/scored_readings.json.
CREATE OR REPLACE VIEW curated_data AS
SELECT
  "event_id",
  "well_id",
  "facility_id",
  "ts",
  "source",
  "source_ts",
  "aber_ckgl",
  "aber_ckp",
  "estado_dhsv",
  "estado_m1",
  "estado_m2",
  "estado_pxo",
  "estado_sdv_gl",
  "estado_sdv_p",
  "estado_w1",
  "estado_w2",
  "estado_xo",
  "p_anular",
  "p_jus_bs",
  "p_jus_ckgl",
  "p_jus_ckp",
  "p_mon_ckgl",
  "p_mon_ckp",
  "p_mon_sdv_p",
  "p_pdg",
  "pt_p",
  "p_tpt",
  "qbs",
  "qgl",
  "t_jus_ckp",
  "t_mon_ckp",
  "t_pdg",
  "t_tpt",
  "pressure",
  "temperature",
  "class",
  "state",
  "methane_ppm",
  "co2_ppm",
  "vibration_rms",
  "validation_status",
  "validation_reasons",
  "data_quality_score",
  "anomaly_score",
  "anomaly_flag",
  "top_sensors",
  "reason",
  "model_version",
  "model_kind",
  "baseline_age_days",
  "level_shift",
  "level_shift_sensor",
  "rule_ids",
  "suppressed",
  "sensor_health",
  "emission_category",
  "emission_risk",
  "process_risk",
  "risk_score",
  "well_status",
  "alarm_active",
  "kinesis_sequence",
  "scored_at",
  "date"
FROM (
  SELECT *, ROW_NUMBER() OVER (PARTITION BY "date", "event_id" ORDER BY LENGTH("kinesis_sequence"), "kinesis_sequence", "scored_at" DESC) AS copy_number
  FROM scored_readings
)
WHERE copy_number = 1
