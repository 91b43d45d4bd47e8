"""Result columns of a batch while it is being scored, and their conversion to scored readings."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from petrostream.alarms import FEED_ENDED, AlarmEvent
from petrostream.arrays import BoolArray, FloatArray, IntArray, anywhere, everywhere, filled, filled_whole
from petrostream.detection import TOP_SENSORS, WellModel
from petrostream.gauges import StatusArray, WindowStats, health_names
from petrostream.readings import Readings
from petrostream.risk import ALERT_ABOVE, EMISSION_RULES, MAX_RISK, UNKNOWN, RuleColumns, fired, points
from petrostream.schema import SENSOR_NAMES
from petrostream.scoring.feeds import AHEAD, ON_TIME
from petrostream.scoring.feeds import LATE as LATE_READING
from petrostream.scoring.memory import SUPPRESSIBLE
from petrostream.scoring.reasons import reading_reasons
from petrostream.scoring.scored import NO_POINTS, Scored

LATE = "late:ts"
"""Reason of a reading at or before the newest time of its feed: it is stored, but enters no window."""

FAR_AHEAD = "ahead:ts"
"""Reason of a reading in the future of its arrival and far ahead of its feed; it enters no window either."""

_REASONS: dict[int, tuple[str, ...]] = {ON_TIME: (), LATE_READING: (LATE,), AHEAD: (FAR_AHEAD,)}


_UNKNOWN_CODES: IntArray = np.array([[UNKNOWN], [NO_POINTS], [-1], [-1], [NO_POINTS]], np.int64)
"""Of operating state, process points, model, shifted sensor and active alarms."""


@dataclass(slots=True)
class Columns:
    """Result columns of n readings; each well fills in its own rows. `Scored` describes most of them.

    Attributes:
        score, anomalous: shape (n,), anomaly score and flag.
        unexplained: shape (n,), the score without the gauges that an operator's move explains.
        away: shape (n,), whether a gauge of the model is away from its level.
        fresh: shape (n,), the score of what is new while a gauge is away.
        new_level: shape (n,), those that have settled on a new one: bit i stands for sensor i.
        size: shape (n,), the forest's largest deviation, scales, to a tenth.
        ranking, deviation: shape (n, `TOP_SENSORS`), as in `scoring.alarms.Findings`.
        rules, suppressed: shape (n,), bit i stands for `SUPPRESSIBLE[i]`.
        health: shape (n, 27), codes of `petrostream.gauges.status.STATUSES`.
        excluded: shape (n, 27), gauges whose window statistics must not be used.
        governs, moves: shape (n,), operating states and moves, as in `scoring.memory.Observed`.
        process: shape (n,), process points or `NO_POINTS`.
        verdict: shape (n,), codes of `scoring.feeds`: only those on time enter windows.
        begins: shape (n,), readings that begin a feed.
        model: shape (n,), index into `models`, -1 without a model.
        models, numbers: the models used, and the index of each.
        expired: shape (n,), readings that no baseline of their well is valid for any more.
        level_shift, baseline_age: shape (n,), see `Scored`.
        shifted: shape (n,), index of the sensor of `level_shift`, -1 for none.
        alarm_active: shape (n,), number of active annunciated alarms or `NO_POINTS`.
        alarms: transitions, in the order in which wells were scored.
    """

    score: FloatArray
    anomalous: BoolArray
    unexplained: FloatArray
    away: BoolArray
    fresh: FloatArray
    new_level: IntArray
    size: FloatArray
    ranking: IntArray
    deviation: FloatArray
    rules: IntArray
    suppressed: IntArray
    health: StatusArray
    excluded: BoolArray
    governs: IntArray
    moves: IntArray
    process: IntArray
    verdict: IntArray
    begins: BoolArray
    model: IntArray
    models: list[WellModel]
    numbers: dict[WellModel, int]
    expired: BoolArray
    level_shift: FloatArray
    baseline_age: FloatArray
    shifted: IntArray
    alarm_active: IntArray
    alarms: list[AlarmEvent]

    @classmethod
    def empty(cls, n: int) -> "Columns":
        """Columns of n readings, all values missing."""
        # Few allocations: for a single reading their number is what costs.
        score, unexplained, fresh, level_shift, baseline_age = filled((5, n), np.nan)
        anomalous, away, begins, expired = np.zeros((4, n), np.bool_)
        new_level, rules, suppressed, moves = np.zeros((4, n), np.int64)
        codes = np.empty((5, n), np.int64)
        codes[:] = _UNKNOWN_CODES
        governs, process, model, shifted, alarm_active = codes
        return cls(
            score=score,
            anomalous=anomalous,
            unexplained=unexplained,
            away=away,
            fresh=fresh,
            new_level=new_level,
            size=np.zeros(n),
            ranking=filled_whole((n, TOP_SENSORS), -1),
            deviation=filled((n, TOP_SENSORS), np.nan),
            rules=rules,
            suppressed=suppressed,
            health=np.zeros((n, len(SENSOR_NAMES)), np.int8),
            excluded=np.zeros((n, len(SENSOR_NAMES)), np.bool_),
            governs=governs,
            moves=moves,
            process=process,
            verdict=filled_whole(n, ON_TIME),
            begins=begins,
            model=model,
            models=[],
            numbers={},
            expired=expired,
            level_shift=level_shift,
            baseline_age=baseline_age,
            shifted=shifted,
            alarm_active=alarm_active,
            alarms=[],
        )

    def number_of(self, model: WellModel) -> int:
        """Return a model's index in `models`, where it is added once."""
        number = self.numbers.setdefault(model, len(self.models))
        if number == len(self.models):
            self.models.append(model)
        return number

    def model_of(self, position: int) -> WellModel | None:
        """Return the model of the reading at a position."""
        number = int(self.model[position])
        return None if number < 0 else self.models[number]

    def of_models(self, at: IntArray, value: Callable[[WellModel | None], Any]) -> np.ndarray[Any, Any]:
        """Return a value of the model of each of some readings; only those models are asked.

        Args:
            at: shape (n,), positions of the readings.
            value: returns the value of a model, a number or an array.
        """
        codes = self.model[at]
        numbers = sorted(set(codes.tolist()))
        if len(numbers) == 1:
            only = np.asarray(value(None if numbers[0] < 0 else self.models[numbers[0]]))
            return only[None] if len(at) == 1 else only[None].repeat(len(at), axis=0)
        values = np.array([value(None if number < 0 else self.models[number]) for number in numbers])
        return values[np.searchsorted(numbers, codes)]

    def expected(self, at: IntArray) -> BoolArray | None:
        """Return the sensors that wells should have at some readings: shape (n, w, 27); None for none.

        The fleet's model implies nothing about the sensors of a single well.

        Args:
            at: shape (n, w), positions of the readings.
        """
        if not any(model.is_own for model in self.models):
            return None
        numbers = self.model[at]
        if everywhere(numbers == numbers[0]):
            at = at[:1]
        expected: BoolArray = self.of_models(at.ravel(), _sensors).reshape(*at.shape, -1)
        return expected


