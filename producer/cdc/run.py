"""Polls until it is stopped, or once: reads, converts, sends, and only then moves the state."""

from collections.abc import Callable
from dataclasses import dataclass, field

from petrostream.aws.kinesis import RetryLimits
from producer.cdc.convert import Converter
from producer.cdc.display import Counts, PollDisplay
from producer.cdc.errors import SourceGone, SourceLost
from producer.cdc.poll import Poller
from producer.cdc.sink import Interrupted, StreamSink

RETRIES = RetryLimits(limit_s=180.0, base_s=0.5, cap_s=15.0)
"""Waits between attempts to reach the source: doubling, with full jitter, for three minutes."""

SAVE_S = 30.0
"""Seconds between two writes of a state in which only the snapshot has moved."""


@dataclass(slots=True)
class Patience:
    """Waits for a source that does not respond, and for the next poll.

    Attributes:
        place: name of the source, for messages.
        say: prints a line.
        stopped: whether a stop was asked for; ends every wait.
        retries: how long the source may be away.
    """

    place: str
    say: Callable[[str], None]
    stopped: Callable[[], bool]
    retries: RetryLimits = RETRIES
    _failures: int = 0
    _failing_since: float = 0.0

    def found(self) -> None:
        """Take note that the source has responded."""
        self._failures = 0

    def wait(self, error: SourceLost) -> None:
        """Wait for the next attempt.

        Raises:
            SourceGone: the source has been away for too long.
        """
        now = self.retries.clock()
        if not self._failures:
            self._failing_since = now
        self._failures += 1
        away = now - self._failing_since
        if away > self.retries.limit_s:
            raise SourceGone(self.place, away, self._failures, str(error)) from error
        wait = self.retries.wait(self._failures)
        self.say(f"{self.place}: {error}. Next attempt in {wait:.1f} s")
        self.rest(now + wait)

    def rest(self, until: float) -> None:
        """Wait, but not past a request to stop."""
        while not self.stopped() and (left := until - self.retries.clock()) > 0:
            self.retries.sleep(min(left, 0.2))


@dataclass(slots=True)
class Polling:
    """A run.

    Attributes:
        poller: reads.
        converter: makes lines of rows.
        sink: sends them.
        save: makes the poller's position durable, given the rows sent in this run.
        patience: waits for the source, and between polls.
        interval_s: seconds between the beginnings of two polls that find nothing further.
        once: end when everything that is there has been sent.
        stopped: whether a stop was asked for.
        display: shows the progress.
    """

    poller: Poller
    converter: Converter
    sink: StreamSink
    save: Callable[[int], None]
    patience: Patience
    interval_s: float
    once: bool
    stopped: Callable[[], bool]
    display: PollDisplay
    counts: Counts = field(default_factory=Counts)
    _saved: float = float("-inf")

    def run(self) -> bool:
        """Poll; returns whether it came to an end by itself, which only `once` does.

        Raises:
            SourceGone: the source has been away for too long.
            SourceInvalid: the table can't be read as the map says.
            PetroStreamError: the stream can't be written.
            OSError: the state can't be written.
        """
        while not self.stopped():
            began = self.patience.retries.clock()
            try:
                more = self._poll()
            except SourceLost as error:
                self.patience.wait(error)
                continue
            except Interrupted as error:
                self.display.say(str(error))
                break
            self.patience.found()
            self.display.show(self.counts, self.poller, self.sink.writer.totals)
            if more:
                continue
            if self.once:
                self.save(self.counts.rows)
                return True
            self.patience.rest(began + self.interval_s)
        self.save(self.counts.rows)
        return False

    def _poll(self) -> bool:
        more = False
        for batch in self.poller.poll():
            if self.poller.restored:
                self.display.say_once("restored", RESTORED)
            self.sink.send(self.converter.lines(batch.rows))
            self.poller.sent(batch)
            self.counts.add(batch, self.converter)
            more = batch.more
            now = self.patience.retries.clock()
            if batch.position is not None and (batch.rows or now - self._saved >= SAVE_S):
                self.save(self.counts.rows)
                self._saved = now
        self.counts.polls += 1
        return more


RESTORED = (
    "The server counts transactions otherwise than at the last poll (restored, or another server): the rows "
    "of the "
    "look-back window are sent again, and stay one row each in well_data"
)
