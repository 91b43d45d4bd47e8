-- Table gold_hours: Gold zone: each hour of each well, from the readings of well_data_gold.
-- The deployment creates it. ${curated_bucket} is the bucket's name.
-- Written by `python -m tools.sql_render` from petrostream/schema/gold_hours.json.
CREATE EXTERNAL TABLE IF NOT EXISTS petrostream.gold_hours (
  `well_id` string COMMENT 'Well',
  `hour_start` timestamp COMMENT 'Start of the hour [UTC]',
  `facility_id` string COMMENT 'Facility',
  `readings` bigint COMMENT 'Readings',
  `scored_readings` bigint COMMENT 'Readings with an anomaly score',
  `anomalies` bigint COMMENT 'Readings with anomaly_flag 1',
  `alert_readings` bigint COMMENT 'Readings with well_status ALERT',
  `readings_in_alarm` bigint COMMENT 'Readings at which an alarm was active and annunciated',
  `anomaly_score_mean` double COMMENT 'Mean anomaly score of the scored readings',
  `anomaly_score_max` double COMMENT 'Highest anomaly score',
  `max_risk` int COMMENT 'Highest risk score',
  `pressure_readings` bigint COMMENT 'Readings with a pressure in the expected unit',
  `pressure_mean` double COMMENT 'Their mean [Pa]',
  `pressure_min` double COMMENT 'Their lowest [Pa]',
  `pressure_max` double COMMENT 'Their highest [Pa]',
  `temperature_readings` bigint COMMENT 'Readings with a temperature in the expected unit',
  `temperature_mean` double COMMENT 'Their mean [degC]',
  `temperature_min` double COMMENT 'Their lowest [degC]',
  `temperature_max` double COMMENT 'Their highest [degC]',
  `methane_max_ppm` double COMMENT 'Highest methane [ppm]',
  `data_quality_mean` double COMMENT 'Mean data quality score [%]',
  `data_quality_min` double COMMENT 'Lowest data quality score [%]',
  `readings_with_reasons` bigint COMMENT 'Readings with a validation reason'
)
PARTITIONED BY (
  `date` date COMMENT 'UTC date of the hour'
)
STORED AS PARQUET
LOCATION 's3://${curated_bucket}/gold/hours/'
