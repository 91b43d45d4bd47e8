"""Retries with full jitter, never past a deadline.

Full jitter (a delay drawn uniformly between zero and an exponentially growing ceiling) spreads clients that
were refused at the same time, which equal or slightly jittered delays would keep in step: M. Brooker,
"Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
"""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Deadline:
    """A time of the monotonic clock, in seconds, by which work must have ended."""

    at: float
    clock: Callable[[], float] = time.monotonic

    @classmethod
    def after(cls, seconds: float, clock: Callable[[], float] = time.monotonic) -> "Deadline":
        """The deadline a number of seconds from now; infinity means none."""
        return cls(clock() + seconds, clock)

    def remaining(self) -> float:
        """Seconds left, at least 0."""
        return max(0.0, self.at - self.clock())


NO_DEADLINE = Deadline(float("inf"))


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often to retry a refused call, and with what delays.

    Attributes:
        limit: number of attempts, the first one included.
        base: ceiling of the first delay, in seconds; it doubles with every attempt.
        cap: highest ceiling of a delay, in seconds.
        sleep: waits a number of seconds.
        draw: returns a number between its two arguments, the jitter.
    """

    limit: int = 8
    base: float = 0.1
    cap: float = 5.0
    sleep: Callable[[float], None] = time.sleep
    draw: Callable[[float, float], float] = field(default=random.uniform)

    def attempts(self, deadline: Deadline = NO_DEADLINE) -> Iterator[int]:
        """Attempt numbers from 0, with a wait before each but the first.

        Ends when `limit` is reached or the next wait would pass the deadline. There is always a first
        attempt, so that every call makes some progress, however late it starts. Leave the loop on success.
        """
        for attempt in range(self.limit):
            yield attempt
            delay = self.draw(0.0, min(self.cap, self.base * 2.0**attempt))
            if attempt + 1 == self.limit or delay >= deadline.remaining():
                return
            self.sleep(delay)
