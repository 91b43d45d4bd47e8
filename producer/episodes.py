"""The simulator's response to a well's events: how strong, how long, and when a limit is exceeded."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from petrostream.arrays import FloatArray, IntArray
from producer.noise import key_of, uniform


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch in which 3W labels a well's readings as an event.

    Attributes:
        well_id: the well.
        source: the instance.
        start_ms: event time of its first labelled reading, epoch milliseconds.
        end_ms: event time of the last one.
    """

    well_id: str
    source: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Course:
    """How a concentration responds to an event: after a lag it rises, holds, and falls when the event ends.

    Attributes:
        lag_ms: from the start of the event to the start of the rise, and from its end to that of the fall.
        rise_ms: how long the rise takes.
        fall_ms: how long the fall takes.
    """

    lag_ms: int
    rise_ms: int
    fall_ms: int


@dataclass(frozen=True, slots=True)
class Bump:
    """One episode's contribution to a concentration.

    Attributes:
        start_ms: when the rise begins.
        end_ms: when the fall begins.
        height: how far above the base it would rise, ppm.
        course: its shape.
    """

    start_ms: int
    end_ms: int
    height: float
    course: Course

    def over(self, ts_ms: IntArray) -> FloatArray:
        """How far above the base at these instants, ppm: shape (n,). It never rises again after a fall."""
        risen = (ts_ms - self.start_ms) / self.course.rise_ms
        fallen = 1.0 - (ts_ms - self.end_ms) / self.course.fall_ms
        return self.height * np.clip(np.minimum(risen, fallen), 0.0, 1.0)

    def above(self, excess: float) -> tuple[int, int] | None:
        """First and last millisecond in which it is over `excess` ppm above the base; None if never."""
        rise, fall = self.course.rise_ms, self.course.fall_ms
        crossing = round((1 + (self.end_ms - self.start_ms) / fall) / (1 / rise + 1 / fall))
        near = self.start_ms + min(rise, crossing)
        top = max((near - 1, near, near + 1), key=self._at)

        def holds(ts_ms: int) -> bool:
            return self._at(ts_ms) > excess

        if not holds(top):
            return None
        return _edge(self.start_ms - 1, top, holds), _edge(self.end_ms + fall + 1, top, holds)

    def _at(self, ts_ms: int) -> float:
        return float(self.over(np.array([ts_ms]))[0])


def _edge(outside: int, inside: int, holds: Callable[[int], bool]) -> int:
    """The instant nearest to `outside` for which it holds, as it does for `inside`."""
    while abs(outside - inside) > 1:
        middle = (outside + inside) // 2
        if holds(middle):
            inside = middle
        else:
            outside = middle
    return inside


def episodes_of(well_id: str, source: str, ts_ms: IntArray, label: IntArray) -> list[Episode]:
    """The events of an instance: runs of readings with a 3W label over 0.

    Args:
        well_id: the well.
        source: the instance.
        ts_ms: shape (n,), event times of ALL its readings, ascending: a part would cut events short.
        label: shape (n,), 3W classes, negative where unlabelled. Unlabelled readings end an event.
    """
    event = np.concatenate([[False], label > 0, [False]])
    edges = np.flatnonzero(np.diff(event.astype(np.int8)))
    return [
        Episode(well_id, source, int(ts_ms[first]), int(ts_ms[end - 1]))
        for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    ]


def bumps(
    seed: int,
    what: str,
    episodes: Iterable[Episode],
    course: Course,
    bands: Sequence[tuple[float, float, float]],
) -> list[Bump]:
    """Draw the effect of each episode on a concentration.

    Args:
        seed: of the simulation.
        what: names the concentration.
        episodes: the events.
        course: shape of the response.
        bands: (probability, lowest, highest height in ppm); otherwise there is no effect.
    """
    found = []
    for episode in episodes:
        chance, height = uniform(
            key_of(seed, what, episode.well_id, episode.source), np.array([episode.start_ms]), 2
        )[0].tolist()
        for probability, low, high in bands:
            if chance < probability:
                start, end = episode.start_ms + course.lag_ms, episode.end_ms + course.lag_ms
                found.append(Bump(start, end, low + (high - low) * height, course))
                break
            chance -= probability
    return found


def level(bumps_: Iterable[Bump], ts_ms: IntArray) -> FloatArray:
    """The highest of all bumps at each instant, ppm above the base: shape (n,)."""
    highest = np.zeros(len(ts_ms))
    for bump in bumps_:
        highest = np.maximum(highest, bump.over(ts_ms))
    return highest


def spans_above(bumps_: Iterable[Bump], excess: float) -> list[tuple[int, int]]:
    """First and last millisecond of every stretch in which `level` is over `excess`, in order."""
    merged: list[tuple[int, int]] = []
    for first, last in sorted(span for bump in bumps_ if (span := bump.above(excess)) is not None):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged
