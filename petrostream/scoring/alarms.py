"""Alarms of scored readings: from a well's columns to alarm transitions with their messages."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from petrostream.alarms import (
    ALARM_TYPES,
    ANNUNCIATIONS,
    DEFAULT_LIMITS,
    EMISSION,
    FOREST,
    NEW_LEVEL,
    RECOMMISSION,
    AlarmEvent,
    AlarmType,
    Signals,
    Transition,
    WellAlarms,
    end_feed,
    meaning_of_event,
    run_alarms,
)
from petrostream.arrays import BoolArray, FloatArray, IntArray, anywhere
from petrostream.gauges import SLOW_SENSORS, SPAN_HOURS
from petrostream.readings import NO_TIME, Readings
from petrostream.records import record
from petrostream.risk import PROCESS_RULES, SLOW_RULES, LikelyEvent, RuleColumns, likely_event
from petrostream.schema import SENSOR_INDEX, SENSORS
from petrostream.scoring.drift import Drift
from petrostream.scoring.feeds import Feed
from petrostream.scoring.history import WellState
from petrostream.scoring.reasons import (
    alarm_sentence,
    drift_sentence,
    gas_sentence,
    reading_reasons,
    recommission_sentence,
    settled_sentence,
)

_RULE_IDS = [rule.id for rule in PROCESS_RULES]
_RULE_SENSORS = {rule.id: [SENSOR_INDEX[name] for name in rule.sensors] for rule in PROCESS_RULES}


@record(frozen=True, slots=True)
class Findings:
    """What scoring found in n readings: the input of the alarms.

    Attributes:
        score: shape (n,), anomaly score of the forest, 0 to 1; NaN where there is none or it must not alarm.
        threshold: shape (n,), threshold of the model that scored each reading; NaN where there is none.
        held: shape (process rules, n), which rules hold.
        ranking: shape (n, k), sensor indices of an anomalous reading, most anomalous first, -1 for none.
        deviation: shape (n, k), difference of these sensors from the well's usual level, in sensor units.
        columns: what the rules saw.
        drift: from the well's baseline.
        away: shape (n,), whether a gauge is away from its level.
        fresh: shape (n,), the score of what is new while a gauge is away.
        new_level: shape (n,), those that have settled on a new one: bit i stands for sensor i.
        size: shape (n,), the forest's largest deviation, in scales.
    """

    score: FloatArray
    threshold: FloatArray
    held: BoolArray
    ranking: IntArray
    deviation: FloatArray
    columns: RuleColumns
    drift: Drift
    away: BoolArray
    fresh: FloatArray
    new_level: IntArray
    size: FloatArray

    def part(self, rows: slice) -> "Findings":
        """Return what was found in consecutive readings of one feed."""
        return Findings(
            self.score[rows],
            self.threshold[rows],
            self.held[:, rows],
            self.ranking[rows],
            self.deviation[rows],
            self.columns.part(rows),
            self.drift.part(rows),
            self.away[rows],
            self.fresh[rows],
            self.new_level[rows],
            self.size[rows],
        )


@dataclass(frozen=True, slots=True)
class Raised:
    """The alarms of n readings.

    Attributes:
        state: for the feed's next readings.
        events: the transitions; their positions refer to the batch.
        active: shape (n,), number of active annunciated alarms.
    """

    state: WellAlarms
    events: list[AlarmEvent]
    active: IntArray


def signals_of(readings: Readings, at: IntArray, findings: Findings) -> Signals:
    """Return what the alarms of some readings are raised from, whatever wells they are of.

    Args:
        readings: the batch.
        at: shape (n,), positions of the readings in it, none late.
        findings: what scoring found in them.
    """
    rules = dict(zip(_RULE_IDS, findings.held, strict=True))
    return Signals(
        well_id="",
        source="",
        ts_ms=readings.ts_ms[at],
        score=findings.score,
        threshold=findings.threshold,
        rules=rules | {RECOMMISSION: findings.drift.outdated},
        methane_ppm=readings.methane_ppm[at],
        operating_state=_operating_states(readings.state, at),
        away=findings.away,
        fresh=findings.fresh,
        new_level=findings.new_level != 0,
        size=findings.size,
        gauges=_bits(findings.ranking),
    )


def _bits(ranking: IntArray) -> IntArray:
    """The gauges of each row of a ranking: bit i stands for sensor i."""
    if not anywhere(ranking >= 0):
        return np.zeros(len(ranking), np.int64)
    # -1 becomes bit 0, which is shifted out.
    bits: IntArray = np.bitwise_or.reduce(1 << (ranking + 1), axis=1) >> 1
    return bits


def raise_alarms(
    state: WellAlarms | None,
    readings: Readings,
    at: IntArray,
    findings: Findings,
    signals: Signals,
    history: WellState,
) -> Raised:
    """Update a well's alarms with its readings.

    Args:
        state: after the feed's previous readings, None at its first.
        readings: the batch.
        at: shape (n,), n >= 1, positions of the feed's readings in it, none late.
        findings: what scoring found in them.
        signals: what their alarms are raised from.
        history: the well's readings up to and including these n, which are its last; at least a minute of
            it before them where there was one.
    """
    result = run_alarms(state, signals)
    events = [_event(change, readings, at, findings, history) for change in result.transitions]
    return Raised(result.state, events, result.active)


def feed_ended(state: WellAlarms, readings: Readings, first: int, feed: Feed) -> list[AlarmEvent]:
    """Return the alarms of a feed to normal when the feed has ended.

    Args:
        state: after the feed's last reading.
        readings: a batch.
        first: position in it of the first reading of the well's next feed, which ends this one.
        feed: the feed that ended.
    """
    return [
        AlarmEvent(
            replace(change, position=first),
            readings.facility_id[first],
            source_ts_ms=change.ts_ms - feed.offset_ms if feed.offset_ms else NO_TIME,
            sequence=readings.sequence[first],
        )
        for change in end_feed(state, readings.well_id[first])
    ]


def _event(
    change: Transition, readings: Readings, at: IntArray, findings: Findings, history: WellState
) -> AlarmEvent:
    """A transition, completed with details of its reading."""
    row = change.position
    here, score = int(at[row]), float(findings.score[row])
    held = tuple(rule.id for rule, held in zip(PROCESS_RULES, findings.held, strict=True) if held[row])
    likely = _likely(change, findings, held)
    return AlarmEvent(
        replace(change, position=here),
        readings.facility_id[here],
        source_ts_ms=int(readings.source_ts_ms[here]),
        sentence=_sentence(change, float(readings.methane_ppm[here]), findings, likely, history),
        score=None if np.isnan(score) else score,
        rule_ids=held,
        label=readings.label[here],
        operating_state=readings.state[here],
        sequence=readings.sequence[here],
        likely=likely,
    )


def _likely(change: Transition, findings: Findings, held: tuple[str, ...]) -> LikelyEvent | None:
    """The event that an annunciated alarm most likely announces; None for other transitions."""
    if change.event not in ANNUNCIATIONS:
        return None
    if ALARM_TYPES[change.alarm_type].group == EMISSION:
        return LikelyEvent(None, "gas around the well is no event of 3W")
    if change.alarm_type == RECOMMISSION:
        return LikelyEvent(None, "an outdated baseline is no event of 3W")
    return likely_event(findings.columns.part(slice(change.position, change.position + 1)), held)


def _sentence(
    change: Transition,
    methane_ppm: float,
    findings: Findings,
    likely: LikelyEvent | None,
    history: WellState,
) -> str | None:
    """The message of an annunciated alarm, or of one that is suppressed on a new level; else None."""
    if change.cause == NEW_LEVEL:
        moved = int(findings.new_level[change.position])
        return settled_sentence([sensor for sensor in range(len(SENSORS)) if moved >> sensor & 1])
    if change.event not in ANNUNCIATIONS:
        return None
    kind = ALARM_TYPES[change.alarm_type]
    if kind.group == EMISSION:
        return gas_sentence(methane_ppm, DEFAULT_LIMITS.methane_ppm, kind.meaning)
    row = change.position
    if kind.id in SLOW_RULES and (drifts := _drifts(findings.columns, row)):
        hours = SPAN_HOURS[drifts[0][0]]
        return drift_sentence([(sensor, by) for _, sensor, by in drifts], hours, kind.meaning)
    if kind.id == RECOMMISSION:
        return recommission_sentence(int(findings.drift.sensor[row]), float(findings.drift.shift[row]))
    ranked = findings.ranking[row]
    return alarm_sentence(
        history.ts_ms,
        history.counts,
        history.sensors,
        len(history.ts_ms) - len(findings.score) + row,
        first=_RULE_SENSORS.get(kind.id) or [sensor for sensor in ranked.tolist() if sensor >= 0],
        meaning=_meaning(kind, likely),
        otherwise=reading_reasons(ranked[None], findings.deviation[row][None])[0],
    )


def _drifts(columns: RuleColumns, row: int) -> list[tuple[int, int, float]]:
    """Span, sensor and change of the gauges that drift steadily, of the span with the most of them."""
    each = {sensor: columns.steady(sensor)[:, row] for sensor in SLOW_SENSORS}
    spans = [
        [(span, SENSOR_INDEX[sensor], float(by[span])) for sensor, by in each.items() if by[span]]
        for span in range(len(SPAN_HOURS))
    ]
    return max(spans, key=len)


def _meaning(kind: AlarmType, likely: LikelyEvent | None) -> str:
    """The phrase that completes the message: the forest's alarm borrows that of the likely event."""
    if kind.id != FOREST or likely is None or likely.event_class is None:
        return kind.meaning
    return meaning_of_event(likely.event_class)


def _operating_states(states: Sequence[int | None], at: IntArray) -> IntArray:
    """Codes of the operating state, -1 where unknown."""
    chosen = [states[i] for i in at.tolist()]
    # State 0 (open) is the usual case, and alarms treat it like an unknown one.
    if not any(chosen):
        return np.full(len(at), -1, np.int64)
    return np.array([-1 if state is None else state for state in chosen], np.int64)
