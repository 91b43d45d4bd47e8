"""Basis of the bill besides prices and settings: measured sizes and times, and assumed usage.

Measured on the first 700 observations of one real 3W instance of each of eight wells (3 to 7 working gauges),
encoded by the producer, scored with forests of 100 trees on up to 6 sensors in batches of ten seconds.
Where wells differ, the figure of the most expensive well is used. Processor times are those of one x86-64
core at about 3 GHz, of scoring in batches of one second of 1 to 40 wells in 1 to 7 facilities; a Graviton
vCPU is assumed to be as fast.
"""

from fractions import Fraction

KB = 1024
GB = 1024**3
TB = 1024**4

MONTH_HOURS = 730
"""Hours in a month, as in AWS's own calculator (365 days / 12)."""

# --- measured ---------------------------------------------------------------------------------------------

READING_BYTES = 320
"""A reading as a line of a stream record: 277 on average, 319 for the well with most gauges."""

ROW_BYTES = 730
"""A scored row as a line of NDJSON: 680 on average, 726 for the well with most gauges."""

COMPRESSED_SHARE = Fraction(1, 4)
"""Compressed part of a block of scored rows: 0.22 for a row of each of ten wells, less for more."""

RAW_STORED_BYTES = 20
"""A reading in the raw zone, five minutes of ten wells in one gzip file: 18.1."""

CURATED_STORED_BYTES = 120
"""A row in the curated zone, one minute of ten wells in one Snappy Parquet file: 118.5 (96 in five)."""

STATE_WELL_BYTES = 750
"""Of a well's state, what does not depend on how often it sends: names, health, levels and trends of its
gauges, after some hours. 500 to 950."""

STATE_BYTES_PER_OBSERVATION = Fraction(950, 180)
"""A well's state holds three minutes: at 1 Hz, after hours of 16,000 observations at most, 1.3 kB a well on
average with what is fixed, 2.2 kB at most (`LARGEST_STATE_BYTES`). A figure between the two, since not all
wells of a facility are as expensive as the most expensive one."""

LARGEST_STATE_BYTES = 2200
"""State of the well with the most and noisiest gauges, seven of them: 2,177."""

NOISE_STATE_BYTES = 2600
"""State of the simulated well of `bench/scoring.py`, after hours: five gauges of white noise, of 5,000 times
their resolution, which nothing can shorten: 2,585. No real well is like that."""

STATE_SECONDS = 180
"""Time that a well's state covers."""

STATE_OVERHEAD_BYTES = 700
"""Keys, version and last sequence number of a state item: 200; the join without tanks: 310; the rest: 190."""

PLACE_BYTES = 350
"""Keys, epoch and sequence numbers of a shard's place."""

LATEST_WELL_BYTES = 60
"""Of a well, in the same item: its latest status, compressed with those of others."""

LIVE_WELL_BYTES = 250
"""Of a well, in the same item: its latest status 100, its unfinished minute 150."""

WINDOW_BYTES = 180
"""A closed minute of a well, a fifth of an item that stays under 1 KB."""

WINDOW_SECONDS = 60

SCORING_WINDOW_MS = Fraction(1)
"""Processor time of a closed minute: its item and a signed call (0.65); eight are sent in parallel."""

SCORING_FIXED_MS = Fraction(5, 2)
"""Processor time of an invocation: one signed Firehose call (1.1) and two DynamoDB calls (1.3)."""

SCORING_FACILITY_MS = Fraction(19, 10)
"""Processor time of a facility in a batch: its blocks and its memory."""

SCORING_WELL_MS = Fraction(9, 5)
"""Processor time of a well in a batch, besides its readings: its memory, gauge by gauge."""

SCORING_SNAPSHOT_MS = Fraction(13, 20)
"""Processor time of a snapshot: one signed DynamoDB call."""

SCORING_READING_MS = Fraction(9, 100)
"""Processor time of a reading: check, features, forest, rules, row."""

RAW_COPY_FIXED_MS = Fraction(2)
"""Processor time of an invocation of the raw copy: one signed Firehose call."""

RAW_COPY_RECORD_MS = Fraction(1, 200)
"""Processor time of a record in the raw copy."""

TRANSFORM_FIXED_MS = Fraction(2)
"""Processor time of an invocation of the Firehose transform."""

TRANSFORM_ROW_MS = Fraction(1, 200)
"""Processor time of a row in the transform: 0.004."""

PLATFORM_LOG_BYTES = 330
"""Log that Lambda itself writes of an invocation, unless `runtime.system_log_level` is WARN: lines 300, and
26 for each event."""

SUMMARY_LOG_BYTES = 1120
"""Log of several invocations: metrics 600, summary 520."""

SUMMARY_SECONDS = 20
"""Time between two summaries, unless something out of the ordinary happens."""

METRICS = 3
"""Custom metrics that scoring publishes all the time. Those on failures, repeated records, rejected models
and alarms are billed for the hours in which there are any; the five on tanks only where there are tanks,
$0.30 a month each."""

# --- assumed ----------------------------------------------------------------------------------------------

