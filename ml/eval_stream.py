"""Streams an instance through what the scoring function runs, and gives its scores and alarms.

Observations become lines and blocks as the replay writes them, are validated, scored with the state carried
from block to block, and handed to the alarms. Nothing here decides anything: the length of a block changes no
score and no alarm, since neither depends on how the stream is cut.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ml.dataset import Instance
from ml.eval_events import AlarmSpan
from petrostream.alarm_events import ANNUNCIATIONS, RETURNED, Transition
from petrostream.alarms import DEFAULT_SETTINGS, AlarmSettings, Signals, WellAlarms, run_alarms
from petrostream.arrays import FloatArray, IntArray
from petrostream.feature_plan import COMMISSIONED
from petrostream.fleet import facility_of
from petrostream.history import FacilityState
from petrostream.models import ModelSet
from petrostream.rules import PROCESS_RULES
from petrostream.scored import Scored
from petrostream.scoring import score
from petrostream.validation import validate_block
from producer.lines import Origin, Rows, encode_lines

BLOCK_S = 60
_DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class RaisedAlarm(AlarmSpan):
    """One alarm of a type, annunciated at `onset`."""

    alarm_type: str


@dataclass(frozen=True, slots=True, eq=False)
class Streamed:
    """What came out for an instance of n observations.

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
    instance: Instance,
    models: ModelSet,
    *,
    alarms_from: int = 0,
    fleet_alarms: AlarmSettings | None = None,
    block_s: int = BLOCK_S,
) -> Streamed:
    """Streams an instance.

    Args:
        instance: the instance.
        models: what scores it.
        alarms_from: first row that alarms look at; scores begin with the first row.
        fleet_alarms: limits by which the forest raises alarms also without a baseline of the well's own,
            which it never does in operation: to see what they would be worth.
        block_s: seconds of observations in a block.
    """
    n = len(instance)
    state = FacilityState(facility_of(instance.well_id))
    held: WellAlarms | None = None
    values, flags = np.full(n, np.nan), np.zeros(n, np.int64)
    changes: list[Transition] = []
    settings = fleet_alarms or DEFAULT_SETTINGS
    rejected = 0
    for number, (first, data) in enumerate(_blocks(instance, alarms_from, block_s)):
        now_ms = int(instance.ts_ms[-1]) + _DAY_MS
        valid = validate_block(data, sequence=str(number + 1), now_ms=now_ms)
        rejected += len(valid.rejected)
        if not len(valid.readings):
            continue
        batch = score(state, valid.readings, models, scored_at_ms=now_ms)
        state = batch.state
        rows = np.searchsorted(instance.ts_ms, batch.rows.readings.ts_ms)
        values[rows], flags[rows] = batch.rows.anomaly_score, batch.rows.anomaly_flag
        if first >= alarms_from:
            run = run_alarms(held, _signals(batch.rows, fleet_alarms is not None), settings)
            held = run.state
            changes += run.transitions
    return Streamed(values, flags, _spans(changes, instance.ts_ms), rejected)


def _blocks(instance: Instance, cut: int, block_s: int) -> Iterator[tuple[int, bytes]]:
    """First row and bytes of each block; one begins at row `cut`."""
    rows = Rows(instance.ts_ms, instance.values, instance.label, instance.state)
    lines = encode_lines(rows, Origin(instance.well_id, facility_of(instance.well_id), instance.source), 0)
    number = (instance.ts_ms - instance.ts_ms[0]) // (1000 * block_s)
    starts = np.union1d(np.flatnonzero(np.diff(number)) + 1, [0, cut] if cut < len(lines) else [0])
    for first, end in zip(starts.tolist(), [*starts[1:].tolist(), len(lines)], strict=True):
        yield first, b"".join(lines[first:end])


def _signals(rows: Scored, fleet_alarms: bool) -> Signals:
    readings = rows.readings
    own = np.array([fleet_alarms or kind == COMMISSIONED for kind in rows.model_kind], np.bool_)
    states = [-1 if state is None else state for state in readings.state]
    return Signals(
        well_id=readings.well_id[0],
        source=readings.source[0],
        ts_ms=readings.ts_ms,
        score=np.where(own, rows.anomaly_score, np.nan),
        rules={
            rule.id: np.array([rule.id in ids for ids in rows.rule_ids], np.bool_) for rule in PROCESS_RULES
        },
        methane_ppm=readings.methane_ppm,
        operating_state=np.array(states, np.int64),
    )


def _spans(changes: list[Transition], ts_ms: IntArray) -> list[RaisedAlarm]:
    """Annunciated alarms from their transitions; one that is never returned stands to the end."""
    end_of = {one.alarm_id: one.ts_ms for one in changes if one.event == RETURNED}
    spans = []
    for one in changes:
        if one.event in ANNUNCIATIONS:
            onset = int(np.searchsorted(ts_ms, one.ts_ms))
            end = end_of.get(one.alarm_id)
            last = len(ts_ms) if end is None else int(np.searchsorted(ts_ms, end))
            spans.append(RaisedAlarm(onset, last, one.alarm_type))
    return sorted(spans, key=lambda span: span.onset)
