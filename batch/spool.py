"""Rows of a day on local disk, sorted in pieces: a day is far larger than a function's memory.

Rows come in any order. Every `flush_rows` of them are sorted by well and written to a file of the spool, a
batch for each well; then wells are taken one after another, each from all files. A well with more rows than a
group may have is taken in ranges of whole hours: all copies of a row share its well and time, so no group
needs to know another.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from batch.columns import arrow_schema
from batch.winners import RANK, CopyRule, winners

FLUSH_ROWS = 50_000
GROUP_ROWS = 100_000
"""Most rows sorted in memory at once: 100,000 readings take about 100 MB, and twice that while sorted."""

_HOUR_US = 3_600_000_000


@dataclass
class Spool:
    """Rows of one table and day.

    Attributes:
        table: name of the table.
        rule: which copy of a row counts.
        folder: an empty folder, on a disk with room for the day.
        flush_rows, group_rows: see the constants.
        rows: how many rows came in, copies included.
    """

    table: str
    rule: CopyRule
    folder: Path
    flush_rows: int = FLUSH_ROWS
    group_rows: int = GROUP_ROWS
    rows: int = 0
    _waiting: list[pa.Table] = field(default_factory=list)
    _waiting_rows: int = 0
    _files: list[tuple[Path, dict[str, int]]] = field(default_factory=list)
    _counts: "Counter[tuple[str, int]]" = field(default_factory=Counter)

    def add(self, rows: pa.Table, rank: int = 0) -> None:
        """Take rows in; of two copies the one with the lower rank counts."""
        if rows.num_rows == 0:
            return
        self.rows += rows.num_rows
        self._waiting.append(rows.append_column(RANK, pa.repeat(pa.scalar(rank, pa.int8()), rows.num_rows)))
        self._waiting_rows += rows.num_rows
        if self._waiting_rows >= self.flush_rows:
            self._flush()

    def groups(self) -> Iterator[pa.Table]:
        """Rows that count, in the order of gold's files, a group at a time."""
        self._flush()
        readers = [(pa.ipc.open_file(pa.memory_map(str(path))), wells) for path, wells in self._files]
        for wells, hours in self._ranges():
            parts = [
                pa.Table.from_batches([reader.get_batch(places[well])])
                for well in wells
                for reader, places in readers
                if well in places
            ]
            if hours is not None:
                parts = [part.filter(_within(part, *hours)) for part in parts]
            if sum(part.num_rows for part in parts):
                yield winners(pa.concat_tables(parts), self.rule).drop_columns([RANK])

    def _flush(self) -> None:
        if not self._waiting:
            return
        rows = pa.concat_tables(self._waiting).combine_chunks()
        self._waiting, self._waiting_rows = [], 0
        rows = rows.take(pc.sort_indices(rows, sort_keys=[("well_id", "ascending")]))
        path = self.folder / f"{len(self._files):06d}.arrow"
        kind = arrow_schema(self.table).append(pa.field(RANK, pa.int8()))
        options = pa.ipc.IpcWriteOptions(compression="lz4")
        places: dict[str, int] = {}
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, kind, options=options) as writer:
            for well, start, length in _runs(rows["well_id"]):
                part = rows.slice(start, length).combine_chunks()
                places[well] = len(places)
                writer.write_batch(part.to_batches()[0])
                for hour, count in Counter(_hours(part).to_pylist()).items():
                    self._counts[well, hour] += count
        self._files.append((path, places))

    def _ranges(self) -> Iterator[tuple[list[str], tuple[int, int] | None]]:
        """Wells taken together, or one well and a range of its hours, the end excluded."""
        sizes: Counter[str] = Counter()
        for (well, _), count in self._counts.items():
            sizes[well] += count
        together: list[str] = []
        for well in sorted(sizes, key=str.encode):
            if together and sum(sizes[one] for one in together) + sizes[well] > self.group_rows:
                yield together, None
                together = []
            if sizes[well] > self.group_rows:
                yield from (([well], hours) for hours in self._hour_ranges(well))
            else:
                together.append(well)
        if together:
            yield together, None

    def _hour_ranges(self, well: str) -> Iterator[tuple[int, int]]:
        hours = sorted(hour for name, hour in self._counts if name == well)
        first, rows = hours[0], 0
        for hour in hours:
            if rows and rows + self._counts[well, hour] > self.group_rows:
                yield first, hour
                first, rows = hour, 0
            rows += self._counts[well, hour]
        yield first, hours[-1] + 1


def _runs(wells: pa.ChunkedArray) -> Iterator[tuple[str, int, int]]:
    """Each well of a sorted column, with its first row and how many it has."""
    encoded = pc.run_end_encode(wells.combine_chunks().fill_null(""))
    start = 0
    for well, end in zip(encoded.values.to_pylist(), encoded.run_ends.to_pylist(), strict=True):
        yield well, start, end - start
        start = end


def _hours(rows: pa.Table) -> pa.ChunkedArray:
    """Hour of each row since 1970."""
    return pc.floor(pc.divide(rows["ts"].cast(pa.int64()).cast(pa.float64()), float(_HOUR_US))).cast(
        pa.int64()
    )


def _within(rows: pa.Table, first: int, end: int) -> pa.ChunkedArray:
    hours = _hours(rows)
    return pc.and_(pc.greater_equal(hours, first), pc.less(hours, end))
