"""Replays 3W instances into the ingest stream: `python producer/replay.py --data DIR --speed 1|60|max`."""

import sys
from contextlib import nullcontext
from enum import StrEnum
from pathlib import Path
from typing import Annotated

try:
    import typer
    from rich.console import Console

    from ml.data.dataset import DatasetError
    from petrostream.errors import PetroStreamError
    from producer import options
    from producer.errors import OptionInvalid, ReplayError
    from producer.playback import replay, stream_settings
    from producer.request import Request
    from producer.resume import only_one
    from toolchain import commands
    from toolchain.terminal import print_error
except ModuleNotFoundError as missing:
    # Run as a script by another interpreter: toolchain/, which knows the advice, is not to be found either.
    sys.path.append(str(Path(__file__).resolve().parents[1]))
    from toolchain.environment import advice

    raise SystemExit(advice(str(missing.name), "producer/replay.py")) from missing

app = typer.Typer(add_completion=False)


class ClockName(StrEnum):
    """Which event times the readings carry."""

    live = "live"
    original = "original"


DataOption = Annotated[
    Path, typer.Option(help="Folder of 3W instances (<class>/<instance>.parquet), or one class")
]
SpeedOption = Annotated[
    str, typer.Option(help="1 is real time, 60 one minute per second, max as fast as possible")
]
WellsOption = Annotated[
    list[str] | None, typer.Option(help="Only these wells (repeat the option, or separate by commas)")
]
InstancesOption = Annotated[
    list[str] | None, typer.Option(help="Only these, as 2/WELL-00011_20140515110134 or file names")
]
ClockOption = Annotated[ClockName, typer.Option(help="Event times: as if live, or the original ones")]
StartOption = Annotated[str | None, typer.Option(help="Skip this much of each well: 90, 10m, 1h30m")]
DurationOption = Annotated[str | None, typer.Option(help="Play this much of each well")]
ResumeOption = Annotated[
    bool, typer.Option("--resume", help="Continue where the last run of this name ended")
]
NameOption = Annotated[
    str, typer.Option(help="Names the resume file; use a different name for each replay that runs at once")
]
ReportOption = Annotated[Path | None, typer.Option(help="Write what was sent to this JSON file")]
FleetOption = Annotated[Path | None, typer.Option(help="JSON file of wells' facilities and gauges' units")]
WithFacilityOption = Annotated[
    bool,
    typer.Option("--with-facility", help="Simulate gas detectors at wells, and their tanks"),
]
SeedOption = Annotated[int, typer.Option(help="Seed of the simulation; the same seed gives the same values")]
StreamOption = Annotated[str | None, typer.Option(help="Stream name; by default from infra/settings.json")]
EndpointOption = Annotated[
    str | None, typer.Option(help="AWS endpoint; by default AWS_ENDPOINT_URL, then a local twin, then AWS")
]

DryRunOption = Annotated[bool, typer.Option("--dry-run", help="Check every file and say what would be sent")]
SkipBadOption = Annotated[
    bool, typer.Option("--skip-bad", help="Leave out files that are not 3W, naming them")
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors only")]


@app.command()
def main(  # noqa: PLR0913 - one parameter for each option
    *,
    data: DataOption,
    speed: SpeedOption = "1",
    wells: WellsOption = None,
    instances: InstancesOption = None,
    clock: ClockOption = ClockName.live,
    start: StartOption = None,
    duration: DurationOption = None,
    resume: ResumeOption = False,
    name: NameOption = "default",
    report: ReportOption = None,
    fleet: FleetOption = None,
    with_facility: WithFacilityOption = False,
    seed: SeedOption = 7,
    stream: StreamOption = None,
    endpoint_url: EndpointOption = None,
    dry_run: DryRunOption = False,
    skip_bad: SkipBadOption = False,
    quiet: QuietOption = False,
) -> None:
    """Replay wells into the ingest stream, all at once, each facility in event-time order."""
    try:
        request = Request(
            data=data,
            speed=options.speed_of(speed),
            wells=options.names_of("--wells", wells),
            instances=options.names_of("--instances", instances),
            clock=clock.value,
            start_ms=options.period_ms("--start", start) or 0,
            duration_ms=options.period_ms("--duration", duration),
            fleet=fleet,
            stream=stream or stream_settings().name,
            file=options.resume_file(name),
            resume=resume,
            report=options.report_file(report),
            facility_seed=seed if with_facility else None,
            dry_run=dry_run,
            skip_bad=skip_bad,
        )
        target = options.connect(endpoint_url)
    except OptionInvalid as error:
        raise typer.BadParameter(str(error)) from error
    except ReplayError as error:
        raise typer.Exit(_failed(error)) from error
    raise typer.Exit(_run(request, target, Console(quiet=quiet)))


def _run(request: Request, target: str, console: Console) -> int:
    try:
        with nullcontext() if request.dry_run else only_one(request.file):
            return replay(request, target, console)
    except (ReplayError, DatasetError, PetroStreamError, OSError) as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    """Print an error the user can act on; returns the exit code."""
    print_error(f"Error: {error}")
    return 1


if __name__ == "__main__":
    commands.run(app)
