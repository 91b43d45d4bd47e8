"""The slowest memory of a well: means of 20 minutes over six hours, and which gauges drift steadily.

Water that breaks through, a reservoir that tires, scale and hydrates move gauges by tenths of a bar in hours.
An hour (`petrostream.gauges.trend`) does not show that, and a comparison with the commissioned baseline does
not either: levels wander by bars from day to day. So the reference is the well itself, three and six hours
ago, and what counts is not the size of a drift but how steady it is (`petrostream.gauges.steady`).

A move of a choke or valve that the well reports, a suppressed operating state, and an interruption of more
than `RESET_BINS` clear the memory: what follows is compared with itself only.

Results depend on the stream alone: a reading sees the means completed before its own, and sums are sums of
integers (`petrostream.gauges.features.quantise`).
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.gauges.features import MISSING, QUANTA, CountArray
from petrostream.gauges.steady import SPANS, Rises, in_a_byte, steady_rises
from petrostream.gauges.sums import FEW, GaugeSums
from petrostream.records import record
from petrostream.schema import SENSOR_INDEX, SENSORS

SLOW_BIN_MS = 20 * 60_000
SPAN_HOURS = tuple(span * SLOW_BIN_MS / 3_600_000 for span in SPANS)
SLOW_BINS = max(SPANS)
RESET_BINS = 3
SLOW_SENSORS = ("p_pdg", "p_tpt", "p_mon_ckp", "p_jus_ckp", "t_tpt", "t_jus_ckp")
SLOW_INDICES: IntArray = np.array([SENSOR_INDEX[name] for name in SLOW_SENSORS], np.int64)

_SHIFT: IntArray = np.array([7 if s.quantity == "pressure" else 10 for s in SENSORS])[SLOW_INDICES]
SLOW_QUANTA: FloatArray = QUANTA[SLOW_INDICES] * 2.0**_SHIFT
"""Finest resolution of the means, 256 Pa and 1/256 degC: a drift of 0.02 bar an hour can be followed."""


@record(frozen=True, slots=True)
class SlowMemory:
    """The slowest memory of a well between batches; s is the number of `SLOW_SENSORS`.

    Attributes:
        bin: the open interval, in intervals of `SLOW_BIN_MS` since the epoch.
        total, number: shape (s,), sum and number of the counts in it.
        disturbed: whether the well was operated in it.
        bins: shape (b, s), means of the b <= `SLOW_BINS` intervals before it in slow counts, `MISSING` where
            there was no value.
        rises: the gauges that drift steadily, as of the last completed interval.
    """

    bin: int
    total: IntArray
    number: IntArray
    disturbed: bool
    bins: CountArray
    rises: Rises = ()

    @classmethod
    def start(cls, bin_: int) -> "SlowMemory":
        """Return an empty memory that begins with an interval since the epoch."""
        nothing = np.zeros(len(SLOW_SENSORS), np.int64)
        return cls(bin_, nothing, nothing, False, np.empty((0, len(SLOW_SENSORS)), np.int32))


@record(frozen=True, slots=True)
class SlowTrend:
    """The steady drifts as seen by n readings in m intervals.

    Attributes:
        rows: shape (n,), each reading's interval, as a position among the m.
        rises: m sets of drifts.
    """

    rows: IntArray
    rises: tuple[Rises, ...]

    @property
    def any(self) -> bool:
        """Whether any gauge drifts steadily at any of the readings."""
        return any(self.rises)

    def rise(self, sensor: str) -> FloatArray:
        """Return the steady change over each of `SPANS`: shape (spans, n), in sensor units, 0 without one."""
        wanted = SLOW_SENSORS.index(sensor)
        table = np.zeros((len(SPANS), len(self.rises)))
        for column, rises in enumerate(self.rises):
            for span, at, change in rises:
                if at == wanted:
                    table[span, column] = change * SLOW_QUANTA[at]
        return table[:, self.rows]

    @staticmethod
    def concat(parts: Sequence["SlowTrend"]) -> "SlowTrend":
        """Return what the readings of all parts see, in their order."""
        before = np.cumsum([0, *(len(part.rises) for part in parts)])
        rows = [part.rows + start for part, start in zip(parts, before, strict=False)]
        return SlowTrend(np.concatenate(rows), tuple(rises for part in parts for rises in part.rises))

    def take(self, rows: IntArray) -> "SlowTrend":
        """Return what the readings at these positions see."""
        return SlowTrend(self.rows[rows], self.rises)

    def part(self, rows: slice) -> "SlowTrend":
        """Return what consecutive readings see, without the intervals of others."""
        own = self.rows[rows]
        first, last = int(own.min()), int(own.max())
        return SlowTrend(own - first, self.rises[first : last + 1])


def follow_slowly(
    memories: Sequence[SlowMemory | None],
    ts_ms: IntArray,
    counts: CountArray,
    sensors: IntArray,
    operated: BoolArray,
    sums: GaugeSums | None = None,
) -> tuple[list[SlowTrend], list[SlowMemory]]:
    """Add readings to the slowest memories of w wells.

    Args:
        memories: from the previous readings of each well, None at the beginning of a feed.
        ts_ms: shape (n, w), n >= 1, strictly increasing and after the previous readings, epoch ms.
        counts: shape (n, w, s), from `quantise`.
        sensors: shape (s,), the sensor index of each column.
        operated: shape (n, w), readings of a well that is being operated; their intervals clear the memory.
        sums: of these counts, where the caller has them.

    Returns:
        The drifts as each reading sees them, and the memory for the next readings, for each well.
    """
    columns, held = _columns(sensors.tobytes())
    found: dict[int, tuple[SlowTrend, SlowMemory]] = {}
    first, last = (ts_ms[0] // SLOW_BIN_MS).tolist(), (ts_ms[-1] // SLOW_BIN_MS).tolist()
    within = []
    for well, bin_ in enumerate(first):
        if bin_ == last[well]:
            within.append(well)
        else:
            bins, own = ts_ms[:, well] // SLOW_BIN_MS, counts[:, well, held]
            found[well] = _of_well(memories[well], bins, own, columns, operated[:, well])
    if within:
        before = [_opened(memories[well], first[well]) for well in within]
        if len(within) < len(memories):
            sums, operated = None, operated[:, within]
            counts = counts[:, within]
        # Few readings of a well share what other memories add up; of many, only these gauges are.
        if sums is None or len(counts) > FEW:
            sums, held = GaugeSums(counts[..., held]), slice(None)
        # One for all of them: it is not written to.
        rows = np.zeros(len(counts), np.int64)
        added = _added(before, columns, sums.total[:, held], sums.number[:, held], operated)
        for well, memory, after in zip(within, before, added, strict=True):
            found[well] = SlowTrend(rows, (memory.rises,)), after
    order = range(len(memories))
    return [found[well][0] for well in order], [found[well][1] for well in order]


def _opened(memory: SlowMemory | None, bin_: int) -> SlowMemory:
    """The memory once an interval has begun."""
    if memory is None:
        return SlowMemory.start(bin_)
    return memory if memory.bin == bin_ else _closed(memory, bin_)


def _of_well(
    before: SlowMemory | None,
    bins: IntArray,
    counts: CountArray,
    columns: list[int] | slice,
    operated: BoolArray,
) -> tuple[SlowTrend, SlowMemory]:
    """The same for one well's readings in any number of intervals."""
    memory = _opened(before, int(bins[0]))
    edges = [0, *(np.flatnonzero(bins[1:] != bins[:-1]) + 1).tolist(), len(bins)]
    rows, seen = np.zeros(len(bins), np.int64), []
    for place, (begin, end) in enumerate(pairwise(edges)):
        memory = _opened(memory, int(bins[begin]))
        rows[begin:end] = place
        seen.append(memory.rises)
        sums = GaugeSums(counts[begin:end, None])
        (memory,) = _added([memory], columns, sums.total, sums.number, operated[begin:end, None])
    return SlowTrend(rows, tuple(seen)), memory


