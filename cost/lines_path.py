"""Lines of the path from the stream to the lake: Kinesis, Firehose, Lambda, DynamoDB, logs."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil

from cost import figures as f
from cost.flow import Flow
from cost.lines import PATH, LineItem
from cost.sizes import rounded

DAY_HOURS = 24
WEEK_HOURS = 168


def kinesis(flow: Flow) -> Iterator[LineItem]:
    """The stream, in either mode, its extended retention, and the key calls of its encryption."""
    yield from _provisioned(flow) if flow.settings.stream.mode == "PROVISIONED" else _on_demand(flow)
    # Every five minutes of every hour in which a well sends.
    calls = f.KMS_CALLERS * 12 * flow.seconds / 3600 if flow.facilities else Fraction(0)
    yield LineItem(PATH, "KMS", "key calls of the stream's encryption", "kms.request", calls)


def _provisioned(flow: Flow) -> Iterator[LineItem]:
    stream = flow.settings.stream
    hours = Fraction(stream.shards * f.MONTH_HOURS)
    yield LineItem(PATH, "Kinesis", f"shards: {stream.shards}", "kinesis.shard_hour", hours, fixed=True)
    units = flow.records(lambda size: ceil(size / f.PUT_UNIT_BYTES)) * flow.seconds
    yield LineItem(PATH, "Kinesis", "records in, by 25 KB", "kinesis.put_unit", units)
    if flow.settings.scoring.enhanced_fan_out:
        # The consumer takes part in each shard, whether anything is sent or not.
        what = f"enhanced fan-out, shards: {stream.shards}"
        yield LineItem(PATH, "Kinesis", what, "kinesis.fan_out_shard_hour", hours, fixed=True)
        yield LineItem(PATH, "Kinesis", "enhanced fan-out: data out", "kinesis.fan_out_gb", _read_once(flow))
    if stream.retention_hours > DAY_HOURS:
        what = "retention beyond a day"
        yield LineItem(PATH, "Kinesis", what, "kinesis.extended_shard_hour", hours, fixed=True)
    if stream.retention_hours > WEEK_HOURS:
        beyond = _remembered(flow, stream.retention_hours - WEEK_HOURS)
        yield LineItem(PATH, "Kinesis", "retention beyond a week", "kinesis.long_term_gb", beyond)


def _on_demand(flow: Flow) -> Iterator[LineItem]:
    retention = flow.settings.stream.retention_hours
    hours = Fraction(f.MONTH_HOURS)
    yield LineItem(PATH, "Kinesis", "stream on demand", "kinesis.stream_hour", hours, fixed=True)
    gb_in = flow.records(lambda size: rounded(size, f.ON_DEMAND_ROUND_BYTES)) * flow.seconds / f.GB
    yield LineItem(PATH, "Kinesis", "data in, by 1 KB", "kinesis.gb_in", gb_in)
    once = _read_once(flow)
    if flow.settings.scoring.enhanced_fan_out:
        yield LineItem(PATH, "Kinesis", "data out, to the raw copy", "kinesis.gb_out", once)
        what = "enhanced fan-out: data out"
        yield LineItem(PATH, "Kinesis", what, "kinesis.on_demand_fan_out_gb", once)
    else:
        yield LineItem(PATH, "Kinesis", "data out, to both functions", "kinesis.gb_out", 2 * once)
    if retention > DAY_HOURS:
        beyond = _remembered(flow, min(retention, WEEK_HOURS) - DAY_HOURS)
        yield LineItem(PATH, "Kinesis", "retention beyond a day", "kinesis.extended_gb", beyond)
    if retention > WEEK_HOURS:
        beyond = _remembered(flow, retention - WEEK_HOURS)
        yield LineItem(PATH, "Kinesis", "retention beyond a week", "kinesis.long_term_gb", beyond)


def _read_once(flow: Flow) -> Fraction:
    """Size in GB of a month's stream."""
    return flow.stream_bytes * flow.seconds / f.GB


def _remembered(flow: Flow, hours: int) -> Fraction:
    """Size in GB of the given hours of an average day's stream."""
    return flow.stream_bytes * flow.seconds / f.MONTH_HOURS * hours / f.GB


def firehose(flow: Flow) -> Iterator[LineItem]:
    """The three delivery streams. Every entry counts as a multiple of 5 KB, a smaller one as 5 KB.

    Ingestion and conversion are charged by what is taken in, which is compressed; partitioning by what it
    processes, which is decompressed.
    """

    def billed(size: Fraction) -> int:
        return rounded(size, f.FIREHOSE_ROUND_BYTES)

    raw = flow.raw_entries(billed) * flow.seconds / f.GB
    yield LineItem(PATH, "Firehose", "raw zone: entries in, by 5 KB", "firehose.gb", raw)
    scored = flow.entries(billed) * flow.seconds / f.GB
    yield LineItem(PATH, "Firehose", "curated zone: entries in, by 5 KB", "firehose.gb", scored)
    yield LineItem(PATH, "Firehose", "curated zone: to Parquet", "firehose.conversion_gb", scored)
    placed = flow.row_bytes * flow.seconds / f.GB
    yield LineItem(PATH, "Firehose", "curated zone: by date", "firehose.partition_gb", placed)
    objects = flow.curated_objects * flow.seconds
    yield LineItem(PATH, "Firehose", "curated zone: objects by date", "firehose.partition_object", objects)
    bad = Fraction(0)
    if flow.facilities:
        bad = flow.quarantine_entries * billed(flow.quarantine_entry_bytes) * flow.seconds / f.GB
    yield LineItem(PATH, "Firehose", "quarantine: entries in, by 5 KB", "firehose.gb", bad)


