"""What the bill rests on besides prices and settings: sizes and times measured, and habits assumed.

Measured on the first 700 observations of one real 3W instance of each of eight wells (3 to 7 gauges alive),
encoded by the producer, scored with forests of 100 trees on up to 6 sensors in batches of ten seconds.
Where wells differ, the dearest well's figure is taken. Processor times are those of one x86-64 core at
about 3 GHz; a Graviton vCPU is taken to be as fast.
"""

from fractions import Fraction

KB = 1024
GB = 1024**3
TB = 1024**4

MONTH_HOURS = 730
"""Hours in a month, as AWS's own calculator has it (365 days / 12)."""

# --- measured ---------------------------------------------------------------------------------------------

READING_BYTES = 320
"""A reading as a line of a stream record: 277 on average, 319 for the well with most gauges."""

ROW_BYTES = 730
"""A scored row as a line of NDJSON: 680 on average, 726 for the well with most gauges."""

RAW_STORED_BYTES = 20
"""A reading in the raw zone, five minutes of ten wells in one gzip file: 18.1."""

CURATED_STORED_BYTES = 120
"""A row in the curated zone, one minute of ten wells in one Snappy Parquet file: 118.5 (96 in five)."""

STATE_BYTES_PER_OBSERVATION = Fraction(1700, 180)
"""Of a well's state, which holds three minutes, at 1 Hz: 1.25 kB a well on average, 2.1 kB at most. Between
the two, since a facility's wells are not all as dear as the dearest."""

STATE_SECONDS = 180
"""How far back a well's state reaches."""

STATE_OVERHEAD_BYTES = 700
"""Keys, version and last sequence number of a state item: 200; the join without tanks: 310; the rest: 190."""

LIVE_WELL_BYTES = 250
"""Of a well, in the same item: its latest status 100, its minute that is not over 150."""

WINDOW_BYTES = 180
"""A closed minute of a well, a fifth of an item that stays under 1 KB."""

WINDOW_SECONDS = 60

SCORING_WINDOW_MS = Fraction(1)
"""Processor time of a closed minute: its item and a signed call (0.65); eight are under way at once."""

SCORING_FIXED_MS = Fraction(2)
"""Processor time of an invocation: metrics, log, one signed Firehose call (1.1 of it)."""

SCORING_FACILITY_MS = Fraction(5, 2)
"""Processor time of a facility in a batch: its blocks, state and one signed DynamoDB call (0.65 of it)."""

SCORING_READING_MS = Fraction(9, 100)
"""Processor time of a reading: check, features, forest, rules, row."""

TRANSFORM_FIXED_MS = Fraction(2)
"""Processor time of an invocation of the Firehose transform."""

TRANSFORM_ROW_MS = Fraction(1, 200)
"""Processor time of a row in the transform: 0.004."""

SCORING_LOG_BYTES = 1600
"""Log of an invocation: metrics 600, summary 520, the platform's lines 300, 26 for each event."""

TRANSFORM_LOG_BYTES = 900
"""Log of an invocation of the transform."""

METRICS = 5
"""Custom metrics the two functions publish all the time. Those on failures, repeated records, rejected models
and alarms are billed for the hours in which there are any; the five on tanks only where there are tanks,
$0.30 a month each."""

# --- assumed ----------------------------------------------------------------------------------------------

VCPU_MB = 1769
"""Memory at which a function has one whole vCPU (AWS Lambda developer guide); less memory, less of it."""

TABLE_WRITE_MS = Fraction(6)
"""Wait for one PutItem in the region; facilities are saved one after another."""

FIREHOSE_WRITE_MS = Fraction(35)
"""Wait for one PutRecordBatch in the region."""

QUARANTINED_SHARE = Fraction(1, 1000)
"""Readings that fail the checks."""

QUARANTINE_ROW_BYTES = 700
"""A rejected line with its reasons."""

FAILED_BATCHES = Fraction(1, 10_000)
"""Batches given up on, each one message to the failure queue, one to read it and one to delete it."""

COLD_STARTS_A_DAY = 20
"""New execution environments a day, each reading every facility's state and the models once."""

KMS_CALLERS = 3
"""Roles that use the stream (producer, scoring, Firehose); for each, Kinesis asks KMS every five minutes."""

QUERY_SHARE = Fraction(1, 2)
"""Of a day's curated bytes, what a query reads: half of the columns. A query looks at one day."""

QUERY_MIN_BYTES = 10 * 1024**2
"""Athena bills no query for less."""

GETS_PER_OBJECT = 3
"""Requests of a query to one Parquet object: its footer, and the column chunks in two."""

ALARMS = 12
ALARM_METRICS = 14
"""What CloudWatch bills is each metric an alarm looks at: two alarms are computed from two."""

DASHBOARDS = 1

FARGATE_VCPU = Fraction(1, 4)
FARGATE_GB = Fraction(1, 2)
"""The smallest task there is, one of them, all the time."""

LCU = Fraction(1, 20)
"""Load balancer capacity units for a handful of viewers (one unit carries 1 GB an hour)."""

PUBLIC_ADDRESSES = 3
"""Two of the load balancer, which must stand in two zones, and the task's. A NAT gateway would cost more."""

IMAGE_GB = Fraction(1, 2)
"""The service's container image."""

# --- limits and roundings of the services -----------------------------------------------------------------

PUT_UNIT_BYTES = 25 * KB
FIREHOSE_ROUND_BYTES = 5 * KB
ON_DEMAND_ROUND_BYTES = KB
WRITE_UNIT_BYTES = KB
READ_UNIT_BYTES = 4 * KB
EVENT_BYTES = 6 * 1024**2
"""Most that Lambda hands to a function at once; record data travel as base64."""
EVENT_RECORD_BYTES = 400
"""What surrounds a record in an event."""
SHARD_RECORDS = 1000
SHARD_BYTES = 1024**2
"""What a shard takes in a second."""
ON_DEMAND_SHARDS = 4
"""Shards a new on-demand stream begins with."""
COOLED_BYTES = 128 * KB
"""S3 lifecycle rules leave smaller objects where they are."""
