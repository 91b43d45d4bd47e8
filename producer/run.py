"""Runs a replay: takes what is due from the players, writes it, and records what was acknowledged."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from petrostream.aws.kinesis import KinesisWriter, Record
from producer.players import FacilityPlayer, StreamBlock
from producer.resume import Progress

QUEUE_BLOCKS = 8
"""Blocks of one facility that may queue for the stream; more would only cost memory."""

SLICE_READINGS = 4000
"""Readings of a facility that are merged at once, about."""

SAVE_S = 0.25
"""Seconds between two writes of the resume file: what is sent twice after a kill -9."""

FLUSH_S = 10.0
"""How long a stopped replay keeps delivering what is queued."""


@dataclass(frozen=True, slots=True)
class Status:
    """What a display shows.

    Attributes:
        readings: acknowledged in all.
        total: readings of the whole replay, wells and tanks.
        per_second: acknowledged readings a second, of the last few seconds.
        lag_s: how long the oldest due reading has been waiting; 0 at full speed, which has no schedule.
        retries: records that had to be sent again.
        trouble: the latest refusal, "" if there was none.
        positions: acknowledged readings of each well and tank.
    """

    readings: int
    total: int
    per_second: float
    lag_s: float
    retries: int
    trouble: str
    positions: dict[str, int]


class Display(Protocol):
    """Shows a run to people."""

    def show(self, status: Status) -> None:
        """Called often; the display decides what it draws."""
        ...


@dataclass(slots=True)
class Time:
    """The clocks of a run.

    Attributes:
        now_ms: epoch milliseconds.
        seconds: monotonic.
        sleep: waits that many seconds.
    """

    now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000
    seconds: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


def origin_ms(progress: Progress, now_ms: int, first_ms: int, speed: float) -> float:
    """When position 0 of a run's timeline is due, epoch milliseconds, if the next position is `first_ms`.

    A resumed run continues where it was, and never ahead of the first one's schedule: it may have been
    killed in a pause between two instances, and the next event time must not lie in the future.
    """
    return max(float(progress.started_ms), now_ms - first_ms / speed)


@dataclass(slots=True)
class Replay:
    """A run. `run` returns whether all readings were acknowledged; False if `stopped` said so first.

    Attributes:
        players: what is left to play, by facility.
        writer: writes to the stream; the tag of a record is its block.
        progress: kept up to date with every acknowledgement.
        save: makes `progress` durable.
        speed: seconds of play a second; infinity for as fast as the stream takes it.
        total: readings of the whole replay, the acknowledged ones included.
        block_s: seconds between two blocks of a facility in a timed replay.
        stopped: polled often; True ends the run after a flush.
        display: shows the progress.
        clock: the clocks.
    """

    players: Sequence[FacilityPlayer]
    writer: KinesisWriter[StreamBlock]
    progress: Progress
    save: Callable[[Progress], None]
    speed: float
    total: int
    block_s: float
    stopped: Callable[[], bool]
    display: Display
    clock: Time = field(default_factory=Time)
    _origin_ms: float = field(init=False, default=0.0)
    _due_ms: float = field(init=False, default=0.0)
    _ticked: float = field(init=False, default=0.0)
    _saved: float = field(init=False, default=0.0)
    _before: tuple[int, int, float] = field(init=False, default=(0, 0, 0.0))
    _rate: float = field(init=False, default=0.0)
    _measured: tuple[float, int] = field(init=False, default=(0.0, 0))

    def run(self) -> bool:
        """Play to the end, or until `stopped`.

        Raises:
            PetroStreamError: the stream can't be written; `progress` is saved and correct.
            DatasetError: an instance can't be read; the same holds.
        """
        self._begin()
        try:
            while not self.stopped():
                more = self._fill()
                if self.writer.pending():
                    self._account(self.writer.pump())
                elif not more:
                    break
                else:
                    self._rest()
                self._show()
            else:
                self._flush()
        finally:
            self.progress.finished = self.progress.readings == self.total
            self._note()
            self.save(self.progress)
        self._show()
        return self.progress.finished

    def _begin(self) -> None:
        first = min((ms for player in self.players if (ms := player.next_ms()) is not None), default=0)
        self._origin_ms = origin_ms(self.progress, self.clock.now_ms(), first, self.speed)
        started = self.clock.seconds()
        self._before = (self.progress.calls, self.progress.retries, started - self.progress.seconds)
        self._measured = (started, self.progress.readings)
        self._saved = started
        self._ticked = started - self.block_s

    def _fill(self) -> bool:
        """Queue the blocks that are due; return whether any reading is left, due or not."""
        now = self.clock.seconds()
        if self.speed == float("inf"):
            self._due_ms = float("inf")
        elif now - self._ticked >= self.block_s:
            self._ticked = now
            self._due_ms = (self.clock.now_ms() - self._origin_ms) * self.speed
        more = False
        for player in self.players:
            following = player.next_ms()
            more = more or following is not None
            # At full speed the next blocks are made when the last have gone, which fills every call.
            limit = 1 if self.speed == float("inf") else QUEUE_BLOCKS
            while following is not None and following <= self._due_ms:
                if self.writer.pending(player.facility_id) >= limit:
                    break
                step = 1000 * max(60, SLICE_READINGS // player.sources)
                for block in player.take(int(min(self._due_ms, following + step))):
                    self.writer.put(Record(block.facility_id, block.data, block))
                following = player.next_ms()
        return more

    def _flush(self) -> None:
        """Deliver what is queued, for at most `FLUSH_S`: a resumed run sends the rest."""
        end = self.clock.seconds() + FLUSH_S
        while self.writer.pending() and self.clock.seconds() < end:
            self._account(self.writer.pump())

    def _account(self, records: Sequence[Record[StreamBlock]]) -> None:
        positions = self.progress.positions
        for record in records:
            for name, readings in record.tag.counts.items():
                positions[name] = positions.get(name, 0) + readings
        self.progress.blocks += len(records)
        if self.clock.seconds() - self._saved >= SAVE_S:
            self._note()
            self.save(self.progress)
            self._saved = self.clock.seconds()

    def _note(self) -> None:
        calls, retries, started = self._before
        self.progress.calls = calls + self.writer.totals.calls
        self.progress.retries = retries + self.writer.totals.retries
        self.progress.seconds = round(self.clock.seconds() - started, 3)

    def _rest(self) -> None:
        left = self._ticked + self.block_s - self.clock.seconds()
        self.clock.sleep(min(max(left, 0.001), 0.2))

    def _lag_s(self) -> float:
        if self.speed == float("inf"):
            return 0.0
        heads = [self.writer.oldest(player.facility_id) for player in self.players]
        waiting = [head.tag.first_ms for head in heads if head is not None]
        waiting += [ms for player in self.players if (ms := player.next_ms()) is not None]
        if not waiting:
            return 0.0
        return max(0.0, (self.clock.now_ms() - self._origin_ms - min(waiting) / self.speed) / 1000)

    def _show(self) -> None:
        since, readings = self._measured
        now = self.clock.seconds()
        if now - since >= 1.0:
            self._rate = (self.progress.readings - readings) / (now - since)
            self._measured = (now, self.progress.readings)
        # Before the first whole second, the average so far.
        rate = self._rate or (self.progress.readings - readings) / max(now - since, 0.001)
        totals = self.writer.totals
        self.display.show(
            Status(
                self.progress.readings,
                self.total,
                rate,
                self._lag_s(),
                self._before[1] + totals.retries,
                totals.last_error,
                self.progress.positions,
            )
        )
