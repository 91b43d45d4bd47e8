-- Table facility_readings: Curated zone: one well reading a row with the tank reading it was paired with, Parquet by date of ts.
-- The deployment creates it. ${curated_bucket} is the bucket's name.
-- Written by `python -m tools.sql_render` from petrostream/schema/facility_readings.json.
CREATE EXTERNAL TABLE IF NOT EXISTS petrostream.facility_readings (
  `event_id` string COMMENT 'Identity of the well reading, as in scored_readings; a retry repeats it',
  `well_id` string COMMENT 'Well',
  `facility_id` string COMMENT 'Facility',
  `ts` timestamp COMMENT 'Event time of the well reading [UTC]',
  `source` string COMMENT '3W instance the well reading was replayed from',
  `pairing_status` string COMMENT 'MATCHED with a tank reading within 5 s, or UNMATCHED',
  `unmatched_reason` string COMMENT 'no_tank (none came in time), late (came behind the watermark, no tank reading was known) or crowded (its place in the buffer was needed); null where matched',
  `tank_id` string COMMENT 'Tank of the paired reading; null where unmatched, as are all columns of the tank',
  `tank_event_id` string COMMENT 'Identity of the tank reading: a pure function of tank_id, facility_id and its time',
  `tank_ts` timestamp COMMENT 'Event time of the tank reading [UTC]',
  `dt_ms` bigint COMMENT 'Time of the tank reading less that of the well reading; negative where the tank was read before the well [ms]',
  `vapor_concentration_ppm` double COMMENT 'Hydrocarbon vapor in the tank\'s head space, by volume [ppm]',
  `tank_level_pct` double COMMENT 'Liquid level of the tank [%]',
  `tank_pressure_pa` double COMMENT 'Absolute pressure in the tank\'s head space [Pa]',
  `tank_temperature_c` double COMMENT 'Temperature of the tank\'s liquid [degC]',
  `pressure` double COMMENT 'Headline pressure of the well: P-TPT [Pa]',
  `temperature` double COMMENT 'Headline temperature of the well: T-TPT [degC]',
  `methane_ppm` double COMMENT 'Methane at the wellhead, by volume [ppm]',
  `co2_ppm` double COMMENT 'Carbon dioxide at the wellhead, by volume [ppm]',
  `vibration_rms` double COMMENT 'Root mean square of the well\'s vibration frame [m/s2]',
  `anomaly_score` double COMMENT 'Isolation Forest score of the well reading',
  `anomaly_flag` int COMMENT '1 where the score is at or over the well\'s threshold, else 0',
  `emission_category` string COMMENT 'NORMAL, MEDIUM or HIGH; null without a gas detector',
  `emission_risk` int COMMENT 'Points of the emission rule; null without a gas detector',
  `vapor_category` string COMMENT 'NORMAL, HIGH or CRITICAL; null without a vapor value',
  `vapor_risk` int COMMENT 'Points of the vapor rule; null without a vapor value',
  `process_risk` int COMMENT 'Points of the Isolation Forest and the physics rules; null where there was nothing to judge by',
  `risk_score` int COMMENT 'Sum of the parts present, capped at 100',
  `status` string COMMENT 'ALERT above 30 points, else NORMAL; unlike well_status it counts the vapor',
  `kinesis_sequence` string COMMENT 'Sequence number of the stream record that carried the well reading',
  `joined_at` timestamp COMMENT 'When the row was made [UTC]'
)
PARTITIONED BY (
  `date` date COMMENT 'UTC date of ts'
)
STORED AS PARQUET
LOCATION 's3://${curated_bucket}/facility_readings/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.date.type' = 'date',
  'projection.date.format' = 'yyyy-MM-dd',
  'projection.date.range' = '2011-01-01,NOW+1DAYS',
  'projection.date.interval' = '1',
  'projection.date.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://${curated_bucket}/facility_readings/date=${date}/'
)
