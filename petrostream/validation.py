"""From a block of the stream to valid readings and rejected lines: tag, never drop.

What makes a reading unusable (identity, time, structure) rejects its line. What makes one value unusable
condemns that value: it becomes missing, the reason stays, and the data quality score falls.

Data quality score, 0 to 100, two decimals::

    score = 70 * usable / sent + 30 * core / 5

`sent` counts the measured values of the reading that are not null (sensors, gas, vibration), `usable` those
of them that were not condemned, and `core` the usable ones among the five gauges of `CORE_SENSORS`. The
first term (0 where nothing was sent) says how far the values can be trusted, the second how much of a well
they show. A rejected line has no row of its own among the readings: its score is 0.

Blocks are checked column by column. A record that is not plainly clean goes to
`petrostream.inspection.inspect`, which finds every reason, and what is left of it goes back to its place.
"""

from dataclasses import dataclass

import numpy as np

from petrostream.arrays import FloatArray, IntArray
from petrostream.columns import Table
from petrostream.decoding import decode_lines
from petrostream.inspection import MEASURED, inspect, value_reason
from petrostream.readings import NO_TIME, Readings, event_id, split_lines
from petrostream.rejected import Rejected
from petrostream.sensors import SENSOR_NAMES

__all__ = ["CORE_SENSORS", "Rejected", "Validated", "validate_block"]

CORE_SENSORS = ("p_pdg", "p_tpt", "t_tpt", "p_mon_ckp", "t_jus_ckp")
"""The gauges that most wells of 3W have and that its published benchmarks build on."""

_LOW = np.array([-np.inf if f.min is None else f.min for f in MEASURED])
_HIGH = np.array([np.inf if f.max is None else f.max for f in MEASURED])
_PLACE = {f.name: i for i, f in enumerate(MEASURED)}
_SENSORS = [_PLACE[name] for name in SENSOR_NAMES]
_CORE = [_PLACE[name] for name in CORE_SENSORS]


@dataclass(frozen=True, slots=True)
class Validated:
    """What a block held: every line is one of `readings` or one of `rejected`, both in line order."""

    readings: Readings
    rejected: list[Rejected]


def validate_block(data: bytes, *, sequence: str, now_ms: int, partition_key: str | None = None) -> Validated:
    """Validate one stream record. Never raises, whatever the bytes.

    Args:
        data: an NDJSON block as received.
        sequence: Kinesis sequence number of the record; every reading carries it on.
        now_ms: the present, epoch milliseconds: a reading more than an hour ahead of it is rejected.
        partition_key: partition key of the record. If given, a reading of another facility is rejected
            (`facility_mismatch`), for its order among that facility's readings is not known.
    """
    lines = split_lines(data)
    rejected, places, records = [], [], []
    for place, decoded in enumerate(decode_lines(lines)):
        if isinstance(decoded, str):
            rejected.append(Rejected.of(place, lines[place], (decoded,)))
        else:
            places.append(place)
            records.append(decoded)
    if not records:
        return Validated(Readings.empty(), rejected)

    table = Table(records)
    failed = []
    for i in sorted(table.convert(now_ms, partition_key)):
        inspection = inspect(records[i], now_ms=now_ms, partition_key=partition_key)
        table.settle(i, inspection)
        if inspection.failures:
            failed.append(i)
            reasons = (*inspection.failures, *inspection.tags)
            rejected.append(Rejected.of(places[i], lines[places[i]], reasons, records[i]))
    if failed:
        table.drop(failed)
    return Validated(_readings(table, sequence), sorted(rejected, key=lambda line: line.line))


def _readings(table: Table, sequence: str) -> Readings:
    measured = table.measured()
    vibration = table.floats("vibration_encoded")
    sent = (~np.isnan(measured)).sum(axis=1) + ~np.isnan(vibration) + np.array(table.lost, dtype=np.int64)
    _condemn(measured, table)
    ts, wells, sources = table.column("ts"), table.column("well_id"), table.column("source")
    return Readings(
        well_id=wells,
        facility_id=table.column("facility_id"),
        ts_ms=np.array(ts, dtype=np.int64),
        source=sources,
        source_ts_ms=_instants(table.column("source_ts")),
        values=measured[:, _SENSORS],
        label=table.column("class"),
        state=table.column("state"),
        methane_ppm=measured[:, _PLACE["methane_ppm"]],
        co2_ppm=measured[:, _PLACE["co2_ppm"]],
        vibration_rms=vibration,
        reasons=table.tags,
        quality=_quality(measured, vibration, sent),
        event_id=list(map(event_id, wells, sources, ts)),
        sequence=[sequence] * len(table),
    )


def _instants(column: list[int | None]) -> IntArray:
    return np.array([NO_TIME if ms is None else ms for ms in column], dtype=np.int64)


def _condemn(measured: FloatArray, table: Table) -> None:
    """Replace impossible and non-finite values by NaN, in place, and tag their readings."""
    impossible = (measured < _LOW) | (measured > _HIGH) | np.isinf(measured)
    if not impossible.any():
        return
    found: dict[int, list[str]] = {}
    for row, place in np.argwhere(impossible).tolist():
        field = MEASURED[place]
        found.setdefault(row, []).append(f"{value_reason(field, measured[row, place])}:{field.name}")
    for row, tags in found.items():
        table.tags[row] = (*tags, *table.tags[row])
    measured[impossible] = np.nan


def _quality(measured: FloatArray, vibration: FloatArray, sent: IntArray) -> FloatArray:
    """The score of the module's docstring: shape (n,), 0 to 100.

    Args:
        measured: shape (n, len(MEASURED)), NaN where missing or condemned.
        vibration: shape (n,), NaN where missing or condemned.
        sent: shape (n,), how many values each reading sent.
    """
    usable = (~np.isnan(measured)).sum(axis=1) + ~np.isnan(vibration)
    core = (~np.isnan(measured[:, _CORE])).sum(axis=1)
    score: FloatArray = 70 * usable / np.maximum(sent, 1) + 30 * core / len(CORE_SENSORS)
    return score.round(2)