def _sensors(model: WellModel | None) -> BoolArray:
    return _mask(b"" if model is None or not model.is_own else model.extractor.sensors.tobytes())


@lru_cache(maxsize=256)
def _mask(sensors: bytes) -> BoolArray:
    """A mask over the 27 sensors; those that are true are given as the bytes of their array."""
    mask = np.zeros(len(SENSOR_NAMES), np.bool_)
    mask[np.frombuffer(sensors, np.int64)] = True
    mask.setflags(write=False)
    return mask


def to_rows(readings: Readings, columns: Columns, scored_at_ms: int) -> Scored:
    """Convert finished columns to scored readings; those not on time get a reason."""
    emission, category = _emission(readings.methane_ppm)
    risk = np.minimum(np.maximum(columns.process, 0) + np.maximum(emission, 0), MAX_RISK)
    if anywhere(columns.verdict != 0):
        reasons = [
            reason + _REASONS[verdict]
            for reason, verdict in zip(readings.reasons, columns.verdict.tolist(), strict=True)
        ]
        readings = replace(readings, reasons=reasons)
    return Scored(
        readings=readings,
        scored_at_ms=scored_at_ms,
        anomaly_score=columns.score,
        anomaly_flag=columns.anomalous.astype(np.int64),
        top_sensors=_top_sensors(columns.ranking),
        reason=reading_reasons(columns.ranking, columns.deviation),
        model_version=_of_models([model.version for model in columns.models], columns.model),
        model_kind=_of_models([model.kind for model in columns.models], columns.model),
        baseline_age_days=columns.baseline_age,
        level_shift=columns.level_shift,
        level_shift_sensor=[None if at < 0 else SENSOR_NAMES[at] for at in columns.shifted.tolist()],
        rule_ids=list(map(_ids, columns.rules.tolist())),
        suppressed=list(map(_ids, columns.suppressed.tolist())),
        sensor_health=health_names(columns.health),
        emission_category=category,
        emission_risk=emission,
        process_risk=columns.process,
        risk_score=risk,
        well_status=_STATUS[(risk > ALERT_ABOVE).astype(np.int64)].tolist(),
        alarm_active=columns.alarm_active,
        alarms=_in_order(columns),
        ahead=columns.verdict == AHEAD,
        begins=columns.begins,
    )


