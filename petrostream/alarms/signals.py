"""What the alarms of a well are raised from: the signals of its readings, and the limits they are held to."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from petrostream.alarms.types import ALARM_TYPES, FOREST, METHANE_HIGH, AlarmType
from petrostream.arrays import BoolArray, FloatArray, IntArray
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


@dataclass(frozen=True, slots=True)
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
