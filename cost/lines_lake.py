"""Lines of the lake itself: objects written, and what the buckets store."""

from collections.abc import Iterator
from fractions import Fraction

from cost import figures as f
from cost.flow import Flow
from cost.lines import PATH, LineItem


def objects(flow: Flow) -> Iterator[LineItem]:
    """Objects written by the three Firehoses, and the models read by new processes."""
    written = (flow.raw_objects + flow.curated_objects + flow.quarantine_objects) * flow.seconds
    yield LineItem(PATH, "S3", "objects written", "s3.put", written)
    refresh = flow.settings.scoring.model_refresh_seconds
    # The process of each shard reads the pointer, but only while it is invoked.
    reads = flow.active_shards * flow.seconds / refresh if flow.facilities else Fraction(0)
    yield LineItem(PATH, "S3", "reads of the model pointer", "s3.get", reads)


def storage(flow: Flow) -> Iterator[LineItem]:
    """What the buckets hold at the end of the month; raw data moves to cheaper classes with age."""
    months = flow.workload.months
    curated = flow.readings * f.CURATED_STORED_BYTES * flow.seconds * months / f.GB
    yield LineItem(PATH, "S3", "curated data", "s3.standard_gb", curated, stored=True)
    yield from _raw(flow)
    bad = flow.rejected * f.QUARANTINE_ROW_BYTES / 5 * flow.seconds * months / f.GB
    yield LineItem(PATH, "S3", "quarantined data", "s3.standard_gb", bad, stored=True)


def _raw(flow: Flow) -> Iterator[LineItem]:
    settings = flow.settings.lake
    age = flow.workload.months * Fraction(f.MONTH_HOURS, 24)
    daily = flow.readings * f.RAW_STORED_BYTES * flow.seconds * 24 / f.MONTH_HOURS / f.GB
    large = flow.readings * f.RAW_STORED_BYTES >= flow.raw_objects * f.COOLED_BYTES
    warm = min(age, Fraction(settings.raw_infrequent_access_days)) if large else age
    cool = max(Fraction(0), min(age, Fraction(settings.raw_glacier_days)) - warm)
    cold = age - warm - cool
    for what, days, price in (
        ("raw data", warm, "s3.standard_gb"),
        ("raw data, infrequent access", cool, "s3.infrequent_gb"),
        ("raw data, Glacier instant", cold, "s3.glacier_instant_gb"),
    ):
        if days or what == "raw data":
            yield LineItem(PATH, "S3", what, price, daily * days, stored=True)
    monthly = Fraction(f.MONTH_HOURS, 24)
    for what, days, price in (
        ("raw objects moved to infrequent access", cool + cold, "s3.to_infrequent"),
        ("raw objects moved to Glacier instant", cold, "s3.to_glacier_instant"),
    ):
        if days:
            moved = flow.raw_objects * flow.seconds * min(days, monthly) / monthly
            yield LineItem(PATH, "S3", what, price, moved)
