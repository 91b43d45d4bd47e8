"""Live progress of a replay: bars on a terminal, a plain line every few seconds elsewhere."""

import time
from collections.abc import Callable
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from petrostream.names import shown
from producer.run import Status

LINE_S = 5.0
"""Seconds between two plain lines."""

REDRAW_S = 0.25
"""Seconds between two redrawings of the bars."""

MAX_BARS = 16
"""Bars of single wells and tanks that are drawn; a fleet of hundreds would scroll away."""


class ProgressDisplay:
    """Draws the status of a run; a context manager, which restores the terminal.

    Args:
        console: where to.
        totals: readings of each well and tank.
        seconds: monotonic clock.
    """

    def __init__(
        self, console: Console, totals: dict[str, int], seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._console = console
        self._totals = totals
        self._seconds = seconds
        self._drawn = float("-inf")
        self._ended = False
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live:
            self._live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.__exit__(kind, error, trace)

    def show(self, status: Status) -> None:
        """Draw, unless the last drawing is recent enough. The end is always drawn."""
        now = self._seconds()
        at_end = status.readings >= status.total
        if self._ended or (now - self._drawn < (REDRAW_S if self._live else LINE_S) and not at_end):
            return
        self._ended = at_end
        self._drawn = now
        if self._live:
            self._live.update(self._table(status), refresh=True)
        else:
            self._console.print(headline(status), highlight=False, soft_wrap=True)

    def _table(self, status: Status) -> Table:
        table = Table(title=headline(status), title_justify="left", show_header=False, box=None, expand=False)
        playing = [well for well, total in self._totals.items() if status.positions.get(well, 0) < total]
        finished = [well for well in self._totals if well not in set(playing)]
        shown = sorted([*playing, *finished][:MAX_BARS])
        for well in shown:
            done, total = status.positions.get(well, 0), self._totals[well]
            table.add_row(well, ProgressBar(total=total, completed=done, width=30), f"{done:,} of {total:,}")
        hidden = len(self._totals) - len(shown)
        if hidden:
            table.add_row(f"and {hidden} more", "", "")
        return table


def headline(status: Status) -> str:
    """The whole run in one line."""
    share = status.readings / status.total if status.total else 1.0
    # A rate that would read 0/s says nothing: nothing has been measured yet, or the lag shows the trouble.
    rate = f"{status.per_second:,.0f}/s  " if status.per_second >= 0.5 else ""
    text = (
        f"{status.readings:,} of {status.total:,} readings ({share:.0%})  {rate}"
        f"lag {status.lag_s:.1f} s  retries {status.retries:,}"
    )
    return f"{text} (last: {shown(status.trouble[:80])})" if status.trouble else text
