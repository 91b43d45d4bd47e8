"""What both reports of the demo need: the run's queries, and waiting until their readings arrive."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from string import Template
from typing import Any, TypeVar

from petrostream.times import parse_ms, to_sql
from toolchain.paths import ROOT

SQL = ROOT / "sql" / "reports"

SqlRow = dict[str, Any]
Query = Callable[[str], Sequence[SqlRow]]
T = TypeVar("T")


class NotLandedError(RuntimeError):
    """Readings that were sent no longer arrive in the lake."""


@dataclass
class LandingWait:
    """How long to wait for the next reading before the run counts as stuck, and the clock to use."""

    seconds_without_progress: float = 120.0
    poll_seconds: float = 2.0
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = field(default=time.sleep)

    def until(
        self,
        read: Callable[[], T],
        arrived: Callable[[T], int],
        sent: int,
        progress: Callable[[int], None],
        missing: str,
    ) -> T:
        """Query until everything that was sent has arrived, and return the last result.

        Args:
            read: queries the lake.
            arrived: the number of readings in a result that have arrived.
            sent: how many must arrive.
            progress: called after every query with the number that have arrived.
            missing: what is wrong with the others, for the error.

        Raises:
            NotLandedError: nothing new arrived for `seconds_without_progress`.
        """
        best, since = -1, self.clock()
        while True:
            found = read()
            count = arrived(found)
            progress(count)
            if count >= sent:
                return found
            if count > best:
                best, since = count, self.clock()
            elif self.clock() - since > self.seconds_without_progress:
                raise NotLandedError(
                    f"{sent - count:,} of {sent:,} readings {missing}, and nothing has arrived for "
                    f"{self.seconds_without_progress:.0f} s. See the functions' logs: python -m local logs"
                )
            self.sleep(self.poll_seconds)


def report_sql(name: str, **values: str) -> str:
    """A query of `sql/reports` with its values filled in."""
    return Template((SQL / f"{name}.sql").read_text(encoding="utf-8")).substitute(values)


def sql_time(moment: datetime) -> str:
    """A time with a zone as the lake's queries write it, in UTC."""
    return to_sql(parse_ms(moment.isoformat()))
