"""The timers of a well's alarms between calls of the state machine (`petrostream.alarms.engine`)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from petrostream.alarms.events import Active
from petrostream.alarms.timers import NEVER
from petrostream.records import record


@dataclass(frozen=True, slots=True)
class Fresh:
    """Timers of what is new since an alarm. Times are epoch ms, `NEVER` if there is none.

    Attributes:
        on_since, off_since: start of the run in progress at the last reading.
        quiet: whether it has been off for the off-delay since it was last on.
    """

    on_since: int = NEVER
    off_since: int = NEVER
    quiet: bool = False


NOTHING_NEW = Fresh()


@dataclass(frozen=True, slots=True)
class Said:
    """What an alarm of the forest has said (`petrostream.alarms.repeats`).

    Attributes:
        last_ms: the last reading at which its condition was on, epoch ms.
        size: the largest deviation while it stood, in scales.
        gauges: the anomalous gauges meanwhile: bit i stands for sensor i.
        again_ms: since when the same deviation is back, epoch ms, `NEVER` while it is not.
    """

    last_ms: int
    size: float
    gauges: int
    again_ms: int = NEVER


@dataclass(frozen=True, slots=True)
class Channel:
    """Timers of one alarm type of a well. Times are epoch ms, `NEVER` if there is none.

    Attributes:
        on_since, off_since, unknown_since: start of the run in progress at the last reading.
        suppressed_at: last reading in a suppressing state.
        active: the alarm, None while it is not active.
        fresh: timers of what is new since the forest's alarm, while that is active.
        said: what the forest's alarm has said, None where it has been silent for long.
    """

    on_since: int = NEVER
    off_since: int = NEVER
    unknown_since: int = NEVER
    suppressed_at: int = NEVER
    active: Active | None = None
    fresh: Fresh = NOTHING_NEW
    said: Said | None = None


IDLE = Channel()


@record(frozen=True, slots=True)
class WellAlarms:
    """The alarm state of a well between calls.

    Attributes:
        source: source of the last reading.
        last_ms: its time, epoch ms.
        channels: timers by alarm type, without idle ones.
    """

    source: str
    last_ms: int
    channels: Mapping[str, Channel] = field(default_factory=dict)
