"""Swings of a pressure, from its minute means: turning points of a zigzag that ignores small moves."""

from collections.abc import Callable
from itertools import pairwise

from petrostream.gauges.features import MISSING
from petrostream.records import record

SWING_BINS = 120
MAX_TURNS = 64

LEAST_PAUSE = 30
"""Minutes without a turn that end no oscillation: a quarter of the slowest cycle in 3W's class 3."""


@record(frozen=True, slots=True)
class Swing:
    """A pressure between two turns: a zigzag that ignores small moves.

    Attributes:
        direction: 1 rising, -1 falling, 0 not known yet.
        low, high: the last two extremes, in trend counts; the one it is moving towards is the extreme so far.
        turns: minutes since the epoch in which it turned, ascending, of the last `SWING_BINS`, at most
            `MAX_TURNS`.
    """

    direction: int = 0
    low: int = MISSING
    high: int = MISSING
    turns: tuple[int, ...] = ()

    def moved(self, minute: int, at: int, size: int, least: Callable[[], float] = float) -> "Swing":
        """Return the swing after one more minute.

        Args:
            minute: the minute, in minutes since the epoch.
            at: its mean, in trend counts.
            size: smallest move that counts as a turn, in trend counts.
            least: returns a size that it must have besides, in trend counts; seldom called.
        """
        if self.high == MISSING:
            return Swing(0, at, at)
        low, high = min(self.low, at), max(self.high, at)
        if self.direction == 0:
            direction = 1 if at - low >= size else -1 if high - at >= size else 0
            return Swing(direction, low, high, self.turns)
        back = self.high - at if self.direction > 0 else at - self.low
        if back < size or back < least():
            kept = (self.low, high) if self.direction > 0 else (low, self.high)
            return Swing(self.direction, *kept, self.turns)
        turns = tuple(turn for turn in self.turns if turn > minute - SWING_BINS)
        extremes = (at, self.high) if self.direction > 0 else (self.low, at)
        return Swing(-self.direction, *extremes, (*turns, minute)[-MAX_TURNS:])

    def count(self, minute: int, minutes: int) -> int:
        """Return the number of turns in the given number of minutes before `minute`."""
        return 0 if not self.turns else sum(minute - minutes <= turn < minute for turn in self.turns)

    def ended(self, minute: int) -> bool:
        """Return whether the oscillation before `minute` is over.

        It is once a whole cycle at its slowest, twice the longest time between two turns of the last
        `SWING_BINS` minutes, has passed without a turn, but never within `LEAST_PAUSE` minutes.
        """
        recent = [turn for turn in self.turns if minute - SWING_BINS <= turn < minute]
        slowest = max((after - turn for turn, after in pairwise(recent)), default=0)
        return not recent or minute - recent[-1] > max(2 * slowest, LEAST_PAUSE)
