"""Readings at an even pace, one block of each facility a second, and the moment the live table shows them."""

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from petrostream.aws.clients import client
from petrostream.aws.kinesis import KinesisWriter, Record
from petrostream.aws.live_reader import LiveTable
from petrostream.minutes.windows import WINDOW_MS
from petrostream.readings.wells import encode_block

Row = Callable[[str, str, int, int], Mapping[str, Any]]
"""A reading, of a well and its facility, at an event time in epoch ms, in a second of the run."""

LOOK_SECONDS = 0.1


class Paced:
    """Sends readings on time, and watches for the last one of each well and second.

    Args:
        live: where they are watched for.
        stream: name of the stream.
        places: the wells of each facility.
        each: readings of a well a second.
        row: makes a reading.

    Attributes:
        arrived: due time in epoch seconds, and latency in ms, of each watched reading that was seen.
        sent: number of readings that the stream accepted.
        minutes: readings of each well, by the start of their minute in epoch ms.
        newest_ms: time of the newest reading, epoch ms; 0 before the first.
    """

    def __init__(
        self, live: LiveTable, stream: str, places: Mapping[str, Sequence[str]], each: int, row: Row
    ) -> None:
        self.arrived: list[tuple[float, float]] = []
        self.sent = 0
        self.minutes: Counter[int] = Counter()
        self.newest_ms = 0
        self._live, self._places, self._each, self._row = live, places, each, row
        self._writer: KinesisWriter[int] = KinesisWriter(stream, client("kinesis"))
        self._waiting: dict[str, deque[int]] = {well: deque() for wells in places.values() for well in wells}

    @property
    def waiting(self) -> int:
        """How many watched readings have not been seen."""
        return sum(map(len, self._waiting.values()))

    def send(self, due: float, second: int) -> None:
        """Send the readings of the second that ends at `due`, epoch seconds, until all are accepted.

        Raises:
            StreamStalled, WriteRefused: the stream would not take them.
        """
        moments = [round(due * 1000 - 1000 * (self._each - 1 - n) / self._each) for n in range(self._each)]
        self.minutes.update(ts_ms // WINDOW_MS * WINDOW_MS for ts_ms in moments)
        self.newest_ms = moments[-1]
        for place, wells in self._places.items():
            rows = [self._row(well, place, ts_ms, second) for ts_ms in moments for well in wells]
            self._writer.put(Record(place, encode_block(rows), len(rows)))
            for well in wells:
                self._waiting[well].append(moments[-1])
        while self._writer.pending():
            self.sent += sum(record.tag for record in self._writer.pump())

    def watch(self, until: float) -> None:
        """Read the fleet until then, in epoch seconds, once at least."""
        while True:
            for facility in self._live.fleet(list(self._places)):
                now_ms = time.time() * 1000
                for well in facility.wells:
                    self._note(well.well_id, well.status.ts_ms, now_ms)
            left = until - time.time()
            if left <= 0:
                return
            time.sleep(min(LOOK_SECONDS, left))

    def _note(self, well_id: str, newest_ms: int, now_ms: float) -> None:
        waiting = self._waiting.get(well_id, ())
        while waiting and waiting[0] <= newest_ms:
            at_ms = waiting.popleft()
            self.arrived.append((at_ms / 1000, now_ms - at_ms))
