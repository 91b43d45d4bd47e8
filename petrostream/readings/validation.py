"""Validates a block of the stream into readings and rejected lines: bad data is tagged, never dropped.

A reading with an unusable identity, time or structure is rejected. An unusable value is condemned: it becomes
missing, the reason is kept, and the data quality score falls.

A value that is apparently in another unit (`petrostream.readings.wrong_units`) is kept as it was sent and
tagged with that unit. It counts as not usable in the data quality score (`petrostream.readings.quality`), and
is kept from detector and rules.

The same rules apply to tank readings, except for units.

Blocks are checked column by column. A line that is not plainly clean is passed to
`petrostream.readings.inspection.inspect`, which finds every reason; its usable values return to the columns.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import itemgetter

import numpy as np

from petrostream.arrays import BoolArray, IntArray, filled_whole
from petrostream.readings.decoding import JsonObject, decode_lines
from petrostream.readings.inspection import MAX_DATES, inspect
from petrostream.readings.quality import quality
from petrostream.readings.rejected import Rejected
from petrostream.readings.table import Table
from petrostream.readings.tanks import TankReadings, tank_event_id
from petrostream.readings.usable import WELL_SENSORS, condemn, in_wrong_units, tag_units
from petrostream.readings.wells import NO_TIME, Readings, event_ids, split_lines
from petrostream.schema import TANK, WELL, Kind
from petrostream.times import DAY_MS

__all__ = ["Rejected", "Validated", "validate_block"]

_PLACE = WELL.places
_kind = itemgetter("kind")


def _no_positions() -> IntArray:
    return np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Validated:
    """The content of a block: every line is in one of `readings`, `tanks` and `rejected`, in line order.

    Attributes:
        readings: the well readings.
        rejected: the lines without a usable reading.
        tanks: the tank readings.
        tank_at: shape (tanks,), for each tank reading the number of `readings` before it.
    """

    readings: Readings
    rejected: list[Rejected]
    tanks: TankReadings = field(default_factory=TankReadings.empty)
    tank_at: IntArray = field(default_factory=_no_positions)

    def part(self, wells: slice, tanks: slice) -> "Validated":
        """Some of the well readings and the tank readings among them; rejected lines are left out.

        Args:
            wells: of the n well readings.
            tanks: of the tank readings, none of which stands before the first of those well readings.
        """
        start, end, _ = wells.indices(len(self.readings))
        if (start, end) == (0, len(self.readings)) and tanks.indices(len(self.tanks)) == (
            0,
            len(self.tanks),
            1,
        ):
            return self
        return Validated(
            self.readings.take(np.arange(start, end)),
            [],
            self.tanks.take(np.arange(len(self.tanks))[tanks]),
            self.tank_at[tanks] - start,
        )

    @staticmethod
    def concat(parts: Sequence["Validated"]) -> "Validated":
        """Concatenate blocks of one facility in order, without their rejected lines.

        A rejected line's position is only unique within its own block.
        """
        before = np.cumsum([0, *(len(part.readings) for part in parts)]).tolist()
        at = [part.tank_at + start for part, start in zip(parts, before, strict=False)]
        return Validated(
            Readings.concat([part.readings for part in parts if len(part.readings)]),
            [],
            TankReadings.concat([part.tanks for part in parts if len(part.tanks)]),
            np.concatenate([_no_positions(), *at]),
        )


@dataclass(slots=True)
class _Lines:
    """Decoded lines of a block, their positions in it, and the lines rejected so far."""

    raw: list[bytes]
    places: list[int]
    objects: list[JsonObject]
    rejected: list[Rejected]


def validate_block(
    data: bytes, *, sequence: str, now_ms: int, partition_key: str | None = None, tanks: bool = False
) -> Validated:
    """Validate the block of one stream record. Never raises, whatever the bytes.

    Args:
        data: the NDJSON block as received.
        sequence: Kinesis sequence number of the stream record, copied to every reading.
        now_ms: when the record arrived, epoch ms, copied to every reading: one more than an hour ahead of
            it is rejected.
        partition_key: partition key of the stream record. If given, a reading of another facility is rejected
            (`facility_mismatch`), since its order among that facility's readings is not known.
        tanks: whether the caller processes tank readings. If not, they are rejected as `unknown_kind`, so
            that a consumer that ignores them still loses none.
    """
    lines = _decoded(split_lines(data))
    tank_lines = _split_off_tanks(lines) if tanks else None
    well_table, well_places = _check(lines, WELL, now_ms, partition_key)
    readings = Readings.empty() if well_table is None else _readings(well_table, sequence, now_ms)
    rejected = sorted(lines.rejected, key=_line)
    if tank_lines is None:
        return Validated(readings, rejected)
    table, places = _check(tank_lines, TANK, now_ms, partition_key)
    found = TankReadings.empty() if table is None else _tanks(table, sequence, now_ms)
    rejected = sorted((*lines.rejected, *tank_lines.rejected), key=_line)
    return Validated(readings, rejected, found, np.searchsorted(np.array(well_places, np.int64), places))


def _decoded(raw: list[bytes]) -> _Lines:
    decoded = decode_lines(raw)
    if str not in map(type, decoded):
        return _Lines(raw, list(range(len(raw))), decoded, [])  # type: ignore[arg-type]
    lines = _Lines(raw, [], [], [])
    for place, one in enumerate(decoded):
        if isinstance(one, str):
            lines.rejected.append(Rejected.of(place, raw[place], (one,)))
        else:
            lines.places.append(place)
            lines.objects.append(one)
    return lines


def _line(rejected: Rejected) -> int:
    return rejected.line


def _split_off_tanks(lines: _Lines) -> _Lines | None:
    """Move the tank readings out of `lines`; None where there are none."""
    try:
        kinds = list(map(_kind, lines.objects))
    except KeyError:
        kinds = [decoded.get("kind") for decoded in lines.objects]
    if TANK.name not in kinds:
        return None
    apart = _Lines(lines.raw, [], [], [])
    places, objects = lines.places, lines.objects
    lines.places, lines.objects = [], []
    for kind, place, decoded in zip(kinds, places, objects, strict=True):
        to = apart if kind == TANK.name else lines
        to.places.append(place)
        to.objects.append(decoded)
    return apart


def _check(
    lines: _Lines, kind: Kind, now_ms: int, partition_key: str | None
) -> tuple[Table | None, list[int]]:
    """Convert the lines to a table; the unusable ones are added to `lines.rejected`.

    Returns:
        The table of usable lines, None where there were no lines at all, and their positions in the block.
    """
    if not lines.objects:
        return None, []
    table = Table(lines.objects, kind)
    failed = []
    for i in sorted(table.convert(now_ms, partition_key)):
        inspection = inspect(lines.objects[i], now_ms=now_ms, partition_key=partition_key, expected=kind)
        table.settle(i, inspection)
        if inspection.failures:
            failed.append(i)
            reasons = (*inspection.failures, *inspection.tags)
            place = lines.places[i]
            lines.rejected.append(Rejected.of(place, lines.raw[place], reasons, lines.objects[i]))
    failed += _of_too_many_dates(table, failed, lines) if kind is WELL else []
    if not failed:
        return table, lines.places
    table.drop(failed)
    gone = set(failed)
    return table, [place for i, place in enumerate(lines.places) if i not in gone]


def _of_too_many_dates(table: Table, failed: list[int], lines: _Lines) -> list[int]:
    """Reject readings of further dates than the first `MAX_DATES` of a record; returns positions."""
    column = table.column("ts")
    if not failed and max(column) - min(column) < MAX_DATES * DAY_MS // 2:
        return []
    gone = set(failed)
    times = {i: ms for i, ms in enumerate(column) if i not in gone}
    if not times or max(times.values()) - min(times.values()) < MAX_DATES * DAY_MS // 2:
        return []
    days = {i: ms // DAY_MS for i, ms in times.items()}
    known = list(dict.fromkeys(days.values()))
    if len(known) <= MAX_DATES:
        return []
    kept = frozenset(known[:MAX_DATES])
    over = [i for i, day in days.items() if day not in kept]
    for i in over:
        place = lines.places[i]
        reasons = ("too_many_dates:ts", *table.tags[i])
        lines.rejected.append(Rejected.of(place, lines.raw[place], reasons, lines.objects[i]))
    return over


def _readings(table: Table, sequence: str, arrival_ms: int) -> Readings:
    measured = table.measured()
    vibration = table.floats("vibration_encoded")
    lost = np.array(table.lost, dtype=np.int64)
    framed: BoolArray = ~np.isnan(vibration)
    there: BoolArray = ~np.isnan(measured)
    sent = np.add.reduce(there, axis=1, dtype=np.int64) + framed + lost
    values = measured.take(WELL_SENSORS, axis=1)
    wrong = in_wrong_units(values)
    if condemn(measured, table, WELL) or wrong is not None:
        there = ~np.isnan(tag_units(measured, table, wrong))
        values = measured.take(WELL_SENSORS, axis=1)
    ts, wells, sources = table.column("ts"), table.column("well_id"), table.column("source")
    return Readings(
        well_id=wells,
        facility_id=table.column("facility_id"),
        ts_ms=np.array(ts, dtype=np.int64),
        source=sources,
        source_ts_ms=_instants(table.column("source_ts")),
        values=values,
        label=table.column("class"),
        state=table.column("state"),
        methane_ppm=measured[:, _PLACE["methane_ppm"]],
        co2_ppm=measured[:, _PLACE["co2_ppm"]],
        vibration_rms=vibration,
        reasons=table.tags,
        quality=quality(there, framed, sent, WELL),
        event_id=event_ids(wells, sources, ts),
        sequence=[sequence] * len(table),
        feed_id=table.names("feed_id"),
        arrival_ms=filled_whole(len(table), arrival_ms),
    )


def _tanks(table: Table, sequence: str, arrival_ms: int) -> TankReadings:
    measured = table.measured()
    sent = (~np.isnan(measured)).sum(axis=1) + np.array(table.lost, dtype=np.int64)
    condemn(measured, table, TANK)
    ts, names, facilities = table.column("ts"), table.column("tank_id"), table.column("facility_id")
    return TankReadings(
        tank_id=names,
        facility_id=facilities,
        ts_ms=np.array(ts, dtype=np.int64),
        values=measured,
        reasons=table.tags,
        quality=quality(~np.isnan(measured), np.zeros(len(table), np.bool_), sent, TANK),
        event_id=list(map(tank_event_id, names, facilities, ts)),
        sequence=[sequence] * len(table),
        arrival_ms=filled_whole(len(table), arrival_ms),
    )


def _instants(column: list[int | None]) -> IntArray:
    return np.array([NO_TIME if ms is None else ms for ms in column], dtype=np.int64)
