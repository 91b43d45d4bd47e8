"""Plan a replay, play it into the stream and report, once the options are checked."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from botocore.exceptions import BotoCoreError
from rich.console import Console

from infra.settings import SettingsError, StreamSettings, load_settings
from ml.data.dataset import DatasetError, InstanceFile
from ml.data.units import UnitMap, described, read_units
from ops.outcome import Run
from petrostream.aws.clients import client
from petrostream.aws.kinesis import KinesisWriter
from petrostream.aws.stream_errors import WriteRefused
from producer import instances, report, resume
from producer.checking import usable_files
from producer.display import ProgressDisplay
from producer.errors import SENT_AGAIN, ReplayError, ResumeInvalid
from producer.facility_plan import FacilityPlan, plan_facilities
from producer.fleet import FLEET_FILE, load_fleet
from producer.landing import landing
from producer.players import FacilityPlayer, Load, Player, StreamBlock, WellPlayer
from producer.request import Request
from producer.resume import Progress
from producer.run import Replay
from producer.runs import check_speed, first_speed, progress_of
from producer.schedule import Schedule, Segment, Span, make_schedule
from producer.stopping import stop_signal


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

    def run(self, progress: Progress) -> Run:
        """What identifies the readings that have been sent."""
        segments = self.schedule.segments
        return Run(
            readings=sum(progress.positions.get(well_id, 0) for well_id in self.schedule.wells),
            shift_ms=progress.offset_ms,
            facilities={segment.span.facility_id for segment in segments},
            since_ms=progress.started_ms,
            first_ms=min(segment.span.first_ms + segment.offset_ms for segment in segments),
            last_ms=max(segment.span.last_ms + segment.offset_ms for segment in segments),
        )

    def players(self, progress: Progress, max_bytes: int) -> list[FacilityPlayer]:
        """What is left to play, by facility. A resumed run keeps its name, and so stays one feed."""
        positions = progress.positions
        found: dict[str, list[Player]] = defaultdict(list)
        for well_id, line in self.schedule.wells.items():
            detector = self.facilities.detectors[well_id] if self.facilities else None
            player = WellPlayer(line, self.load, positions.get(well_id, 0), detector, progress.run_id)
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
        ReplayError: the settings, a data file, or the fleet or resume file, cannot be used.
        PetroStreamError: the stream can't be written.
        OSError: the resume file or report can't be written.
    """
    files = usable_files(request, console)
    spans = _spans_of(request, files)
    units = read_units(request.fleet or FLEET_FILE)
    request = replace(request, units=_converted(units, spans))
    progress = progress_of(request, spans, console)
    schedule = make_schedule(spans, request.clock, first_speed(request, progress), progress.started_ms)
    play = _play_of(request, files, schedule, units)
    totals, blocks = play.totals, stream_settings()
    _settle_offsets(request.file, progress, schedule, totals)
    contents = f"{_contents(play)} in {len(spans)} instances{_converts(request)} ({target})"
    if request.dry_run:
        sent = f", of which {progress.readings:,} have been sent" if progress.readings else ""
        _say(console, f"Dry run: {contents}{sent}. Every file was read; nothing was sent.")
        return 0
    players = play.players(progress, blocks.max_block_bytes)
    check_speed(request, progress, schedule, [player.next_ms() for player in players], _now_ms())
    writer = _writer(request.stream)
    resume.save(request.file, progress)
    _say(console, f"Replay {progress.run_id}: {contents}")
    before = progress.readings
    advice = "To go on, run the same command with --resume."
    try:
        with stop_signal() as stop, ProgressDisplay(console, totals) as display:
            Replay(
                players=players,
                writer=writer,
                progress=progress,
                save=lambda state: resume.save(request.file, state),
                speed=request.speed,
                total=sum(totals.values()),
                block_s=blocks.block_seconds,
                stopped=stop.asked,
                display=display,
            ).run()
    except DatasetError:
        advice = f"Restore that file, then go on with --resume. A run without it {SENT_AGAIN}."
        raise
    finally:
        _finish(request, progress, play, console, advice)
    if progress.finished and not console.quiet:
        for line in landing(play.run(progress), sent_now=progress.readings > before):
            _say(console, line)
    return 0 if progress.finished else 128 + stop.signal


def _play_of(request: Request, files: Sequence[InstanceFile], schedule: Schedule, units: UnitMap) -> _Play:
    seed = request.facility_seed
    facilities = None
    if seed is not None:
        facilities = plan_facilities(schedule, instances.labels_of(files), load_fleet(), seed)
    return _Play(schedule, instances.loader(files, units=units), facilities)


def _spans_of(request: Request, files: Sequence[InstanceFile]) -> list[Span]:
    fleet = instances.read_fleet(request.fleet) if request.fleet else {}
    return instances.spans_of(files, fleet, request.start_ms, request.duration_ms)


def _converts(request: Request) -> str:
    units = f", {request.units} converted," if request.units else ""
    return f"{units} to {request.stream}"


def _converted(units: UnitMap, spans: Sequence[Span]) -> str:
    """What is converted, in words: `p_pdg, p_tpt from psi (WELL-00010, WELL-00011)`; empty for nothing."""
    wells: dict[str, list[str]] = defaultdict(list)
    for well_id in sorted({span.well_id for span in spans}):
        if found := units.of(well_id):
            wells[described(found)].append(well_id)
    return "; ".join(f"{what} ({', '.join(of)})" for what, of in wells.items())


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


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


def _finish(request: Request, progress: Progress, play: _Play, console: Console, advice: str) -> None:
    outcome = "Done" if progress.finished else "Stopped"
    rate = progress.readings / progress.seconds if progress.seconds else 0.0
    _say(
        console,
        f"{outcome}: {progress.readings:,} of {sum(play.totals.values()):,} readings "
        f"in {progress.blocks:,} records, {progress.retries:,} retries, {progress.seconds:.1f} s "
        f"({rate:,.0f} readings/s)",
    )
    if not progress.finished:
        _say(console, advice)
    # Last: where the disk is full, it cannot be written either.
    if request.report:
        found = report.report_of(progress, play.schedule, play.load, play.facilities)
        found["units"] = request.units
        report.write(request.report, found)


def stream_settings() -> StreamSettings:
    """The section `stream` of `infra/settings.json`, validated.

    Raises:
        ReplayError: the settings cannot be used.
    """
    try:
        return load_settings().stream
    except SettingsError as error:
        raise ReplayError(str(error)) from error
