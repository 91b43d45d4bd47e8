"""Cuts a facility's records into portions of bounded cost, within a record if need be.

A record may legally hold one reading each of 9,000 wells, which takes some 20 times as long to score as the
same bytes of one well. So a portion is bounded by readings and wells. It may end within a record: the memory
then has the number of that record's readings that are processed, and a retry continues after them. Results do
not depend on where portions end.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from petrostream.pipeline.batch import StreamRecord
from petrostream.readings import Validated, ValidatedBlocks
from petrostream.scoring import FacilityState

WELL_COST = 40
"""What scoring costs for each well of a portion at most, in readings of one well: 10 to 20 with like gauges,
more where a minute of its levels ends or its gauges are rare (`bench/wells.py` measures it)."""

MAX_COST = 200_000
"""Most cost of a portion: a reading each of 4,878 wells. 1 to 3 s of one core, up to 10 s at 512 MB,
which is well under the time that an invocation keeps for delivery and commit. Not less, since a portion that
holds all wells of a facility visits each once, and smaller ones would visit it again and again.
"""


@dataclass(frozen=True, slots=True)
class Portion:
    """Readings to process at once.

    Attributes:
        content: the well and tank readings, in stream order.
        records: how many records are complete with this portion and were not before.
        last_sequence: sequence number of the last complete record, None if none is complete yet.
        partial: the record that this portion leaves incomplete, and how many of its well readings are done;
            None if it ends with a record.
    """

    content: Validated
    records: int
    last_sequence: str | None
    partial: tuple[str, int] | None

    def advanced(self, state: FacilityState) -> FacilityState:
        """The state of scoring after this portion, with its position in the stream."""
        return replace(state, last_sequence=self.last_sequence, partial=self.partial)


def portions(
    records: Sequence[StreamRecord], validated: ValidatedBlocks, state: FacilityState
) -> Iterator[Portion]:
    """Cut records that are not processed yet, or not completely.

    Args:
        records: records after `state.last_sequence`, in shard order.
        validated: their content.
        state: the state before them.
    """
    if not records:
        return
    done = _done_of(records[0], state)
    # Tank readings at the very place where a portion ended within a record went with that portion.
    tank_at = validated.whole.tank_at[: validated.tank_ends[0]]
    tanks_done = int(np.searchsorted(tank_at, done, side="right")) if done else 0
    whole = validated.whole.part(slice(min(done, validated.well_ends[0]), None), slice(tanks_done, None))
    # Where each record's readings end, counted like those of `whole`.
    ends = [end - done for end in validated.well_ends]
    tank_ends = [end - tanks_done for end in validated.tank_ends]
    start, tank_start, complete = 0, 0, 0
    for end in cuts(whole.readings.well_id):
        finished = bisect_right(ends, end)
        begun = ends[finished - 1] if finished else -done
        partial, tank_end = None, tank_ends[finished - 1] if finished else 0
        if finished < len(records) and end > begun:
            partial = (records[finished].sequence, end - begun)
            tank_end = int(np.searchsorted(whole.tank_at, end, side="right"))
        last = records[finished - 1].sequence if finished else state.last_sequence
        content = whole.part(slice(start, end), slice(tank_start, tank_end))
        yield Portion(content, finished - complete, last, partial)
        start, tank_start, complete = end, tank_end, finished


def _done_of(record: StreamRecord, state: FacilityState) -> int:
    """How many well readings of a record an earlier batch has processed."""
    if state.partial is None or state.partial[0] != record.sequence:
        return 0
    return state.partial[1]


def cuts(well_id: Sequence[str]) -> list[int]:
    """Ends of the portions of n readings, ascending, the last one n; one end, 0, for no readings."""
    n = len(well_id)
    if n + WELL_COST * len(set(well_id)) <= MAX_COST:
        return [n]
    ends = []
    known: set[str] = set()
    cost = 0
    for position, well in enumerate(well_id):
        price = 1 if well in known else 1 + WELL_COST
        if cost and cost + price > MAX_COST:
            ends.append(position)
            known, cost, price = set(), 0, 1 + WELL_COST
        known.add(well)
        cost += price
    return [*ends, n]
