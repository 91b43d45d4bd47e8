"""What each gauge shows over time: window statistics, trends, and whether the gauge can be trusted.

Pure functions of values, times and what was remembered. Must not know models, rules or alarms.
"""

from petrostream.gauges.features import (
    COUNT_LIMIT,
    GAP_MS,
    HISTORY_MS,
    MAX_WINDOW_READINGS,
    MISSING,
    QUANTA,
    STATS,
    WINDOWS_S,
    CountArray,
    WindowStats,
    quantise,
    window_stats,
    window_stats_at,
)
from petrostream.gauges.floors import scale_floors
from petrostream.gauges.health import condemned_values, judge
from petrostream.gauges.level import follow_levels
from petrostream.gauges.level_memory import LevelMemory, Levels
from petrostream.gauges.level_steps import (
    DEFAULT_RULES,
    LEVEL_FIELDS,
    LEVEL_SEEN,
    Anchor,
    LevelRules,
    spread_bounds,
)
from petrostream.gauges.memory import PER_GAUGE, GaugeMemory
from petrostream.gauges.moves import ACTUATORS, AT_REST, NOT_MOVED, MoveMemory, Moves, follow_moves
from petrostream.gauges.slow import (
    SLOW_BINS,
    SLOW_SENSORS,
    SPAN_HOURS,
    SlowMemory,
    SlowTrend,
    follow_slowly,
)
from petrostream.gauges.status import StatusArray, health_names
from petrostream.gauges.steady import byte_steps
from petrostream.gauges.sums import GaugeSums
from petrostream.gauges.swing import Swing
from petrostream.gauges.trend import BINS, SWING_SENSORS, TREND_SENSORS, Trend, TrendMemory
from petrostream.gauges.trend_following import follow

__all__ = [
    "ACTUATORS",
    "AT_REST",
    "BINS",
    "COUNT_LIMIT",
    "DEFAULT_RULES",
    "GAP_MS",
    "HISTORY_MS",
    "LEVEL_FIELDS",
    "LEVEL_SEEN",
    "MAX_WINDOW_READINGS",
    "MISSING",
    "NOT_MOVED",
    "PER_GAUGE",
    "QUANTA",
    "SLOW_BINS",
    "SLOW_SENSORS",
    "SPAN_HOURS",
    "STATS",
    "SWING_SENSORS",
    "TREND_SENSORS",
    "WINDOWS_S",
    "Anchor",
    "CountArray",
    "GaugeMemory",
    "GaugeSums",
    "LevelMemory",
    "LevelRules",
    "Levels",
    "MoveMemory",
    "Moves",
    "SlowMemory",
    "SlowTrend",
    "StatusArray",
    "Swing",
    "Trend",
    "TrendMemory",
    "WindowStats",
    "byte_steps",
    "condemned_values",
    "follow",
    "follow_levels",
    "follow_moves",
    "follow_slowly",
    "health_names",
    "judge",
    "quantise",
    "scale_floors",
    "spread_bounds",
    "window_stats",
    "window_stats_at",
]
