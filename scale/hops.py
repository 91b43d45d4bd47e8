"""Writes and bytes a second on every hop of a step, from the flow of the cost model."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import ceil

from cost import figures as f
from cost.flow import Flow
from petrostream.aws.limits import FIREHOSE_CALL_BYTES, KINESIS_CALL_BYTES, KINESIS_CALL_RECORDS

ZERO = Fraction(0)


@dataclass(frozen=True, slots=True)
class Hop:
    """What goes over one hop in a second.

    Attributes:
        name: from where to where.
        writes: writes a second.
        unit: what a write is.
        bytes: bytes a second; None where write units say it.
    """

    name: str
    writes: float
    unit: str
    bytes: float | None


def hops(flow: Flow) -> Iterator[Hop]:
    """Every hop, in the order of the flow."""
    sent = flow.stream_bytes
    calls = max(flow.record_rate / KINESIS_CALL_RECORDS, sent / KINESIS_CALL_BYTES)
    yield Hop("producer to Kinesis", float(flow.record_rate), "records", float(sent))
    yield Hop("producer to Kinesis, full calls", float(calls), "PutRecords calls", None)
    packed = flow.entries(lambda size: size)
    rows = flow.batches * ceil(packed / flow.batches / FIREHOSE_CALL_BYTES)
    yield Hop("scoring to Firehose", float(rows), "PutRecordBatch calls", float(packed))
    raw = flow.readings * f.RAW_STORED_BYTES
    copies = flow.raw_copies * ceil(raw / flow.raw_copies / FIREHOSE_CALL_BYTES)
    yield Hop("raw copy to Firehose", float(copies), "PutRecordBatch calls", float(raw))
    parquet = flow.readings * f.CURATED_STORED_BYTES
    yield Hop("Firehose to S3, Parquet", float(flow.curated_objects), "objects", float(parquet))
    yield Hop("places of shards", float(place_units(flow)), "write units", None)
    yield Hop("snapshots of facilities", float(snapshot_units(flow)), "write units", None)
    yield Hop("closed minutes of wells", float(flow.window_writes), "write units", None)


def place_units(flow: Flow) -> Fraction:
    """Write units a second for the places of all shards."""
    return flow.batches * ceil(flow.place_bytes / f.WRITE_UNIT_BYTES)


def snapshot_units(flow: Flow) -> Fraction:
    """Write units a second for the snapshots of all facilities."""
    units = (
        flow.saves(facility) * ceil(flow.state_bytes(facility) / f.WRITE_UNIT_BYTES)
        for facility in flow.facilities
    )
    return sum(units, ZERO)


def table_units(flow: Flow) -> Fraction:
    """Write units a second for everything in the live table."""
    return place_units(flow) + flow.window_writes + snapshot_units(flow)