def functions(flow: Flow) -> Iterator[LineItem]:
    """The three functions, and the failure queue."""
    settings = flow.settings
    sends = bool(flow.facilities)
    batches = Fraction(0) if flow.service_reads else flow.batches * flow.seconds
    time = f"lambda.{settings.runtime.architecture}_gb_second"
    for name, count, ms, memory_mb in (
        ("scoring", batches, flow.scoring_ms if sends else 0, settings.scoring.memory_mb),
        (
            "raw copy",
            flow.raw_copies * flow.seconds,
            flow.raw_copy_ms if sends else 0,
            settings.raw_copy.memory_mb,
        ),
        (
            "transform",
            flow.transforms * flow.seconds,
            flow.transform_ms if sends else 0,
            settings.firehose_transform.memory_mb,
        ),
    ):
        yield LineItem(PATH, "Lambda", f"{name}: invocations", "lambda.request", count)
        spent = count * ms / 1000 * memory_mb / 1024
        yield LineItem(PATH, "Lambda", f"{name}: {ms} ms each, {memory_mb} MB", time, spent)
    failed = 3 * batches * f.FAILED_BATCHES
    yield LineItem(PATH, "SQS", "batches given up on", "sqs.request", failed)


def table(flow: Flow) -> Iterator[LineItem]:
    """The live table: a shard's owner and place with each batch, snapshots, closed minutes.

    A snapshot is read only by a process that takes over. Each closed minute of a well is an update of an item
    small enough for one unit.
    """
    writes, units, stored = Fraction(0), Fraction(0), Fraction(0)
    for facility in flow.facilities:
        size = flow.state_bytes(facility)
        writes += flow.saves(facility) * ceil(size / f.WRITE_UNIT_BYTES)
        units += ceil(size / f.READ_UNIT_BYTES)
        stored += size / f.GB
    stored += flow.window_writes * flow.settings.live.window_hours * 3600 * f.WINDOW_BYTES / f.GB
    minutes = flow.window_writes * flow.seconds
    batches = flow.batches * flow.seconds
    places = batches * ceil(flow.place_bytes / f.WRITE_UNIT_BYTES) if flow.facilities else Fraction(0)
    starts = Fraction(f.COLD_STARTS_A_DAY * f.MONTH_HOURS, 24)
    yield LineItem(PATH, "DynamoDB", "places of shards, by 1 KB", "dynamodb.write_unit", places)
    yield LineItem(PATH, "DynamoDB", "owners of shards, read", "dynamodb.read_unit", batches)
    yield LineItem(PATH, "DynamoDB", "snapshots, by 1 KB", "dynamodb.write_unit", writes * flow.seconds)
    yield LineItem(PATH, "DynamoDB", "minutes of wells, by 1 KB", "dynamodb.write_unit", minutes)
    yield LineItem(PATH, "DynamoDB", "snapshots read, by 4 KB", "dynamodb.read_unit", units * starts)
    yield LineItem(PATH, "DynamoDB", "table", "dynamodb.gb", stored)
    if flow.settings.live.point_in_time_recovery:
        yield LineItem(PATH, "DynamoDB", "point-in-time recovery", "dynamodb.pitr_gb", stored)


def logs(flow: Flow) -> Iterator[LineItem]:
    """Logs and custom metrics of the functions."""
    summaries = min(flow.batches, Fraction(flow.active_shards, f.SUMMARY_SECONDS))
    # The service's logs are with its tasks.
    invocations = Fraction(0) if flow.service_reads else flow.batches
    written = Fraction(0) if flow.service_reads else summaries * f.SUMMARY_LOG_BYTES
    if flow.settings.runtime.system_log_level != "WARN":
        written += (invocations + flow.raw_copies + flow.transforms) * f.PLATFORM_LOG_BYTES
    gb = written * flow.seconds / f.GB
    age = Fraction(flow.workload.months * f.MONTH_HOURS, 24)
    days = min(Fraction(flow.settings.runtime.log_retention_days), age)
    yield LineItem(PATH, "CloudWatch", "logs in", "logs.ingest_gb", gb)
    yield LineItem(PATH, "CloudWatch", "logs kept", "logs.gb", gb * days * 24 / f.MONTH_HOURS)
    # A metric is charged for the hours in which it receives a value.
    metrics = f.METRICS * flow.seconds / 3600 / f.MONTH_HOURS if flow.facilities else Fraction(0)
    yield LineItem(PATH, "CloudWatch", f"custom metrics: {f.METRICS}", "cloudwatch.metric", metrics)
