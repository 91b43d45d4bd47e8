"""Lines of the jobs over stored data: a run each night, an evaluation each week, what gold holds, Spark."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil

from cost import figures as f
from cost.flow import Flow
from cost.lines import JOBS, LineItem

_NIGHTS = Fraction(f.MONTH_HOURS, 24)
_WEEKS = _NIGHTS / 7


def jobs(flow: Flow) -> Iterator[LineItem]:
    """Runs that find nothing to do, and what each day adds to them."""
    yield from _runs(flow)
    days = f.NIGHT_DAYS * _NIGHTS if flow.facilities else Fraction(0)
    work = f.JOBS_OF_A_DAY * f.JOB_FIXED_SECONDS + ceil(_day(flow) * f.COMPACT_READING_MS / 1000)
    yield LineItem(JOBS, "Lambda", "jobs of days: invocations", "lambda.request", f.JOBS_OF_A_DAY * days)
    yield LineItem(JOBS, "Lambda", "jobs of days: time", _second(flow), days * work * _memory_gb(flow))
    steps = f.DAY_STEPS * days
    yield LineItem(JOBS, "Step Functions", "steps of days", "states.transition", steps)
    yield LineItem(JOBS, "S3", "reads by jobs", "s3.get", days * _objects(flow))
    yield LineItem(JOBS, "S3", "writes by jobs", "s3.put", days * f.GOLD_OBJECTS)
    size = max(_day(flow) * f.GOLD_STORED_BYTES * f.QUERY_SHARE, Fraction(f.QUERY_MIN_BYTES))
    scanned = f.REPORT_QUERIES * days * size / f.TB
    yield LineItem(JOBS, "Athena", "queries of the quality report", "athena.tb", scanned)


def _runs(flow: Flow) -> Iterator[LineItem]:
    """Of each run its start, and the jobs that say what there is to do and what was done."""
    calls = 2 * _NIGHTS + _WEEKS
    yield LineItem(JOBS, "Lambda", "runs: invocations", "lambda.request", calls, fixed=True)
    time = calls * f.JOB_FIXED_SECONDS * _memory_gb(flow)
    yield LineItem(JOBS, "Lambda", "runs: time", _second(flow), time, fixed=True)
    steps = f.NIGHT_STEPS * _NIGHTS + f.WEEK_STEPS * _WEEKS
    yield LineItem(JOBS, "Step Functions", "steps of runs", "states.transition", steps, fixed=True)
    yield LineItem(JOBS, "Scheduler", "starts", "scheduler.start", _NIGHTS + _WEEKS, fixed=True)


def _second(flow: Flow) -> str:
    """Key of the price of the function's time."""
    return f"lambda.{flow.settings.runtime.architecture}_gb_second"


def _memory_gb(flow: Flow) -> Fraction:
    return Fraction(flow.settings.batch.memory_mb, f.KB)


def gold(flow: Flow) -> Iterator[LineItem]:
    """What gold holds at the end of the month, replaced runs included."""
    kept = 1 + (f.NIGHT_DAYS - 1) * flow.settings.gold.keep_days / _NIGHTS
    months = flow.workload.months - 1 + kept
    held = flow.readings * f.GOLD_STORED_BYTES * flow.seconds * months / f.GB
    yield LineItem(JOBS, "S3", "gold data", "s3.standard_gb", held, stored=True)


def spark(flow: Flow) -> Iterator[LineItem]:
    """A backfill of the month's readings on Spark; nothing while no job runs, and nothing without Spark."""
    readings = flow.readings * flow.seconds
    if not flow.settings.spark.enabled or not readings:
        return
    seconds = readings / f.SPARK_READINGS_PER_SECOND + f.SPARK_CORES * f.SPARK_WAIT_SECONDS
    hours = seconds / 3600
    price = "emr_serverless.arm64"
    yield LineItem(JOBS, "EMR Serverless", "Spark, a run over the month: vCPU", f"{price}_vcpu_hour", hours)
    memory = hours * f.SPARK_GB_PER_CORE
    yield LineItem(JOBS, "EMR Serverless", "Spark, a run over the month: memory", f"{price}_gb_hour", memory)


def _day(flow: Flow) -> Fraction:
    """Readings of an average day."""
    return flow.readings * flow.seconds / _NIGHTS


def _objects(flow: Flow) -> Fraction:
    """Curated objects of an average day."""
    return flow.curated_objects * flow.seconds / _NIGHTS
