"""Completes the readings of steps: risk and drift of many wells at once, then the alarms of each."""

from collections.abc import Sequence

import numpy as np

from petrostream.alarms import Signals, WellAlarms, restless
from petrostream.arrays import BoolArray, FloatArray, IntArray, anywhere
from petrostream.detection import WellModel
from petrostream.gauges import Moves
from petrostream.readings import Readings
from petrostream.records import record
from petrostream.risk import MAX_PART, PROCESS_RULES, expected_rules, points
from petrostream.scoring.alarms import Findings, feed_ended, raise_alarms, signals_of
from petrostream.scoring.baselines import score_readings
from petrostream.scoring.columns import Columns
from petrostream.scoring.drift import Drift
from petrostream.scoring.memory import suppressed
from petrostream.scoring.points import has_rule_sensors
from petrostream.scoring.scored import NO_POINTS
from petrostream.scoring.together import Look, Step, look


@record(frozen=True, slots=True)
class Finished:
    """A step of which all is computed but the alarms, which follow from those before it.

    Attributes:
        step: the step.
        rows: its readings among those of `findings` and `signals`.
        findings: what scoring found in them.
        signals: what their alarms are raised from.
        restless: whether an alarm that has no timers may start one.
    """

    step: Step
    rows: slice
    findings: Findings
    signals: Signals
    restless: bool

    @property
    def well_id(self) -> str:
        """The well."""
        return self.step.well_id

    def alarms_after(self, columns: Columns, readings: Readings, state: WellAlarms | None) -> WellAlarms:
        """Return the well's alarms after the step, and note their transitions in the columns.

        Args:
            columns: of the batch, with 0 as the number of active alarms at readings on time.
            readings: the batch.
            state: the well's alarms before the step, None at its first.
        """
        step, at = self.step, self.step.at
        first = int(at[0])
        if step.ended is not None and state is not None:
            columns.alarms += feed_ended(state, readings, first, step.ended)
        state = None if step.begins else state
        if not self.restless and (state is None or not state.channels):
            # By far the most frequent case.
            return WellAlarms(readings.source[first], int(readings.ts_ms[at[-1]]))
        signals = self.signals.part(step.well_id, readings.source[first], self.rows)
        raised = raise_alarms(state, readings, at, self.findings.part(self.rows), signals, step.history)
        columns.alarm_active[at] = raised.active
        columns.alarms += raised.events
        return raised.state


def finish(columns: Columns, readings: Readings, steps: Sequence[Step]) -> list[Finished]:
    """Fill in what windows, rules and forests say of all steps, and return the steps in their order."""
    finished: dict[int, Finished] = {}
    for seen in look(steps, readings, columns.excluded):
        findings = _found(columns, readings, seen)
        signals = signals_of(readings, seen.at, findings)
        stirred = np.logical_or.reduceat(restless(signals), seen.starts[:-1]).tolist()
        columns.alarm_active[seen.at] = 0
        for place, step, rows, moving in zip(seen.places, seen.steps, seen.rows, stirred, strict=True):
            finished[place] = Finished(step, rows, findings, signals, moving)
    return [finished[place] for place in range(len(steps))]


def _found(columns: Columns, readings: Readings, seen: Look) -> Findings:
    """Fill in scores, rules and risk; returns the input of the alarms."""
    at, stats, held = seen.at, seen.seen.stats, seen.held
    moves, by_state = Moves(columns.moves[at]), suppressed(columns.governs[at])
    drift = Drift.unknown(columns.expired[at] & ~by_state[-1])
    forest = score_readings(columns, readings, seen, drift)
    threshold, commissioned = columns.of_models(at, _threshold_and_own).T
    explained = _explained(columns, seen, moves, threshold)
    risk = _risk(columns, at, held, forest, by_state | explained)
    judged = has_rule_sensors(stats) | ~np.isnan(columns.score[at])
    columns.process[at] = np.where(judged, np.minimum(risk, MAX_PART), NO_POINTS)
    score, fresh = columns.unexplained[at], columns.fresh[at]
    if 0.0 in commissioned:
        score, fresh = (np.where(commissioned != 0.0, values, np.nan) for values in (score, fresh))
    return Findings(
        score=score,
        threshold=threshold,
        held=held & ~explained[:-1],
        ranking=columns.ranking[at],
        deviation=columns.deviation[at],
        columns=seen.seen,
        drift=drift,
        away=columns.away[at],
        fresh=fresh,
        new_level=columns.new_level[at],
        size=columns.size[at],
    )


def _threshold_and_own(model: WellModel | None) -> tuple[float, float]:
    """A model's threshold, and 1 for a baseline of the well's own."""
    return (np.nan, 0.0) if model is None else (model.threshold, float(model.is_own))


def _risk(
    columns: Columns, at: IntArray, held: BoolArray, forest: IntArray, suppressed: BoolArray
) -> IntArray:
    """Process points of each reading: rules that hold plus forest, except what is suppressed."""
    if not anywhere(held) and not anywhere(suppressed):
        return forest
    bits = 1 << np.arange(len(suppressed))
    columns.rules[at] = bits[:-1] @ held
    if not anywhere(suppressed):
        return points(PROCESS_RULES, held) + forest
    found = np.vstack([held, columns.anomalous[at]])
    columns.suppressed[at] = bits @ (found & suppressed)
    return points(PROCESS_RULES, held & ~suppressed[:-1]) + np.where(suppressed[-1], 0, forest)


def _explained(columns: Columns, seen: Look, moves: Moves, threshold: FloatArray) -> BoolArray:
    """What moves of chokes and valves explain: shape (len(SUPPRESSIBLE), n), rules, then the forest."""
    at = seen.at
    if not anywhere(moves.in_transition):
        return np.zeros((len(PROCESS_RULES) + 1, len(at)), np.bool_)
    forest = columns.anomalous[at] & ~(columns.unexplained[at] >= threshold)
    return np.vstack([expected_rules(seen.seen, moves), forest])
