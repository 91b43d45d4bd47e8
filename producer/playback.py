"""Plan a replay, play it into the stream and report, once the options are checked."""

import time
import uuid
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from botocore.exceptions import BotoCoreError
from rich.console import Console

from infra.settings import SettingsError, StreamSettings, load_settings
from petrostream.aws.clients import client
from petrostream.aws.kinesis import KinesisWriter
from petrostream.aws.stream_errors import WriteRefused
from producer import instances, report, resume
from producer.display import ProgressDisplay
from producer.errors import ReplayError, ResumeInvalid
from producer.facility_plan import FacilityPlan, plan_facilities
from producer.fleet import load_fleet
from producer.players import FacilityPlayer, Load, Player, StreamBlock, WellPlayer
from producer.resume import Progress
from producer.run import Replay
from producer.schedule import Clock, Schedule, Segment, Span, make_schedule
from producer.stopping import stop_signal


@dataclass(frozen=True, slots=True)
class Request:
    """The checked options of the command line."""

    data: Path
    speed: float
    wells: list[str]
    instances: list[str]
    clock: Clock
    start_ms: int
    duration_ms: int | None
    fleet: Path | None
    stream: str
    file: Path
    resume: bool
    report: Path | None
    facility_seed: int | None = None

    @property
    def identity(self) -> dict[str, str]:
        """The options that, with the data, determine what is sent and with which event times."""
        options = {"speed": f"{self.speed:g}", "clock": self.clock, "stream": self.stream}
        return options if self.facility_seed is None else {**options, "seed": str(self.facility_seed)}


@dataclass(frozen=True, slots=True)
class _Play:
    """The wells' instances, and the gas detectors and tanks around them, if any."""

    schedule: Schedule
    load: Load
    facilities: FacilityPlan | None

    @property
    def totals(self) -> dict[str, int]:
        """Number of readings to play of each well and tank."""
        tanks = self.facilities.totals if self.facilities else {}
        return {well: _readings(line) for well, line in self.schedule.wells.items()} | tanks

    def players(self, positions: dict[str, int], max_bytes: int) -> list[FacilityPlayer]:
        """What is left to play, by facility."""
        found: dict[str, list[Player]] = defaultdict(list)
        for well_id, line in self.schedule.wells.items():
            detector = self.facilities.detectors[well_id] if self.facilities else None
            player = WellPlayer(line, self.load, positions.get(well_id, 0), detector)
            found[player.facility_id].append(player)
        if self.facilities:
            for facility_id in found:
                found[facility_id] += self.facilities.players(facility_id, positions)
        return [FacilityPlayer(players, max_bytes) for _, players in sorted(found.items())]


def replay(request: Request, target: str, console: Console) -> int:
    """Plan, check, play and report.

    Returns:
        The exit code: 0, or 128 plus the signal that stopped the replay.

    Raises:
        DatasetError: the data isn't there, isn't 3W, or nothing matches the filters.
        ReplayError: the settings, or the fleet or resume file, cannot be used.
        PetroStreamError: the stream can't be written.
        OSError: the resume file or report can't be written.
    """
    files = instances.find(request.data, request.wells, request.instances)
    fleet = instances.read_fleet(request.fleet) if request.fleet else {}
    spans = instances.spans_of(files, fleet, request.start_ms, request.duration_ms)
    progress = _progress(request, spans, console)
    schedule = make_schedule(spans, request.clock, request.speed, progress.started_ms)
    seed = request.facility_seed
    facilities = None
    if seed is not None:
        facilities = plan_facilities(schedule, instances.labels_of(files), load_fleet(), seed)
    play = _Play(schedule, instances.loader(files), facilities)
    totals = play.totals
    blocks = stream_settings()
    _settle_offsets(request.file, progress, schedule, totals)
    writer = _writer(request.stream)
    resume.save(request.file, progress)
    console.print(
        f"Replay {progress.run_id}: {_contents(play)} in {len(spans)} instances to {request.stream} "
        f"({target})",
        highlight=False,
        soft_wrap=True,
    )
    try:
        with stop_signal() as stop, ProgressDisplay(console, totals) as display:
            Replay(
                players=play.players(progress.positions, blocks.max_block_bytes),
                writer=writer,
                progress=progress,
                save=lambda state: resume.save(request.file, state),
                speed=request.speed,
                total=sum(totals.values()),
                block_s=blocks.block_seconds,
                stopped=stop.asked,
                display=display,
            ).run()
    finally:
        _finish(request, progress, play, console)
    return 0 if progress.finished else 128 + stop.signal


