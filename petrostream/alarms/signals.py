"""What the alarms of a well are raised from: the signals of its readings, and the limits they are held to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from petrostream.alarms.types import ALARM_TYPES, FOREST, METHANE_HIGH, AlarmType
from petrostream.arrays import BoolArray, FloatArray, IntArray, anywhere
from petrostream.records import record
from petrostream.risk import METHANE_LEAK_PPM


@dataclass(frozen=True, slots=True)
class AlarmLimits:
    """Limits of the conditions. Delays belong to the alarm types, the forest's threshold to each model.

    A signal is on above its limit and off below the limit less the deadband; in between it is neither.

    Attributes:
        score_deadband: deadband of the forest score, below the threshold of the model that scored.
        methane_ppm: limit of methane, ppm.
        methane_deadband_ppm: its deadband, ppm.
        types: the alarms to raise, by id.
    """

    score_deadband: float = ALARM_TYPES[FOREST].deadband
    methane_ppm: float = METHANE_LEAK_PPM
    methane_deadband_ppm: float = ALARM_TYPES[METHANE_HIGH].deadband
    types: Mapping[str, AlarmType] = field(default_factory=lambda: ALARM_TYPES)


DEFAULT_LIMITS = AlarmLimits()


@record(frozen=True, slots=True)
class Signals:
    """The inputs of one well's alarms: n >= 1 readings of one feed.

    Attributes:
        well_id, source: the well, and the feed's source.
        ts_ms: shape (n,), strictly increasing and after those of earlier calls, epoch ms.
        score: shape (n,), the forest's score, 0 to 1; NaN where there is none, or where the forest must not
            raise alarms (a well without a baseline of its own).
        threshold: shape (n,), that of the model that scored each reading; NaN where there is none.
        rules: by rule id, shape (n,), where the rule holds. A rule left out holds nowhere.
        methane_ppm: shape (n,), NaN without a detector.
        operating_state: shape (n,), codes of `OPERATING_STATES`, -1 where unknown.
        away: shape (n,), where a gauge of the forest's model is away from its level; None for nowhere.
        fresh: shape (n,), the forest's score with gauges that keep still away from their level measured from
            where they are: what is new since its alarm. None for the score itself.
        new_level: shape (n,), where one has settled on a new level; None for nowhere.
        size: shape (n,), the forest's largest deviation, in scales; None where repeats are to be raised, too.
        gauges: shape (n,), the gauges that deviate most: bit i stands for sensor i; with `size`.
    """

    well_id: str
    source: str
    ts_ms: IntArray
    score: FloatArray
    threshold: FloatArray
    rules: Mapping[str, BoolArray]
    methane_ppm: FloatArray
    operating_state: IntArray
    away: BoolArray | None = None
    new_level: BoolArray | None = None
    fresh: FloatArray | None = None
    size: FloatArray | None = None
    gauges: IntArray | None = None

    def part(self, well_id: str, source: str, rows: slice) -> "Signals":
        """Return consecutive readings, which are those of one feed, without copying them.

        Args:
            well_id: the well.
            source: the feed's source.
            rows: the readings.
        """
        return Signals(
            well_id,
            source,
            self.ts_ms[rows],
            self.score[rows],
            self.threshold[rows],
            {rule: held[rows] for rule, held in self.rules.items()},
            self.methane_ppm[rows],
            self.operating_state[rows],
            None if self.away is None else self.away[rows],
            None if self.new_level is None else self.new_level[rows],
            None if self.fresh is None else self.fresh[rows],
            None if self.size is None else self.size[rows],
            None if self.gauges is None else self.gauges[rows],
        )


def _measured(
    alarm_type: AlarmType, signals: Signals, limits: AlarmLimits
) -> tuple[FloatArray, FloatArray | float, float] | None:
    """An alarm's signal, limit and deadband; None for a physics rule, which has no deadband."""
    if alarm_type.id == FOREST:
        return signals.score, signals.threshold, limits.score_deadband
    if alarm_type.id == METHANE_HIGH:
        return signals.methane_ppm, limits.methane_ppm, limits.methane_deadband_ppm
    return None


def condition_on(alarm_type: AlarmType, signals: Signals, limits: AlarmLimits) -> BoolArray | None:
    """Return where an alarm's condition is on: shape (n,), None for nowhere."""
    measured = _measured(alarm_type, signals, limits)
    if measured is None:
        return signals.rules.get(alarm_type.id)
    value, limit, _ = measured
    return value > limit


def off_and_unknown(
    alarm_type: AlarmType, signals: Signals, limits: AlarmLimits, on: BoolArray
) -> tuple[BoolArray, BoolArray]:
    """Return where an alarm's condition is off, and where its signal is missing: shape (n,) each."""
    measured = _measured(alarm_type, signals, limits)
    if measured is None:
        return ~on, np.zeros(len(on), np.bool_)
    value, limit, deadband = measured
    off = value < limit - deadband
    if alarm_type.id == FOREST and signals.away is not None:
        off &= ~signals.away
    return off, np.isnan(value)


def restless(signals: Signals, limits: AlarmLimits = DEFAULT_LIMITS) -> BoolArray:
    """Return the readings at which a well without timers may start one: shape (n,).

    Where it is false, a well without channels is as before: the condition of no alarm is on, and the well's
    operating state suppresses none. The readings may be of any number of wells.

    Args:
        signals: the readings.
        limits: as given to `run_alarms`.
    """
    stirred: list[BoolArray] = [signals.operating_state > 0]
    for alarm_type in limits.types.values():
        on = condition_on(alarm_type, signals, limits)
        if on is not None:
            stirred.append(on)
    if not any(map(anywhere, stirred)):
        # By far the most frequent case.
        return np.zeros(len(signals.ts_ms), np.bool_)
    found: BoolArray = np.logical_or.reduce(stirred)
    return found
