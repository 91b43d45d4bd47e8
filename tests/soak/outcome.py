"""What a soak sends, and what it found."""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from petrostream.fleet import facility_of
from tests.soak.course import Course
from tests.soak.gauges import EMULATOR, Key
from tests.soak.slopes import Slope, slope

WARM_UP = 1 / 6
"""Share of a run that is left out of slopes: windows fill, caches and pools reach their size."""

LATE_PART = 1 / 2
"""Share of a run after which something that still fills bends visibly, and something that grows does not."""

LATENCY, TWIN = "latency", "twin"
SHARE = 0.05
SHARES = {LATENCY: 0.10}
"""Growth in an hour that still counts as flat, as a share of the mean: of all but these, and of these."""

BY_DESIGN = frozenset({EMULATOR, TWIN})
"""What grows by design: the emulator keeps a day of the stream in memory, and the disk what has landed."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is sent.

    Attributes:
        courses: of each well.
        rate: readings a second of all wells together, at least; each well has the same whole number.
        seconds: for how long.
    """

    courses: Mapping[str, Course]
    rate: int
    seconds: int

    @property
    def each(self) -> int:
        """Readings of a well a second."""
        return max(1, math.ceil(self.rate / len(self.courses)))

    @property
    def places(self) -> dict[str, list[str]]:
        """The wells of each facility."""
        found: dict[str, list[str]] = defaultdict(list)
        for well in self.courses:
            found[facility_of(well)].append(well)
        return dict(sorted(found.items()))


@dataclass
class Outcome:
    """What a run found.

    Attributes:
        load: what was sent.
        sent, landed, doubled, quarantined, unseen: numbers of readings; unseen in the live table.
        minutes, minutes_wrong: closed minutes of a well, and those with more or fewer readings than sent.
        alerts, alerts_doubled: numbers of messages on the topic.
        late_s: the most seconds that sending fell behind its time.
        busy: load average of the machine, the mean of all minutes.
        series: minute of the run and value, by who is measured and what.
    """

    load: Load
    sent: int = 0
    landed: int = 0
    doubled: int = 0
    quarantined: int = 0
    unseen: int = 0
    minutes: int = 0
    minutes_wrong: int = 0
    alerts: int = 0
    alerts_doubled: int = 0
    late_s: float = 0.0
    busy: float = 0.0
    series: dict[Key, list[tuple[int, float]]] = field(default_factory=lambda: defaultdict(list))

    @property
    def slopes(self) -> dict[Key, Slope | None]:
        """The slope of each series after the warm-up; None where the run was too short for one."""
        return self.slopes_after(WARM_UP)

    def slopes_after(self, share: float) -> dict[Key, Slope | None]:
        """The slope of each series without this share of the run; None where too little is left for one."""
        first = self.load.seconds * share / 60
        found = {}
        for key, points in self.series.items():
            rest = [(minute / 60, value) for minute, value in points if minute >= first]
            found[key] = slope([at for at, _ in rest], [v for _, v in rest], SHARES.get(key[0], SHARE))
        return found

    @property
    def lost(self) -> int:
        """Readings that were accepted and are nowhere."""
        return self.sent - self.landed - self.quarantined

    @property
    def growing(self) -> list[Key]:
        """What grows and should not."""
        return [
            key
            for key, one in self.slopes.items()
            if one and one.verdict == "grows" and key[0] not in BY_DESIGN
        ]

    @property
    def held(self) -> bool:
        """Whether nothing was lost, doubled or left unseen, and nothing of ours grows."""
        wrong = (self.lost, self.doubled, self.unseen, self.minutes_wrong, self.alerts_doubled)
        return self.sent > 0 and not any(wrong) and not self.growing