def _contents(play: _Play) -> str:
    text = f"{play.schedule.readings:,} readings of {len(play.schedule.wells)} wells"
    if play.facilities is None:
        return text
    tanks = play.facilities.totals
    return f"{text} and {sum(tanks.values()):,} of {len(tanks)} tanks"


def _writer(stream: str) -> KinesisWriter[StreamBlock]:
    """A writer to a stream that is there."""
    try:
        writer: KinesisWriter[StreamBlock] = KinesisWriter(stream, client("kinesis"))
    except BotoCoreError as error:  # no region, or a profile that isn't there
        raise WriteRefused(stream, str(error)) from error
    writer.check()
    return writer


def _progress(request: Request, spans: list[Span], console: Console) -> Progress:
    """The run to go on with, or a new one."""
    digest = resume.digest(spans, request.identity)
    before = resume.load(request.file) if request.resume else None
    if before is not None:
        if before.digest != digest:
            raise ResumeInvalid(
                request.file, f"belongs to other data or options (it was run with {before.options})"
            )
        return before
    if request.resume:
        console.print(f"Nothing to resume in {request.file}: this is a new run.", soft_wrap=True)
    elif (given_up := _unfinished(request.file)) is not None:
        console.print(
            f"This is a new run. Run {given_up.run_id} stopped after {given_up.readings:,} readings and is "
            "given up; --resume would have gone on with it.",
            highlight=False,
            soft_wrap=True,
        )
    started = time.time_ns() // 1_000_000
    words = {**request.identity, "data": str(request.data)}
    return Progress(run_id=uuid.uuid4().hex[:12], digest=digest, options=words, started_ms=started)


def _unfinished(file: Path) -> Progress | None:
    """The run a new one replaces, if it had something left."""
    try:
        before = resume.load(file)
    except ResumeInvalid:
        return None
    return None if before is None or before.finished else before


def _settle_offsets(file: Path, progress: Progress, schedule: Schedule, totals: dict[str, int]) -> None:
    """Note every instance's time offset; a resumed run must come to the same, or identities would change."""
    offsets = {segment.span.source: segment.offset_ms for segment in schedule.segments}
    if progress.offset_ms and progress.offset_ms != offsets:
        raise ResumeInvalid(file, "was written by a release that placed the instances otherwise")
    if any(at > totals.get(name, 0) for name, at in progress.positions.items()):
        raise ResumeInvalid(file, "field 'positions' lies beyond the data")
    progress.offset_ms = offsets


def _readings(line: list[Segment]) -> int:
    return sum(segment.span.readings for segment in line)


def _finish(request: Request, progress: Progress, play: _Play, console: Console) -> None:
    if request.report:
        found = report.report_of(progress, play.schedule, play.load, play.facilities)
        report.write(request.report, found)
    outcome = "Done" if progress.finished else "Stopped"
    rate = progress.readings / progress.seconds if progress.seconds else 0.0
    console.print(
        f"{outcome}: {progress.readings:,} of {sum(play.totals.values()):,} readings "
        f"in {progress.blocks:,} records, {progress.retries:,} retries, {progress.seconds:.1f} s "
        f"({rate:,.0f} readings/s)",
        highlight=False,
        soft_wrap=True,
    )
    if not progress.finished:
        console.print("To go on, run the same command with --resume.", highlight=False)


def stream_settings() -> StreamSettings:
    """The section `stream` of `infra/settings.json`, validated.

    Raises:
        ReplayError: the settings cannot be used.
    """
    try:
        return load_settings().stream
    except SettingsError as error:
        raise ReplayError(str(error)) from error