@lru_cache(maxsize=64)
def _columns(sensors: bytes) -> tuple[list[int] | slice, list[int] | slice]:
    """Which of `SLOW_SENSORS` are among some sensors, and their places there; given as bytes of an array."""
    places, wanted = np.frombuffer(sensors, np.int64).tolist(), SLOW_INDICES.tolist()
    columns = [at for at, sensor in enumerate(wanted) if sensor in places]
    held = [places.index(wanted[at]) for at in columns]
    return slice(None) if len(columns) == len(wanted) else columns, held


def _added(
    memories: Sequence[SlowMemory],
    columns: list[int] | slice,
    totals: IntArray,
    numbers: IntArray,
    operated: BoolArray,
) -> list[SlowMemory]:
    """The memories of w wells with more readings in their open intervals; sums are of the columns."""
    total, number = np.zeros((2, len(memories), len(SLOW_SENSORS)), np.int64)
    total[:, columns], number[:, columns] = totals, numbers
    by_hand: BoolArray = np.logical_or.reduce(operated, axis=0)
    return [
        SlowMemory(
            memory.bin,
            memory.total + sums,
            memory.number + values,
            memory.disturbed or moved,
            memory.bins,
            memory.rises,
        )
        for memory, sums, values, moved in zip(memories, total, number, by_hand.tolist(), strict=True)
    ]


def _closed(state: SlowMemory, following: int) -> SlowMemory:
    """The memory once its open interval is complete and another one begins."""
    skipped = following - state.bin - 1
    fresh = SlowMemory.start(following)
    if state.disturbed or skipped > RESET_BINS:
        return fresh
    mean = (2 * state.total + state.number) // np.maximum(2 * state.number, 1)
    coarse = (mean + (1 << (_SHIFT - 1))) >> _SHIFT
    closed = np.where(state.number > 0, coarse, MISSING).astype(np.int32)
    missing = np.full((skipped, len(SLOW_SENSORS)), MISSING, np.int32)
    bins = in_a_byte(np.concatenate([state.bins, closed[None], missing])[-SLOW_BINS:])
    return SlowMemory(following, fresh.total, fresh.number, False, bins, steady_rises(bins))
