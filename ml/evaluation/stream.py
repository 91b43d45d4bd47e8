"""Streams an instance through the code of the scoring function, and returns its scores and alarms.

Observations become lines and blocks as the replay writes them, are validated, and scored with the state
carried from block to block; scoring raises the alarms. Nothing here decides anything: the length of a block
changes no score and no alarm, since neither depends on how the stream is cut.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from types import MappingProxyType

import numpy as np

from ml.data.dataset import Instance
from ml.evaluation.verdicts import AlarmSpan
from petrostream.alarms import (
    ANNUNCIATIONS,
    DEFAULT_LIMITS,
    FOREST,
    AlarmEvent,
    Signals,
    Transition,
    run_alarms,
)
from petrostream.arrays import FloatArray, IntArray
from petrostream.detection import ModelSet
from petrostream.fleet import facility_of
from petrostream.readings import Origin, Rows, encode_lines, validate_block
from petrostream.risk import LikelyEvent
from petrostream.scoring import FacilityState, score_batch
from petrostream.times import DAY_MS

BLOCK_S = 60


@dataclass(frozen=True, slots=True)
class RaisedAlarm(AlarmSpan):
    """One alarm of a type, annunciated at `onset`, and the event that it most likely announces."""

    alarm_type: str
    likely: LikelyEvent | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Streamed:
    """Scores and alarms of an instance of n observations.

    Attributes:
        score: shape (n,), the forest's, NaN where there is none.
        flagged: shape (n,), 1 where anomalous.
        alarms: by onset.
        rejected: lines that validation refused.
    """

    score: FloatArray
    flagged: IntArray
    alarms: list[RaisedAlarm]
    rejected: int


def stream(
    instance: Instance, models: ModelSet, *, block_s: int = BLOCK_S, order: IntArray | None = None
) -> Streamed:
    """Streams an instance.

    Args:
        instance: the instance.
        models: what scores it; a baseline raises alarms from its `valid_from_ms` on.
        block_s: seconds of observations in a block.
        order: rows in the order in which they are sent, some of them more than once; None as they are.
    """
    n = len(instance)
    state = FacilityState(facility_of(instance.well_id))
    values, flags = np.full(n, np.nan), np.zeros(n, np.int64)
    events: list[AlarmEvent] = []
    rejected = 0
    now_ms = int(instance.ts_ms[-1]) + DAY_MS
    for number, data in enumerate(_blocks(instance, block_s, order), start=1):
        valid = validate_block(data, sequence=str(number), now_ms=now_ms)
        rejected += len(valid.rejected)
        if not len(valid.readings):
            continue
        batch = score_batch(state, valid.readings, models, scored_at_ms=now_ms)
        state = batch.state
        rows = np.searchsorted(instance.ts_ms, batch.rows.readings.ts_ms)
        # A reading sent again has no score of its own, and must not hide that of the first.
        scored = np.isfinite(batch.rows.anomaly_score)
        values[rows[scored]] = batch.rows.anomaly_score[scored]
        flags[rows[scored]] = batch.rows.anomaly_flag[scored]
        events += batch.rows.alarms
    likely = {event.change.transition_id: event.likely for event in events}
    spans = _spans([event.change for event in events], instance.ts_ms, likely)
    return Streamed(values, flags, spans, rejected)


def with_forest_alarms(instance: Instance, found: Streamed, threshold: float) -> Streamed:
    """The same, with the alarms the forest would have raised by itself.

    In operation it raises none on a well without a baseline of its own; this is to see what they would be
    worth.

    Args:
        instance: the instance.
        found: its scores and alarms.
        threshold: of the model that scored.
    """
    signals = Signals(
        well_id=instance.well_id,
        source=instance.source,
        ts_ms=instance.ts_ms,
        score=found.score,
        threshold=np.full(len(instance), threshold),
        rules={},
        methane_ppm=np.full(len(instance), np.nan),
        operating_state=instance.state,
    )
    only = replace(DEFAULT_LIMITS, types={FOREST: DEFAULT_LIMITS.types[FOREST]})
    raised = _spans(run_alarms(None, signals, only).transitions, instance.ts_ms)
    return replace(found, alarms=sorted([*found.alarms, *raised], key=lambda one: one.onset))


def _blocks(instance: Instance, block_s: int, order: IntArray | None) -> Iterator[bytes]:
    """The instance's blocks, in the order in which they are sent."""
    rows = Rows(instance.ts_ms, instance.values, instance.label, instance.state)
    lines = encode_lines(rows, Origin(instance.well_id, facility_of(instance.well_id), instance.source), 0)
    sent_ms = instance.ts_ms
    if order is not None:
        lines = [lines[row] for row in order.tolist()]
        sent_ms = np.maximum.accumulate(instance.ts_ms[order])
    number = (sent_ms - sent_ms[0]) // (1000 * block_s)
    edges = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(lines)]
    for first, end in pairwise(edges):
        yield b"".join(lines[first:end])


def _spans(
    changes: list[Transition],
    ts_ms: IntArray,
    likely: Mapping[str, LikelyEvent | None] = MappingProxyType({}),
) -> list[RaisedAlarm]:
    """What an operator hears, from transitions: until return or suppression, else to the end."""
    spans = []
    for one in changes:
        if one.event in ANNUNCIATIONS:
            onset = int(np.searchsorted(ts_ms, one.ts_ms))
            ends = (
                other.ts_ms
                for other in changes
                if other.alarm_id == one.alarm_id
                and other.event not in ANNUNCIATIONS
                and other.ts_ms > one.ts_ms
            )
            end = min(ends, default=None)
            last = len(ts_ms) if end is None else int(np.searchsorted(ts_ms, end))
            spans.append(RaisedAlarm(onset, last, one.alarm_type, likely.get(one.transition_id)))
    return sorted(spans, key=lambda span: span.onset)
