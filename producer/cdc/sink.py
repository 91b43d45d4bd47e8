"""Puts lines on the stream, and returns when Kinesis has taken every one of them."""

import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import isfinite

from petrostream.aws.kinesis import KinesisWriter, Record
from petrostream.readings import MAX_DATES
from petrostream.times import DAY_MS
from producer.cdc.convert import ReadingLine
from producer.errors import ReplayError
from producer.players import cut
from producer.run import FLUSH_S


class Interrupted(ReplayError):  # noqa: N818 - says what happened
    """A stop was asked for before Kinesis had taken every line; the state stays as it was."""


@dataclass(slots=True)
class StreamSink:
    """Sends lines in blocks of one facility each, oldest first.

    Attributes:
        writer: writes to the stream; the tag of a record is the number of its lines.
        max_block_bytes: largest block.
        stopped: polled while lines are on their way; from then on they have `FLUSH_S` left.
        progress: called after every answer of the stream with the number of lines it has accepted.
        seconds: monotonic clock.
    """

    writer: KinesisWriter[int]
    max_block_bytes: int
    stopped: Callable[[], bool]
    progress: Callable[[int], None]
    seconds: Callable[[], float] = time.monotonic

    def send(self, lines: Sequence[ReadingLine]) -> None:
        """Send lines, and wait until all are accepted.

        Raises:
            PetroStreamError: the stream can't be written.
            Interrupted: a stop was asked for, and the stream did not accept the rest in time.
        """
        for facility_id, block, count in blocks(lines, self.max_block_bytes):
            self.writer.put(Record(facility_id, block, count))
        until: float | None = None
        while self.writer.pending():
            if until is None and self.stopped():
                until = self.seconds() + FLUSH_S
            if until is not None and self.seconds() > until:
                raise Interrupted(
                    f"stopped with {self.writer.pending()} records that Kinesis had not taken; "
                    "the next run sends their rows"
                )
            self.progress(sum(record.tag for record in self.writer.pump()))


def blocks(lines: Sequence[ReadingLine], max_bytes: int) -> Iterator[tuple[str, bytes, int]]:
    """Facility, content and number of lines of each block that together hold all lines.

    A line that is longer than a block gets one of its own. No block has more dates than the lake takes of
    one.
    """
    by_facility: dict[str, list[ReadingLine]] = defaultdict(list)
    for line in lines:
        by_facility[line.facility_id].append(line)
    for facility_id, own in by_facility.items():
        own.sort(key=lambda line: line.ts_ms)
        for group in _of_few_dates(own):
            for run in _apart(group, max_bytes):
                for low, high in cut(run, max(max_bytes, len(run[0]))):
                    yield facility_id, b"".join(run[low:high]), high - low


def _apart(lines: Sequence[ReadingLine], max_bytes: int) -> Iterator[list[bytes]]:
    """Runs of lines that each fit into a block, and between them the longer ones, each by itself."""
    run: list[bytes] = []
    for line in lines:
        if len(line.data) > max_bytes:
            if run:
                yield run
            yield [line.data]
            run = []
        else:
            run.append(line.data)
    if run:
        yield run


def _of_few_dates(lines: Sequence[ReadingLine]) -> Iterator[list[ReadingLine]]:
    """Cut lines in order of time into runs of at most `MAX_DATES` UTC dates."""
    group: list[ReadingLine] = []
    dates: set[int] = set()
    for line in lines:
        date = int(line.ts_ms // DAY_MS) if isfinite(line.ts_ms) else None
        if date is not None and date not in dates:
            if len(dates) == MAX_DATES:
                yield group
                group, dates = [], set()
            dates.add(date)
        group.append(line)
    if group:
        yield group
