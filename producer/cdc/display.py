"""Progress of a poll: a line every few seconds, warnings at once."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from rich.console import Console

from petrostream.aws.kinesis import WriterTotals
from petrostream.names import shown
from producer.cdc.convert import Converter
from producer.cdc.poll import Batch, Poller

LINE_S = 5.0
"""Seconds between two lines while rows arrive."""

QUIET_LINE_S = 60.0
"""Seconds between two lines while none do."""

HELD_WARNING = timedelta(minutes=5)
"""Age of the oldest open transaction from which on a line warns of it."""


AHEAD_WARNING = timedelta(minutes=1)
"""How far a row may be updated in the future without a warning."""


@dataclass(slots=True)
class Counts:
    """What a run has done so far; `late` are rows that appeared behind the mark."""

    rows: int = 0
    late: int = 0
    bad: int = 0
    polls: int = 0

    def add(self, batch: Batch, converter: Converter) -> None:
        """Count a batch that was sent."""
        self.rows += len(batch.rows)
        self.late += batch.late
        self.bad = converter.bad


@dataclass(slots=True)
class PollDisplay:
    """Prints what a run does.

    Attributes:
        console: where to.
        converter: knows the bad values.
        seconds: monotonic clock.
    """

    console: Console
    converter: Converter
    seconds: Callable[[], float] = time.monotonic
    _printed: float = float("-inf")
    _rows: int = 0
    _examples: int = 0
    _said: dict[str, float] = field(default_factory=dict)

    def say(self, text: str) -> None:
        """Print a line."""
        self.console.print(shown(text), markup=False, highlight=False, soft_wrap=True)

    def say_once(self, topic: str, text: str, every_s: float = 600.0) -> None:
        """Print a warning, but not again within ten minutes."""
        now = self.seconds()
        if now - self._said.get(topic, float("-inf")) >= every_s:
            self._said[topic] = now
            self.console.print(shown(text), style="yellow", markup=False, highlight=False, soft_wrap=True)

    def show(self, counts: Counts, poller: Poller, totals: WriterTotals) -> None:
        """Print the state of the run, unless the last line is recent enough."""
        self._warn(poller)
        now = self.seconds()
        if now - self._printed < (LINE_S if counts.rows > self._rows else QUIET_LINE_S):
            return
        rate = (counts.rows - self._rows) / (now - self._printed)
        self._printed, self._rows = now, counts.rows
        self.say(headline(counts, poller, totals, rate))

    def _warn(self, poller: Poller) -> None:
        for text in self.converter.examples[self._examples :]:
            self.console.print(
                shown(f"Sent for the quarantine: {text}"), style="yellow", markup=False, soft_wrap=True
            )
        self._examples = len(self.converter.examples)
        if self.converter.twice:
            self.say_once(
                "twice",
                f"{self.converter.twice:,} rows have the well and time of another row: well_data keeps one "
                "of each, "
                "since well, source and time identify a reading",
            )
        if (ahead := ahead_of_clock(poller)) > AHEAD_WARNING:
            self.say_once(
                "ahead",
                f"The newest row is updated {round(ahead / timedelta(minutes=1))} min in the future: rows "
                "until then count as late, and are found within the look-back; correct that writer's clock",
            )
        lag = settled_lag(poller)
        if lag > HELD_WARNING:
            wait = "; rows written since wait for it" if poller.held else ""
            self.say_once(
                "held",
                f"A transaction has been open for {round(lag / timedelta(minutes=1))} min or more: what it "
                "commits will "
                f"be found, but every poll looks back that far{wait}. See pg_stat_activity.xact_start and "
                "pg_prepared_xacts on the server",
            )


def ahead_of_clock(poller: Poller) -> timedelta:
    """How far the newest row lies in the future of the source."""
    mark, horizon = poller.position.mark, poller.horizon
    return timedelta() if mark is None or horizon is None else mark.at - horizon.now


def settled_lag(poller: Poller) -> timedelta:
    """How far back a transaction that is still open may have begun."""
    at, horizon = poller.position, poller.horizon
    if at.settled is None or at.asked_at is None or horizon is None or horizon.low >= at.asked_high:
        return timedelta()
    return max(horizon.now - at.asked_at, timedelta())


def headline(counts: Counts, poller: Poller, totals: WriterTotals, rate: float) -> str:
    """The whole run in one line."""
    mark = poller.position.mark
    parts = [f"{counts.rows:,} rows", f"{rate:,.0f}/s", f"late {counts.late:,}", f"bad {counts.bad:,}"]
    if mark is not None and poller.horizon is not None:
        behind = max((poller.horizon.now - mark.at).total_seconds(), 0.0)
        parts.append(f"newest row {behind:,.1f} s old")
    lag = settled_lag(poller)
    if lag:
        parts.append(f"oldest open transaction {lag.total_seconds():,.0f} s")
    parts.append(f"retries {totals.retries:,}")
    return "  ".join(parts) + (f" (last: {shown(totals.last_error[:80])})" if totals.retries else "")
