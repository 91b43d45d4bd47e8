"""Scores raw records again: the rows that the stream's consumer wrote, with any model.

The same validation, scoring and encoding as in the stream (`petrostream.pipeline`), on the same records in
the same order. Rows do not depend on how records were gathered into batches, so a reading's row is the same
byte for byte, but for `scored_at`; and for the model's part of it, where the model is another one.

What a row depends on besides its record is its facility's memory. A recomputation that does not begin with
the stream's first record begins with an empty memory, and is exact once that has warmed up.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import date

import pyarrow as pa
import pyarrow.json as pj

from batch.columns import arrow_schema
from batch.stream_order import FacilityRecords
from petrostream.detection import ModelSet
from petrostream.pipeline import Memory, Muted, Outputs, StreamRecord, run_again
from petrostream.scoring import FacilityState

TABLE = "scored_readings"

WARM_UP_DAYS = 1
"""Days of arrival that are read before the first one needed, for the memories of wells to warm up: windows
reach back 3 minutes, levels and trends hours."""

STRETCH_BYTES = 4 * 1024 * 1024
"""Stream bytes scored before their rows are handed on: some 15,000 readings, whose rows are 10 MB as JSON."""


@dataclass(slots=True)
class RowSink:
    """Keeps the rows of chosen dates; see `petrostream.pipeline.Sink`.

    Attributes:
        dates: the dates, `YYYY-MM-DD`; all if None.
        lines: NDJSON rows by date, in the order of the stream.
    """

    dates: Set[str] | None = None
    lines: dict[str, bytearray] = field(default_factory=dict)

    def write(self, block: bytes, group: str = "") -> None:
        """Keep rows of the date `group`."""
        if self.dates is None or group in self.dates:
            self.lines.setdefault(group, bytearray()).extend(block)

    def flush(self) -> None:
        """Do nothing."""

    def take(self) -> dict[str, bytes]:
        """The rows kept since the last call."""
        taken, self.lines = self.lines, {}
        return {group: bytes(lines) for group, lines in taken.items()}


@dataclass(slots=True)
class Count:
    """Counts the blocks of a sink that nobody reads; see `petrostream.pipeline.Sink`."""

    blocks: int = 0

    def write(self, block: bytes, group: str = "") -> None:
        """Count a block."""
        self.blocks += 1

    def flush(self) -> None:
        """Do nothing."""


@dataclass(slots=True)
class Recomputation:
    """Scores facilities' records, one stretch of the stream after the other.

    Attributes:
        models: the models to score with; None before the first version.
        now_ms: the clock, epoch ms.
        dates: UTC dates of `ts` whose rows are wanted; all if None.
        memories: by facility, after the last records.
        rejected: lines that are in the quarantine; each is a block there.
    """

    models: ModelSet | None
    now_ms: Callable[[], int]
    dates: Collection[date] | None = None
    memories: dict[str, Memory] = field(default_factory=dict)
    rejected: Count = field(default_factory=Count)

    def rows(self, facilities: Mapping[str, FacilityRecords]) -> Iterator[tuple[date, pa.Table]]:
        """Score the next records of facilities.

        Args:
            facilities: each facility's next records, after those scored before.

        Yields:
            Rows of the table `scored_readings` of one date, in the order of the stream within a facility.
        """
        for name, facility in facilities.items():
            for group, lines in self.lines(name, facility.records):
                yield date.fromisoformat(group), table_of(lines, facility.made_up)

    def lines(self, name: str, records: list[StreamRecord]) -> Iterator[tuple[str, bytes]]:
        """Score a facility's next records.

        Yields:
            A date, and rows of that date as the stream's consumer encodes them: NDJSON.
        """
        sink = RowSink(None if self.dates is None else {str(day) for day in self.dates})
        muted = Muted()
        outputs = Outputs(
            delivery=sink,
            quarantine=self.rejected,
            facility=muted,
            alarms=muted,
            now_ms=self.now_ms,
            # The join reads scored rows and changes none.
            join="off",
        )
        for stretch in _stretches(records):
            memory = self.memories.get(name) or Memory(FacilityState(name))
            self.memories[name] = run_again(memory, stretch, outputs, self.models)
            yield from sink.take().items()


def table_of(lines: bytes, made_up: Collection[str] = ()) -> pa.Table:
    """NDJSON rows as Firehose's conversion makes a table of them.

    Args:
        lines: rows as the stream's consumer encodes them; a column that they lack is null.
        made_up: sequence numbers that stand for none, and become null.
    """
    kind = arrow_schema(TABLE)
    options = pj.ParseOptions(explicit_schema=kind, unexpected_field_behavior="error")
    # A row must not be larger than a block of the parser.
    rows = pj.read_json(
        pa.BufferReader(lines), pj.ReadOptions(block_size=max(1 << 20, len(lines))), options
    ).select(kind.names)
    if not made_up:
        return rows
    sequences = [None if text in made_up else text for text in rows["kinesis_sequence"].to_pylist()]
    place = kind.get_field_index("kinesis_sequence")
    return rows.set_column(place, kind.field(place), pa.array(sequences, pa.string()))


def _stretches(records: list[StreamRecord]) -> Iterator[list[StreamRecord]]:
    stretch: list[StreamRecord] = []
    size = 0
    for record in records:
        stretch.append(record)
        size += len(record.data)
        if size >= STRETCH_BYTES:
            yield stretch
            stretch, size = [], 0
    if stretch:
        yield stretch
