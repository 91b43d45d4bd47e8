"""What a replay was asked to do, checked."""

from dataclasses import dataclass
from pathlib import Path

from producer.schedule import ReplayClock


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for on the command line.

    Attributes:
        data: folder of instances.
        speed: seconds of play a second; infinity for full speed.
        wells, instances: play these only; empty for all.
        clock: which event times the readings carry.
        start_ms, duration_ms: skip this much of each well, play this much of it (None: all).
        fleet: file that maps wells to facilities.
        stream: destination.
        file: resume file.
        resume: whether to continue the run in it.
        report: where to write the JSON report.
        facility_seed: seed of the gas detectors and tanks; None: without them.
        dry_run: check and plan only.
        skip_bad: leave out files that are not in the 3W layout.
        units: what is converted, in words; empty for nothing.
    """

    data: Path
    speed: float
    wells: list[str]
    instances: list[str]
    clock: ReplayClock
    start_ms: int
    duration_ms: int | None
    fleet: Path | None
    stream: str
    file: Path
    resume: bool
    report: Path | None
    facility_seed: int | None = None
    dry_run: bool = False
    skip_bad: bool = False
    units: str = ""

    @property
    def identity(self) -> dict[str, str]:
        """The options that decide, with the data, what is sent and with which event times."""
        options = {"speed": f"{self.speed:g}", "clock": self.clock, "stream": self.stream}
        if self.units:
            options["units"] = self.units
        return options if self.facility_seed is None else {**options, "seed": str(self.facility_seed)}

    @property
    def words(self) -> dict[str, str]:
        """The options by name, as they would be written again."""
        chosen = {
            "wells": ",".join(self.wells),
            "instances": ",".join(self.instances),
            "start": f"{self.start_ms / 1000:g}" if self.start_ms else "",
            "duration": "" if self.duration_ms is None else f"{self.duration_ms / 1000:g}",
            "fleet": str(self.fleet or ""),
        }
        return {
            "data": str(self.data),
            **self.identity,
            **{name: value for name, value in chosen.items() if value},
        }
