"""Risk rules: one table, each row with its condition, points and source.

Conditions see whole columns and give one truth value per reading. A comparison with a missing value is
false, so a rule never fires on what it does not know.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.features import WindowStats
from petrostream.sensors import SENSOR_INDEX

BAR = 1e5
MAX_PART = 40
MAX_RISK = 100
ALERT_ABOVE = 30

EMISSION = "emission"
VAPOR = "vapor"
PROCESS = "process"


@dataclass(frozen=True, slots=True)
class RuleColumns:
    """What conditions may look at: n readings of one well.

    Attributes:
        stats: window statistics.
        methane_ppm: shape (n,), NaN without a gas detector.
        vapor_ppm: shape (n,), vapor in the tank each reading is paired with, NaN without one; empty
            before wells and tanks are joined, when vapor rules are not asked.
    """

    stats: WindowStats
    methane_ppm: FloatArray
    vapor_ppm: FloatArray = field(default_factory=lambda: np.empty(0))

    def rise(self, sensor: str, short_s: int = 30, long_s: int = 180) -> FloatArray:
        """Mean of the short window less that of the long one, in the sensor's unit: shape (n,)."""
        long = self._get(sensor, "mean", long_s)
        return self._get(sensor, "mean", short_s) - long

    def per_minute(self, sensor: str, window_s: int = 60) -> FloatArray:
        """Slope over a window, in the sensor's unit per minute: shape (n,)."""
        slope: FloatArray = 60.0 * self._get(sensor, "slope", window_s)
        return slope

    def deviation(self, sensor: str, window_s: int) -> FloatArray:
        """Standard deviation over a window, in the sensor's unit: shape (n,)."""
        return self._get(sensor, "std", window_s)

    def _get(self, sensor: str, stat: str, window_s: int) -> FloatArray:
        return self.stats.get(SENSOR_INDEX[sensor], stat, window_s)


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the table.

    Attributes:
        id: stable name, as it lands in `rule_ids`.
        part: `emission`, `vapor` or `process`.
        description: what it means to an operator.
        condition: which of n readings it holds for.
        points: risk points.
        source: where signature and thresholds come from.
        sensors: sensors without which the condition can't hold.
        vetoes: sensors that can only speak against it, and are not missed where a well has none.
        category: value of `emission_category` or `vapor_category`, for rules of these parts.
    """

    id: str
    part: str
    description: str
    condition: Callable[[RuleColumns], BoolArray]
    points: int
    source: str
    sensors: tuple[str, ...] = ()
    vetoes: tuple[str, ...] = ()
    category: str | None = None


def _methane_high(columns: RuleColumns) -> BoolArray:
    return columns.methane_ppm > 500.0


def _methane_medium(columns: RuleColumns) -> BoolArray:
    return (columns.methane_ppm > 250.0) & (columns.methane_ppm <= 500.0)


def _vapor_critical(columns: RuleColumns) -> BoolArray:
    return columns.vapor_ppm > 10_000.0


def _vapor_high(columns: RuleColumns) -> BoolArray:
    return (columns.vapor_ppm > 5_000.0) & (columns.vapor_ppm <= 10_000.0)


def _vapor_normal(columns: RuleColumns) -> BoolArray:
    return columns.vapor_ppm <= 5_000.0


def _dhsv_closure(columns: RuleColumns) -> BoolArray:
    downhole = columns.per_minute("p_pdg")
    return (
        (columns.per_minute("p_tpt") < -1.0 * BAR)
        & (columns.per_minute("t_tpt") < -1.0)
        # Many wells have lost their downhole gauge; one that works must not fall as well.
        & ~(downhole < -0.2 * BAR)
    )


def _choke_restriction(columns: RuleColumns) -> BoolArray:
    rise = columns.rise("p_mon_ckp")
    return (
        (rise > 0.8 * BAR)
        & (columns.per_minute("p_mon_ckp") > 0.5 * BAR)
        # A rise out of calm: an oscillation within the window crests 1.41 deviations above its mean.
        & (rise > 1.6 * columns.deviation("p_mon_ckp", 180))
        # The choke is far from the tubing head: what lifts both at once is the well, not the choke.
        & ~(np.abs(columns.rise("p_tpt")) > 0.25 * rise)
        & ~(columns.rise("p_jus_ckp") > 0.5 * BAR)
        # A well that is being opened up warms, a restricted one does not.
        & ~(columns.per_minute("t_tpt", 180) > 0.1)
    )


_LEL = "methane's lower explosive limit is 5 % by volume, 50,000 ppm (NFPA 325)"

_VARGAS = "R. E. V. Vargas et al. 2019, doi 10.1016/j.petrol.2019.106223"

RULES: tuple[Rule, ...] = (
    Rule(
        id="methane_high",
        part=EMISSION,
        description="Methane above 500 ppm: a leak",
        condition=_methane_high,
        points=40,
        source="EPA Method 21 (40 CFR 60, Appendix A-7): leak definition of 500 ppm",
        category="HIGH",
    ),
    Rule(
        id="methane_medium",
        part=EMISSION,
        description="Methane above half the leak definition",
        condition=_methane_medium,
        points=20,
        source="Half of EPA Method 21's leak definition: time to look before it is a leak",
        category="MEDIUM",
    ),
    Rule(
        id="vapor_critical",
        part=VAPOR,
        description="Vapor in the tank above 10,000 ppm",
        condition=_vapor_critical,
        points=40,
        source=f"A fifth of the explosive limit, where portable detectors sound their alarm: {_LEL}",
        category="CRITICAL",
    ),
    Rule(
        id="vapor_high",
        part=VAPOR,
        description="Vapor in the tank above 5,000 ppm",
        condition=_vapor_high,
        points=20,
        source=f"A tenth of the explosive limit, where portable detectors warn: {_LEL}",
        category="HIGH",
    ),
    Rule(
        id="vapor_normal",
        part=VAPOR,
        description="Vapor in the tank as usual: a tank that holds oil is never without risk",
        condition=_vapor_normal,
        points=10,
        source="The project's reference table of risk scores",
        category="NORMAL",
    ),
    Rule(
        id="dhsv_closure",
        part=PROCESS,
        description="Tubing head pressure and temperature fall while downhole pressure does not: "
        "like a spurious closure of the downhole safety valve",
        condition=_dhsv_closure,
        points=35,
        source=f"Class 2 of {_VARGAS}; thresholds chosen on its real class 2 instances of wells 3, 10, 11",
        sensors=("p_tpt", "t_tpt"),
        vetoes=("p_pdg",),
    ),
    Rule(
        id="choke_restriction",
        part=PROCESS,
        description="Pressure upstream of the production choke climbs out of calm, the tubing head rests: "
        "like a quick restriction in the production choke",
        condition=_choke_restriction,
        points=35,
        source=f"Class 6 of {_VARGAS}; thresholds chosen on its class 6 instances (well 4, simulated)",
        sensors=("p_mon_ckp",),
        vetoes=("p_tpt", "p_jus_ckp", "t_tpt"),
    ),
)

PROCESS_RULES = tuple(rule for rule in RULES if rule.part == PROCESS)
EMISSION_RULES = tuple(rule for rule in RULES if rule.part == EMISSION)
VAPOR_RULES = tuple(rule for rule in RULES if rule.part == VAPOR)

RULE_SENSORS: IntArray = np.array(
    sorted({SENSOR_INDEX[name] for rule in RULES for name in rule.sensors + rule.vetoes}), np.int64
)
"""Sensor indices that conditions look at."""


def fired(rules: tuple[Rule, ...], columns: RuleColumns) -> BoolArray:
    """Which rules hold: shape (rules, n)."""
    return np.array([rule.condition(columns) for rule in rules])


def points(rules: tuple[Rule, ...], held: BoolArray) -> IntArray:
    """Points of the rules that hold, at most `MAX_PART`: shape (n,)."""
    worth = np.array([rule.points for rule in rules], np.int64)
    return np.minimum(worth @ held, MAX_PART)
