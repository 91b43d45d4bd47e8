"""What a step needs of each quota, and which it must have raised: from the flow of the cost model."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from cost import figures as f
from cost.basis import Basis
from cost.flow import Flow
from infra.settings import Settings
from scale.hops import place_units, table_units
from scale.quotas import Quota, quotas
from scale.shards import facilities_of_shards, names
from scale.steps import ScaleStep

HEADROOM = Fraction(2)
"""What is asked for where a quota must be raised, for each unit needed: what is behind catches up as fast
as new readings come."""


@dataclass(frozen=True, slots=True)
class Need:
    """A step's use of one quota.

    Attributes:
        quota: the quota of the region.
        what: what uses it.
        value: how much, in the quota's unit.
    """

    quota: Quota
    what: str
    value: float

    @property
    def share(self) -> float:
        """Part of the default that is used; over 1 it is not enough."""
        return self.value / self.quota.value

    @property
    def verdict(self) -> str:
        """`default`, `raised` (on request), or `over`: AWS does not raise it."""
        if self.value <= self.quota.value:
            return "default"
        return "raised" if self.quota.adjustable else "over"

    @property
    def granted(self) -> float:
        """The quota with which the step runs: the default, or what is asked for."""
        return self.value * float(HEADROOM) if self.verdict == "raised" else float(self.quota.value)


def flow_of(step: ScaleStep, settings: Settings, basis: Basis) -> Flow:
    """The flow of a step under its settings."""
    return Flow(settings, step.workload(settings), basis)


def hottest(step: ScaleStep, settings: Settings) -> int:
    """Facilities of the shard that has most, placed by the MD5 of their names."""
    return int(facilities_of_shards(names(step.facilities), settings.stream.shards).max())


def needs(region: str, step: ScaleStep, flow: Flow) -> list[Need]:
    """A step's use of every quota of a region that it touches."""
    table = quotas(region)
    return [Need(table[name], what, float(value)) for name, what, value in _uses(step, flow)]


def _uses(step: ScaleStep, flow: Flow) -> Iterator[tuple[str, str, Fraction]]:
    settings = flow.settings
    hot = Fraction(hottest(step, settings), step.facilities)
    # Scoring reads once what is written; the raw copy reads it once more.
    yield "shards", "shards of the stream", Fraction(settings.stream.shards)
    yield "shard_write_bytes", "hottest shard, in", flow.stream_bytes * hot
    yield "shard_write_records", "hottest shard, records", flow.record_rate * hot
    yield "shard_read_bytes", "hottest shard, out to scoring and raw copy", 2 * flow.stream_bytes * hot
    yield "lambda_concurrency", "scoring on every shard, raw copy, transform", _invocations(flow)
    yield (
        "lambda_scaling",
        "a function for every shard, after an outage",
        Fraction(flow.active_shards),
    )
    yield "firehose_bytes", "curated zone, compressed rows", flow.entries(lambda size: size)
    yield "firehose_requests", "curated zone, calls", flow.batches
    yield "firehose_records", "curated zone, entries", flow.entries(lambda _: 1)
    yield "firehose_bytes", "raw zone, compressed lines", flow.readings * f.RAW_STORED_BYTES
    yield "active_partition_bytes", "rows of today, decompressed", flow.row_bytes
    yield "table_write_units", "places, snapshots, minutes", table_units(flow)
    yield "partition_write_units", "places of all shards, one partition", place_units(flow)


def _invocations(flow: Flow) -> Fraction:
    busy = flow.raw_copies * flow.raw_copy_ms / 1000 + flow.transforms * flow.transform_ms / 1000
    return flow.active_shards + Fraction(ceil(busy))


def granted(found: list[Need]) -> Mapping[str, float]:
    """Each quota as the step has it: of several uses, what the largest asks for.

    A Firehose's requests and entries a second are raised with its bytes, in proportion (its page of quotas).
    """
    having = {
        name: max(one.granted for one in found if one.quota.name == name)
        for name in {one.quota.name for one in found}
    }
    default = next(one.quota.value for one in found if one.quota.name == "firehose_bytes")
    factor = having["firehose_bytes"] / default
    for name in ("firehose_requests", "firehose_records"):
        having[name] *= factor
    return having
