"""The report: what was measured, what is modelled on it, and what AWS quotes, each marked as such."""

import json
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from cost.prices import load_prices
from cost.report import dollars
from scale.model import CatchUp, Modelled
from scale.quotas import REGIONS, as_of, quotas
from scale.speed import BENCH, Measurements, Speed
from scale.steps import PARALLELIZATION
from scale.what_if import VCPU_BAR, what_if

ReportRow = Sequence[object]

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:1100px;margin:2rem auto;padding:0 1rem;
color:#1f2933}
h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2.2rem}
table{border-collapse:collapse;font-size:.86rem;margin:.6rem 0 1.2rem;width:100%}
th,td{padding:.25rem .5rem;border-bottom:1px solid #e4e7eb;text-align:right}
td:first-child,th:first-child{text-align:left}th{color:#52606d}
.mark{font-size:.75rem;border:1px solid #9aa5b1;border-radius:4px;padding:0 .35em;margin-left:.5em}
.note{color:#52606d;font-size:.86rem}.scroll{overflow-x:auto}"""


def as_json(measured: Measurements, found: Sequence[Modelled]) -> dict[str, Any]:
    """Everything, for scripts."""
    return {
        "measured": measured.raw,
        "modelled": [_json(one) for one in found],
        "what_if": [
            {"wells": one.wells, "hz": one.hz, "batch_seconds": one.seconds, "vcpus": round(one.vcpus, 1)}
            for one in what_if(measured.speed)
        ],
        "quoted": {
            "as_of": as_of(),
            "regions": {
                region: {
                    one.name: {"value": one.value, "adjustable": one.adjustable, "source": one.source}
                    for one in quotas(region).values()
                }
                for region in REGIONS
            },
        },
    }


def _json(one: Modelled) -> dict[str, Any]:
    usual, after = one.steady, one.recovery
    return {
        "step": one.step.name,
        "region": one.region,
        "readings_per_second": one.step.readings,
        "fits": one.fits,
        "needs": [
            {
                "quota": need.quota.name,
                "what": need.what,
                "value": round(need.value, 1),
                "default": need.quota.value,
                "verdict": need.verdict,
                "granted": round(need.granted, 1),
            }
            for need in one.needs
        ],
        "hops": [
            {
                "hop": hop.name,
                "writes_per_second": round(hop.writes, 3),
                "write": hop.unit,
                "bytes_per_second": None if hop.bytes is None else round(hop.bytes),
            }
            for hop in one.hops
        ],
        "steady": {name: round(getattr(usual, name), 3) for name in usual.__slots__},
        "recovery": None if after is None else {name: getattr(after, name) for name in after.__slots__},
        "usd_per_month": dollars(one.bill.total),
        "usd_per_million_readings": dollars(one.usd_per_million, 4),
        "usd_by_service": {name: dollars(usd) for name, usd in one.bill.by_service().items()},
    }


def steps_rows(found: Sequence[Modelled]) -> Iterator[ReportRow]:
    """A row for each step in each region, for people."""
    for one in found:
        usual = one.steady
        yield (
            f"{one.step.readings:,}/s, {one.region}",
            one.shards,
            f"{usual.lag_p50:.1f} / {usual.lag_p95:.1f} / {usual.lag_max:.1f}",
            f"{usual.hottest} ({usual.mean:.1f})",
            f"{usual.throttled_records:,.0f}",
            f"{100 * usual.firehose_waits:.0f} / {100 * usual.table_waits:.0f} %",
            _recovered(one.recovery),
            f"{usual.vcpus:.1f}",
            dollars(one.bill.total, 0),
            dollars(one.usd_per_million, 4),
            one.within,
        )


STEP_COLUMNS = (
    "readings, region",
    "shards",
    "lag p50 / p95 / max, s",
    "facilities of the fullest shard (mean)",
    "records refused at first",
    "batches that wait for Firehose / table",
    "caught up after an hour's outage, min: median / last",
    "vCPUs of scoring",
    "$ a month",
    "$ a million readings",
    "quotas",
)


def _recovered(after: CatchUp | None) -> str:
    if after is None:
        return "-"
    over = f"over {after.watched_s / 60:.0f}"
    return " / ".join(over if one is None else f"{one / 60:.0f}" for one in (after.median_s, after.last_s))


def page(measured: Measurements, found: Sequence[Modelled]) -> str:
    """The report as one HTML page; nothing to fetch."""
    raw = measured.raw
    machine = raw["machine"]
    body = [
        "<h1>From a thousand readings a second to a million</h1>",
        "<p>Figures are <b>measured</b> on this code, <b>modelled</b> on the measured ones, or <b>quoted</b> "
        "from AWS. Definitions: docs/reference/scale.md.</p>",
        _section("Processor time of scoring", "measured"),
        f'<p class="note">{escape(machine["processor"])}, one core, Python {escape(machine["python"])}, '
        f"on which orjson parses and writes a reading in {measured.core_us} µs; load "
        f"average {raw['load_average'][0]} to {raw['load_average'][1]}; {escape(raw['as_of'])}. Measured by "
        f"<code>{escape(BENCH)}</code></p>",
        _table(_SHAPE_COLUMNS, _shape_rows(raw)),
        _table(("in a batch, fitted", "ms of one core"), _speed_rows(measured)),
        _section("The steps", "modelled"),
        _table(STEP_COLUMNS, steps_rows(found)),
        f"<p>{escape(_bar(found, measured.core_us))}</p>",
        _section("Writes and bytes a second on every hop", "modelled"),
        _table(_HOP_COLUMNS, _hop_rows(found)),
        _section("The bill, dollars a month, prices of us-east-1", "modelled"),
        _table(("step", "by service"), _bill_rows(found)),
        _section("A million readings a second by other fleets and paces", "modelled"),
        _table(_IF_COLUMNS, _if_rows(measured)),
        _section("Quotas, and what each step needs of them", "quoted"),
        f'<p class="note">Default quotas as AWS published them in {as_of()}.</p>',
        _table(_NEED_COLUMNS, _need_rows(found)),
        f'<p class="note">Prices: {_prices()}. Parallelization factor: {PARALLELIZATION}.</p>',
    ]
    content = "\n".join(body)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Scale</title><style>{_STYLE}'
        f"</style></head><body>{content}</body></html>\n"
    )


def _bar(found: Sequence[Modelled], core_us: float) -> str:
    largest = max(found, key=lambda one: one.step.readings)
    vcpus = largest.steady.vcpus
    word = "within" if vcpus <= VCPU_BAR else "over"
    return (
        f"{largest.step.readings:,} readings/s take {vcpus:.1f} vCPUs of scoring: {word} the {VCPU_BAR} that "
        f"are the goal. In proportion, that is met where orjson parses and writes a reading in "
        f"{core_us * VCPU_BAR / vcpus:.2f} µs or less; the core measured takes {core_us:.2f}."
    )


def _prices() -> str:
    months = sorted(price.as_of for price in load_prices().values())
    return f"cost/prices.json, us-east-1, {months[0]} to {months[-1]}"


def _section(title: str, mark: str) -> str:
    return f'<h2>{escape(title)}<span class="mark">{mark}</span></h2>'


def _table(columns: Sequence[str], rows: Iterator[ReportRow]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in columns)
    lines = ("".join(f"<td>{escape(str(cell))}</td>" for cell in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scroll"><table><tr>{head}</tr>{body}</table></div>'


_IF_COLUMNS = ("wells", "Hz", "s between batches", "vCPUs", f"a reading faster for {VCPU_BAR}")
_NEED_COLUMNS = ("region, quota", "step", "what", "needs", "default", "verdict", "source")
_HOP_COLUMNS = ("step, hop", "writes/s", "what", "bytes/s")
_SHAPE_COLUMNS = (
    "wells a facility, Hz, readings a block, a batch",
    "readings/s of a core, warm",
    "cold",
    "bytes of a reading in the stream",
    "the same, gzip",
    "to Firehose",
    "bytes of a snapshot",
)


def _shape_rows(raw: dict[str, Any]) -> Iterator[ReportRow]:
    for one in raw["shapes"]:
        yield (
            f"{one['wells']}, {one['hz']} Hz, {one['block']:,} / {one['readings']:,}",
            f"{1000 * one['readings'] / one['cpu_ms']:,.0f}",
            f"{1000 * one['cold_readings'] / one['cold_cpu_ms']:,.0f}",
            one["stream_bytes"],
            one["stream_gzip_bytes"],
            one["delivery_bytes"],
            f"{one['snapshot_bytes']:,}",
        )


def batch_rows(speed: Speed) -> Iterator[ReportRow]:
    """What a batch is made of, and the milliseconds of one core that each part takes."""
    yield "a batch, with the calls of the AWS client", f"{speed.fixed:.1f}"
    yield "a record", f"{speed.record:.3f}"
    yield "a facility", f"{speed.facility:.2f}"
    yield "a well", f"{speed.well:.2f}, and {speed.well_hz:.3f} for each Hz"
    yield "a reading", f"{speed.reading:.4f}"
    yield "a closed minute, with its call", f"{speed.minute + speed.call['update_item']:.2f}"
    yield "a well in a snapshot", f"{speed.stored:.2f}"


def _speed_rows(measured: Measurements) -> Iterator[ReportRow]:
    yield from batch_rows(measured.speed)
    for name, ms in measured.speed.call.items():
        yield f"of it, the AWS client for {name}", f"{ms:.2f}"
    for name in ("mean_error", "largest_error"):
        yield f"{name.replace('_', ' ')} of the sum", f"{measured.raw['speed'][name]:.0%}"


def _bill_rows(found: Sequence[Modelled]) -> Iterator[ReportRow]:
    for one in found:
        if one.region == REGIONS[0]:
            parts = (f"{name} {dollars(usd, 0)}" for name, usd in one.bill.by_service().items() if usd >= 1)
            yield one.step.name, ", ".join(parts)


def _hop_rows(found: Sequence[Modelled]) -> Iterator[ReportRow]:
    for one in found:
        if one.region == REGIONS[0]:
            for hop in one.hops:
                size = "" if hop.bytes is None else f"{hop.bytes:,.0f}"
                yield f"{one.step.name}, {hop.name}", f"{hop.writes:,.2f}", hop.unit, size


def _if_rows(measured: Measurements) -> Iterator[ReportRow]:
    for one in what_if(measured.speed):
        faster = "not by that alone" if one.faster is None else f"{one.faster:.1f} times"
        yield f"{one.wells:,}", one.hz, one.seconds, f"{one.vcpus:,.0f}", faster


def _need_rows(found: Sequence[Modelled]) -> Iterator[ReportRow]:
    for one in found:
        for need in one.needs:
            quota = need.quota
            yield (
                f"{one.region}, {quota.unit}",
                one.step.name,
                need.what,
                f"{need.value:,.0f}",
                f"{quota.value:,}",
                need.verdict,
                quota.source,
            )


def as_text(measured: Measurements, found: Sequence[Modelled]) -> str:
    """The JSON as it is written."""
    return json.dumps(as_json(measured, found), indent=2) + "\n"
