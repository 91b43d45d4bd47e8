"""Raw records in the order of the stream: by facility, by sequence number, each once.

The raw zone may hold a record twice, and its objects need not be in the order of the stream. A record's
sequence number says where it stood among its facility's records, whatever shards were split or merged: a
facility's records move to another shard with higher numbers. Objects are taken by date of arrival. A record
that the raw copy had to deliver again may be in an object of the date after, so that date is looked at, too.

Objects of releases that did not keep the places of records have lines only. Their records are made up again
from those lines, by facility, as they arrived, and put among the others by their time of arrival. Rows of
such readings have no sequence number.
"""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import orjson

from petrostream.lake import RawFile, RawRecord
from petrostream.pipeline import StreamRecord

UNPLACED_BYTES = 128 * 1024
"""Lines without a place that make up a record: as many as a producer of this project puts in one."""

Files = Sequence[tuple[int, RawFile]]
"""When each object was written, epoch ms, and what it holds, in the order of arrival."""


@dataclass(slots=True)
class FacilityRecords:
    """One facility's next records.

    Attributes:
        records: by sequence number.
        made_up: those of their sequence numbers that were not in the raw zone.
    """

    records: list[StreamRecord] = field(default_factory=list)
    made_up: set[str] = field(default_factory=set)


@dataclass(slots=True)
class RawCounts:
    """What was found in the raw zone.

    Attributes:
        records: records, each once.
        repeated: further copies of them.
        unplaced: records made up from lines without a place.
        incomplete: records of which a part is missing; they are left out.
        late: records that turned up when their facility's later ones were processed; they are left out.
    """

    records: int = 0
    repeated: int = 0
    unplaced: int = 0
    incomplete: int = 0
    late: int = 0


@dataclass(slots=True)
class StreamOrder:
    """Takes raw objects date by date, and hands out records in the order of the stream.

    Attributes:
        counts: what was found so far.
    """

    counts: RawCounts = field(default_factory=RawCounts)
    _last: dict[str, int] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)

    def take(self, files: Files, ahead: Files = ()) -> dict[str, FacilityRecords]:
        """The next records of each facility.

        Args:
            files: the objects of a date of arrival.
            ahead: those of the next date: what belongs before the last record of `files` is taken from them.

        Returns:
            Facilities by name; those without a record are left out.
        """
        placed, unplaced = _by_facility(files)
        next_placed, _ = _by_facility(ahead)
        facilities: dict[str, FacilityRecords] = {}
        for name in sorted({*placed, *unplaced}):
            copies = placed.get(name, {})
            end = max(map(int, copies), default=-1)
            for sequence, more in next_placed.get(name, {}).items():
                if int(sequence) <= end:
                    copies.setdefault(sequence, []).extend(more)
            facility = FacilityRecords(self._whole(name, copies))
            self._add_unplaced(facility, name, unplaced.get(name, []))
            if facility.records:
                facilities[name] = facility
                self._last[name] = int(facility.records[-1].sequence)
        self._known = {sequence for found in (placed, next_placed) for s in found.values() for sequence in s}
        return facilities

    def _whole(self, name: str, copies: Mapping[str, Sequence[RawRecord]]) -> list[StreamRecord]:
        """Records of a facility that are not processed yet, by sequence number, each once."""
        last, found = self._last.get(name, -1), []
        for sequence in sorted(copies, key=int):
            first = copies[sequence][0]
            parts = {record.part: record.data for record in copies[sequence]}
            if int(sequence) <= last:
                self.counts.late += sequence not in self._known
            elif len(parts) < first.parts:
                self.counts.incomplete += 1
            else:
                self.counts.repeated += -(-len(copies[sequence]) // first.parts) - 1
                data = b"".join(parts[number] for number in range(first.parts))
                found.append(StreamRecord(sequence, name, data, first.arrival_ms, first.broken))
        self.counts.records += len(found)
        return found

    def _add_unplaced(
        self, facility: FacilityRecords, name: str, blocks: Sequence[tuple[int, bytes]]
    ) -> None:
        """Put records made up from lines among the others, by time of arrival."""
        if not blocks:
            return
        arrivals = list(accumulate((record.arrival_ms for record in facility.records), max))
        sequences = [int(record.sequence) for record in facility.records]
        before = self._last.get(name, 0)
        used: dict[int, int] = defaultdict(int)
        made_up = []
        for written_ms, block in blocks:
            # After the last record with a place that had arrived by then.
            place = bisect_right(arrivals, written_ms)
            used[place] += 1
            number = (sequences[place - 1] if place else before) + used[place]
            made_up.append(StreamRecord(str(number), name, block, written_ms))
        facility.made_up.update(record.sequence for record in made_up)
        facility.records = sorted([*facility.records, *made_up], key=lambda record: int(record.sequence))
        self.counts.unplaced += len(made_up)


_Placed = dict[str, dict[str, list[RawRecord]]]
_Unplaced = dict[str, list[tuple[int, bytes]]]


def _by_facility(files: Files) -> tuple[_Placed, _Unplaced]:
    """Records with a place by facility and sequence number, and blocks of lines without one by facility."""
    placed: _Placed = defaultdict(lambda: defaultdict(list))
    unplaced: _Unplaced = defaultdict(list)
    for written_ms, file in files:
        for record in file.records:
            if record.placed:
                placed[record.partition_key][record.sequence].append(record)
            else:
                for name, block in blocks_of(record.data):
                    unplaced[name].append((written_ms, block))
    return placed, unplaced


def blocks_of(lines: bytes) -> Iterator[tuple[str, bytes]]:
    """Lines without a place by their facility, in blocks of the size of a record.

    A line that names no facility is left out: no reading can be made of it.
    """
    gathered: dict[str, bytearray] = defaultdict(bytearray)
    for name, line in _named(lines.split(b"\n")):
        block = gathered[name]
        if block and len(block) + len(line) > UNPLACED_BYTES:
            yield name, bytes(block)
            block.clear()
        block += line + b"\n"
    yield from ((name, bytes(block)) for name, block in gathered.items())


def _named(lines: Iterable[bytes]) -> Iterator[tuple[str, bytes]]:
    for line in lines:
        try:
            found = orjson.loads(line)
        except orjson.JSONDecodeError:
            continue
        name = found.get("facility_id") if isinstance(found, dict) else None
        if name and isinstance(name, str):
            yield name, line