VCPU_MB = 1769
"""Memory at which a function has one full vCPU (AWS Lambda developer guide); its share is proportional."""

TABLE_WRITE_MS = Fraction(6)
"""Duration of one PutItem in the region: a shard's place; facilities' snapshots one after another."""

TABLE_READ_MS = Fraction(4)
"""Duration of one GetItem in the region: a shard's owner."""

POLL_SECONDS = 1
"""Lambda reads each shard once a second (developer guide, "Using Lambda with Kinesis")."""

FIREHOSE_WRITE_MS = Fraction(35)
"""Duration of one PutRecordBatch in the region."""

QUARANTINED_SHARE = Fraction(1, 1000)
"""Readings that fail the checks."""

QUARANTINE_ROW_BYTES = 700
"""A rejected line with its reasons."""

FAILED_BATCHES = Fraction(1, 10_000)
"""Batches given up on, each with three requests to the failure queue: send, receive, delete."""

COLD_STARTS_A_DAY = 20
"""New execution environments a day. Each takes over a shard: it reads every facility's snapshot and the
models once, and writes the snapshots."""

KMS_CALLERS = 3
"""Roles that use the stream (producer, scoring, raw copy); for each, Kinesis asks KMS every five minutes."""

QUERY_SHARE = Fraction(1, 2)
"""Share of a day's curated bytes that a query reads: half of the columns. A query covers one day."""

QUERY_MIN_BYTES = 10 * 1024**2
"""Smallest amount that Athena bills for a query."""

QUERIES_OF_TODAY = Fraction(1, 2)
"""Share of the queries that are over a day not yet in gold, of many small objects. A day in gold is one."""

COMPACT_READING_MS = Fraction(6, 100)
"""Time of a job of one vCPU for a reading of its day: read, sort, keep one of each, write."""

JOB_FIXED_SECONDS = 5
"""Start of a process with pyarrow, which no other job has left, and the calls around the work."""

GOLD_STORED_BYTES = 60
"""A row in gold, a day of a well in order, half of that in the curated zone."""

GOLD_OBJECTS = 12
"""Objects that a day's jobs write: its files, hours, days, alarms, report, and what they were made of."""

JOBS_OF_A_DAY = 2
"""Jobs of a nightly run for a day: compact it, and report on it."""

REPORT_QUERIES = 3
"""Queries of a day's quality report."""

NIGHT_DAYS = Fraction(6, 5)
"""Days a nightly run treats: the one before, and now and then one to which rows came late."""

NIGHT_STEPS, DAY_STEPS, WEEK_STEPS = 5, 3, 3
"""State transitions of a nightly run, of each of its days, and of a weekly one, without repetitions."""

GETS_PER_OBJECT = 3
"""Requests of a query to one Parquet object: one for its footer, two for the column chunks."""

ALARMS = 14
ALARM_METRICS = 18
"""CloudWatch bills each metric of an alarm: three of the operations alarms have two or three."""

DASHBOARDS = 1

LCU = Fraction(1, 20)
"""Load balancer capacity units for a handful of viewers (one unit carries 1 GB an hour)."""

IMAGE_GB = Fraction(1, 5)
"""A container image, compressed as the registry holds it."""

IMAGES_KEPT = 3
"""Images of a service that are kept on average; they share most of their layers: an upper bound."""

TASK_LOG_BYTES = 900
"""Log of a task in a minute: its metrics 700, and a line now and then."""

SERVICE_METRICS = 2
"""Custom metrics of the service besides those of scoring: records read, and how late they are."""

SCALING_ALARMS = 4
"""Alarms that scaling makes for itself, two for each of CPU and memory."""

SPARK_READINGS_PER_SECOND = 29_500
"""Readings that one core scores in a second, from raw objects to rows: measured without Spark and S3."""

SPARK_CORES = 16
"""vCPUs of a driver and three executors, the default of EMR Serverless: assumed."""

SPARK_WAIT_SECONDS = 300
"""How long these start and wait for each other and for S3: assumed."""

SPARK_GB_PER_CORE = 4
"""Memory of a worker for each vCPU, the default of EMR Serverless: assumed."""

# --- limits and rounding rules of the services ------------------------------------------------------------

PUT_UNIT_BYTES = 25 * KB
FIREHOSE_ROUND_BYTES = 5 * KB
ON_DEMAND_ROUND_BYTES = KB
WRITE_UNIT_BYTES = KB
READ_UNIT_BYTES = 4 * KB
EVENT_BYTES = 6 * 1024**2
"""Largest event that Lambda passes to a function; record data is base64 in it."""
EVENT_RECORD_BYTES = 400
"""Size of the metadata around a record in an event."""
SHARD_RECORDS = 1000
SHARD_BYTES = 1024**2
"""Limits of a shard: records and bytes a second."""
BUSY_SHARE = Fraction(4, 5)
"""Most of the time between two batches that scoring one may take; a function that needs more falls behind on
a busy second, and takes long to catch up."""
ON_DEMAND_SHARDS = 4
"""Shards of a new on-demand stream."""
COOLED_BYTES = 128 * KB
"""S3 lifecycle rules do not move smaller objects."""
