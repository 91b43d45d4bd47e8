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

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from operator import itemgetter
from typing import TypeVar

import numpy as np

from petrostream.arrays import BoolArray, IntArray
from petrostream.readings.decoding import JsonObject, decode_lines
from petrostream.readings.inspection import MAX_DATES, inspect
from petrostream.readings.quality import quality
from petrostream.readings.rejected import Rejected
from petrostream.readings.table import Table
from petrostream.readings.tanks import TankReadings, tank_event_id
from petrostream.readings.usable import WELL_SENSORS, condemn, in_wrong_units, tag_units
from petrostream.readings.validated import Block, Validated, ValidatedBlocks
from petrostream.readings.wells import NO_TIME, Readings, event_ids, split_lines
from petrostream.schema import TANK, WELL, Kind
from petrostream.times import DAY_MS

__all__ = ["Rejected", "Validated", "validate_block", "validate_blocks"]

_PLACE = WELL.places
_kind = itemgetter("kind")

T = TypeVar("T")


@dataclass(slots=True)
class _Lines:
    """Decoded lines of blocks, their positions among the lines of all blocks, and the lines rejected so far.

    Attributes:
        blocks: the blocks.
        starts: for each block, the number of lines before its own.
        raw: the lines of all blocks.
        places: for each object, the position of its line in `raw`, ascending.
        objects: the decoded lines.
        rejected: for each block, the lines rejected so far.
    """

    blocks: Sequence[Block]
    starts: list[int]
    raw: list[bytes]
    places: list[int]
    objects: list[JsonObject]
    rejected: list[list[Rejected]]

    def apart(self) -> "_Lines":
        """The same blocks without any object; lines are rejected from both together."""
        return _Lines(self.blocks, self.starts, self.raw, [], [], self.rejected)

    def arrivals_ms(self) -> list[int]:
        """When the block of each object arrived, epoch ms."""
        return _of_blocks([block.arrival_ms for block in self.blocks], self.ends(self.places))

    def reject(self, place: int, reasons: tuple[str, ...], record: JsonObject | None = None) -> None:
        """Add a line to those rejected."""
        block = bisect_right(self.starts, place) - 1
        line = place - self.starts[block]
        self.rejected[block].append(Rejected.of(line, self.raw[place], reasons, record))

    def ends(self, places: Sequence[int]) -> list[int]:
        """For each block, how many of these ascending positions lie in it or before it."""
        return [bisect_left(places, end) for end in (*self.starts[1:], len(self.raw))]


def validate_block(
    data: bytes, *, sequence: str, now_ms: int, partition_key: str | None = None, tanks: bool = False
) -> Validated:
    """Validate the block of one stream record. Never raises, whatever the bytes.

    Args:
        data: the NDJSON block as received.
        sequence: Kinesis sequence number of the stream record, copied to every reading.
        now_ms: when the record arrived, epoch ms, copied to every reading: one more than an hour ahead of
            it is rejected.
        partition_key: as for `validate_blocks`.
        tanks: as for `validate_blocks`.
    """
    blocks = [Block(data, sequence, now_ms)]
    validated = validate_blocks(blocks, partition_key=partition_key, tanks=tanks)
    return replace(validated.whole, rejected=validated.rejected[0])


def validate_blocks(
    blocks: Sequence[Block], *, partition_key: str | None = None, tanks: bool = False
) -> ValidatedBlocks:
    """Validate the blocks of successive stream records together: calls cost more than values in short blocks.

    The result is that of each block on its own. Never raises, whatever the bytes.

    Args:
        blocks: b >= 1 blocks, in shard order. Sequence number and arrival are copied to every reading; one
            more than an hour ahead of its arrival is rejected.
        partition_key: partition key of the stream records. If given, a reading of another facility is
            rejected (`facility_mismatch`), since its order among that facility's readings is not known.
        tanks: whether the caller processes tank readings. If not, they are rejected as `unknown_kind`, so
            that a consumer that ignores them still loses none.
    """
    lines = _decoded(blocks)
    tank_lines = _split_off_tanks(lines) if tanks else None
    well_table, well_places = _check(lines, WELL, partition_key)
    well_ends = lines.ends(well_places)
    readings = Readings.empty() if well_table is None else _readings(well_table, blocks, well_ends)
    if tank_lines is None:
        whole, tank_ends = Validated(readings, []), [0] * len(blocks)
    else:
        table, places = _check(tank_lines, TANK, partition_key)
        tank_ends = lines.ends(places)
        found = TankReadings.empty() if table is None else _tanks(table, blocks, tank_ends)
        whole = Validated(readings, [], found, np.searchsorted(np.array(well_places, np.int64), places))
    return ValidatedBlocks(whole, well_ends, tank_ends, [sorted(some, key=_line) for some in lines.rejected])