def _in_order(columns: Columns) -> list[AlarmEvent]:
    """Transitions in the order of the readings that caused them."""
    ordered = sorted(columns.alarms, key=lambda event: event.change.position)
    return [_of_model(event, columns) for event in ordered]


def _of_model(event: AlarmEvent, columns: Columns) -> AlarmEvent:
    """A transition, completed with the model that scored its reading."""
    number = int(columns.model[event.change.position])
    if number < 0 or event.change.cause == FEED_ENDED:
        return event
    model = columns.models[number]
    return replace(event, model_version=model.version, model_kind=model.kind)


def _of_models(names: list[str | None], model: IntArray) -> list[str | None]:
    if len(names) == 1 and everywhere(model == 0):
        return names * len(model)
    # Index -1, for a well without a model, selects the None at the end.
    column: list[str | None] = np.array([*names, None], object)[model].tolist()
    return column


_STATUS = np.array(["NORMAL", "ALERT"], object)
_CATEGORIES = np.array([None, "NORMAL", *(rule.category for rule in EMISSION_RULES)], object)


def _emission(methane_ppm: FloatArray) -> tuple[IntArray, list[str | None]]:
    """Points and category of the emission rules; `NO_POINTS` and None without a gas detector."""
    known = ~np.isnan(methane_ppm)
    if not anywhere(known):
        return filled_whole(len(methane_ppm), NO_POINTS), [None] * len(methane_ppm)
    no_windows = WindowStats(np.empty(0, np.int64), np.empty((3, 3, 0, len(methane_ppm))))
    held = fired(EMISSION_RULES, RuleColumns(no_windows, methane_ppm))
    emission = np.where(known, points(EMISSION_RULES, held), NO_POINTS)
    codes = np.where(held.any(axis=0), 2 + held.argmax(axis=0), known.astype(np.int64))
    return emission, _CATEGORIES[codes].tolist()


def _top_sensors(ranking: IntArray) -> list[tuple[str, ...]]:
    if not anywhere(ranking >= 0):
        return [()] * len(ranking)
    base = (len(SENSOR_NAMES) + 1) ** np.arange(ranking.shape[1])
    return list(map(_ranked_names, ((ranking + 1) @ base).tolist()))


@lru_cache(maxsize=4096)
def _ranked_names(code: int) -> tuple[str, ...]:
    """Sensor names of a ranking packed into one number, base 28, first name in the lowest digit."""
    names = []
    while code:
        code, digit = divmod(code, len(SENSOR_NAMES) + 1)
        if digit:
            names.append(SENSOR_NAMES[digit - 1])
    return tuple(names)


@lru_cache(maxsize=1024)
def _ids(bits: int) -> tuple[str, ...]:
    return tuple(name for i, name in enumerate(SUPPRESSIBLE) if bits >> i & 1)
