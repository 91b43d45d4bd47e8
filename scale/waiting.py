"""Readings that were sent and are not scored yet, in order."""

from collections import deque
from dataclasses import dataclass, field


@dataclass
class SentStretch:
    """Readings that some facilities of a shard sent at one moment, and have not been scored.

    Attributes:
        begin, end: times of the first and the last; they were sent at the end, with their block.
        readings: how many.
    """

    begin: float
    end: float
    readings: float


@dataclass
class Queue:
    """Stretches in the order in which they were sent, and how many readings they have."""

    stretches: deque[SentStretch] = field(default_factory=deque)
    readings: float = 0.0

    def add(self, sent: SentStretch) -> None:
        """Put a stretch behind the others."""
        self.stretches.append(sent)
        self.readings += sent.readings

    def take(self, most: float) -> list[SentStretch]:
        """Take readings from the front, in order; a stretch may be split."""
        taken: list[SentStretch] = []
        while self.stretches and most > 0:
            first = self.stretches.popleft()
            if first.readings > most:
                middle = first.begin + (first.end - first.begin) * most / first.readings
                self.stretches.appendleft(SentStretch(middle, first.end, first.readings - most))
                first = SentStretch(first.begin, middle, most)
            taken.append(first)
            most -= first.readings
        self.readings = self.readings - sum(one.readings for one in taken) if self.stretches else 0.0
        return taken