def _decoded(blocks: Sequence[Block]) -> _Lines:
    lines = _Lines(blocks, [], [], [], [], [[] for _ in blocks])
    for block in blocks:
        raw = split_lines(block.data)
        decoded = decode_lines(raw)
        start = len(lines.raw)
        lines.starts.append(start)
        lines.raw += raw
        if str not in map(type, decoded):
            lines.places += range(start, start + len(raw))
            lines.objects += decoded  # type: ignore[arg-type]
            continue
        for place, one in enumerate(decoded, start):
            if isinstance(one, str):
                lines.reject(place, (one,))
            else:
                lines.places.append(place)
                lines.objects.append(one)
    return lines


def _of_blocks(values: Sequence[T], ends: Sequence[int]) -> list[T]:
    """The value of its block for each of the lines that end there."""
    column: list[T] = []
    for value, end in zip(values, ends, strict=True):
        column += [value] * (end - len(column))
    return column


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
    apart = lines.apart()
    places, objects = lines.places, lines.objects
    lines.places, lines.objects = [], []
    for kind, place, decoded in zip(kinds, places, objects, strict=True):
        to = apart if kind == TANK.name else lines
        to.places.append(place)
        to.objects.append(decoded)
    return apart


def _check(lines: _Lines, kind: Kind, partition_key: str | None) -> tuple[Table | None, list[int]]:
    """Convert the lines to a table; the unusable ones are rejected.

    Returns:
        The table of usable lines, None where there were no lines at all, and their positions.
    """
    if not lines.objects:
        return None, []
    table = Table(lines.objects, kind)
    arrivals_ms = lines.arrivals_ms()
    failed = []
    for i in sorted(table.convert(arrivals_ms, partition_key)):
        inspection = inspect(
            lines.objects[i], now_ms=arrivals_ms[i], partition_key=partition_key, expected=kind
        )
        table.settle(i, inspection)
        if inspection.failures:
            failed.append(i)
            lines.reject(lines.places[i], (*inspection.failures, *inspection.tags), lines.objects[i])
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
    over: list[int] = []
    start = 0
    for end in lines.ends(lines.places):
        over += _over({i: column[i] for i in range(start, end) if i not in gone})
        start = end
    for i in over:
        lines.reject(lines.places[i], ("too_many_dates:ts", *table.tags[i]), lines.objects[i])
    return over


def _over(times: dict[int, int]) -> list[int]:
    """Which readings of a record are of further dates than its first `MAX_DATES`."""
    if not times or max(times.values()) - min(times.values()) < MAX_DATES * DAY_MS // 2:
        return []
    days = {i: ms // DAY_MS for i, ms in times.items()}
    known = list(dict.fromkeys(days.values()))
    kept = frozenset(known[:MAX_DATES])
    return [i for i, day in days.items() if day not in kept]


def _readings(table: Table, blocks: Sequence[Block], ends: Sequence[int]) -> Readings:
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
        sequence=_of_blocks([block.sequence for block in blocks], ends),
        feed_id=table.names("feed_id"),
        arrival_ms=_arrivals_ms(blocks, ends),
    )


def _tanks(table: Table, blocks: Sequence[Block], ends: Sequence[int]) -> TankReadings:
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
        sequence=_of_blocks([block.sequence for block in blocks], ends),
        arrival_ms=_arrivals_ms(blocks, ends),
    )


def _arrivals_ms(blocks: Sequence[Block], ends: Sequence[int]) -> IntArray:
    each = np.array([block.arrival_ms for block in blocks], dtype=np.int64)
    return np.repeat(each, [end - start for start, end in pairwise((0, *ends))])


def _instants(column: list[int | None]) -> IntArray:
    return np.array([NO_TIME if ms is None else ms for ms in column], dtype=np.int64)
