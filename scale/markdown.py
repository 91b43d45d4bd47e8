"""The tables of docs/reference/scale.md, to be pasted there after measurements on another machine."""

from collections.abc import Iterator, Sequence
from fractions import Fraction

from cost.report import dollars
from scale.model import CatchUp, Modelled
from scale.quotas import REGIONS
from scale.report import ReportRow, batch_rows
from scale.speed import Measurements
from scale.what_if import BATCH_SECONDS, what_if

SERVICES = ("Firehose", "DynamoDB", "Kinesis", "Lambda", "Athena", "S3")


def tables(measured: Measurements, found: Sequence[Modelled]) -> str:
    """Every table, with the heading of its section."""
    parts = (
        ("The steps", _STEP_COLUMNS, _steps(found)),
        ("Writes a second", ("hop", *(one.step.name for one in _in_first_region(found))), _hops(found)),
        ("The bill", ("readings/s", *SERVICES), _bills(found)),
        ("What was measured", _SHAPE_COLUMNS, _shapes(measured)),
        ("Processor time of a batch", ("", "ms"), batch_rows(measured.speed)),
        ("What decides the vCPUs", ("fleet", *(f"{s} s" for s in BATCH_SECONDS)), _fleets(measured)),
    )
    return "\n".join(f"## {title}\n\n{_table(columns, rows)}" for title, columns, rows in parts)


_STEP_COLUMNS = (
    "readings/s",
    "shards",
    "lag p50 / p95 / max, s",
    "vCPUs of scoring",
    "caught up, median / last shard, min",
    "$ a month",
    "$ a million readings",
)
_SHAPE_COLUMNS = ("wells of a facility", "readings of a block / batch", "readings/s warm / cold")


def _in_first_region(found: Sequence[Modelled]) -> list[Modelled]:
    return [one for one in found if one.region == REGIONS[0]]


def _steps(found: Sequence[Modelled]) -> Iterator[ReportRow]:
    for one in _in_first_region(found):
        usual, shards = one.steady, one.shards
        yield (
            f"{one.step.readings:,}",
            f"{shards:,}",
            f"{usual.lag_p50:.1f} / {usual.lag_p95:.1f} / {usual.lag_max:.1f}",
            f"{usual.vcpus:.1f}",
            _minutes(one.recovery),
            f"{int(dollars(one.bill.total, 0)):,}",
            dollars(one.usd_per_million, 3),
        )


def _minutes(after: CatchUp | None) -> str:
    if after is None:
        return ""
    over = f"over {after.watched_s / 60:.0f}"
    return " / ".join(over if one is None else f"{one / 60:.0f}" for one in (after.median_s, after.last_s))


def _hops(found: Sequence[Modelled]) -> Iterator[ReportRow]:
    for same in zip(*(one.hops for one in _in_first_region(found)), strict=True):
        yield f"{same[0].name}: {same[0].unit}", *(f"{hop.writes:,.1f}" for hop in same)
        if same[0].bytes is not None:
            yield f"{same[0].name}: MB", *(f"{(hop.bytes or 0) / 1e6:,.2f}" for hop in same)


def _bills(found: Sequence[Modelled]) -> Iterator[ReportRow]:
    for one in _in_first_region(found):
        parts = one.bill.by_service()
        amounts = (f"{int(dollars(parts.get(name, Fraction(0)), 0)):,}" for name in SERVICES)
        yield f"{one.step.readings:,}", *amounts


def _shapes(measured: Measurements) -> Iterator[ReportRow]:
    for one in measured.raw["shapes"]:
        warm = 1000 * one["readings"] / one["cpu_ms"]
        cold = 1000 * one["cold_readings"] / one["cold_cpu_ms"]
        fast = f" at {one['hz']} Hz" if one["hz"] > 1 else ""
        yield f"{one['wells']}{fast}", f"{one['block']:,} / {one['readings']:,}", f"{warm:,.0f} / {cold:,.0f}"


def _fleets(measured: Measurements) -> Iterator[ReportRow]:
    rows: dict[str, list[str]] = {}
    for one in what_if(measured.speed):
        rows.setdefault(f"{one.wells:,} wells at {one.hz} Hz", []).append(f"{one.vcpus:,.0f}")
    for fleet, cells in rows.items():
        yield fleet, *cells


def _table(columns: Sequence[str], rows: Iterator[ReportRow]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in lines)
