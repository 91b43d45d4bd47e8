"""Replays 3W instances into the ingest stream: `python producer/replay.py --data DIR --speed 1|60|max`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ml.data.dataset import DatasetError
from petrostream.errors import PetroStreamError
from producer import options
from producer.errors import OptionInvalid, ReplayError
from producer.playback import Request, replay, stream_settings
from producer.resume import only_one

app = typer.Typer(add_completion=False)


class ClockName(StrEnum):
    """Which event times the readings carry."""

    live = "live"
    original = "original"


Data = Annotated[Path, typer.Option(help="Folder of 3W instances (<class>/<instance>.parquet), or one class")]
Speed = Annotated[str, typer.Option(help="1 is real time, 60 a minute a second, max as fast as it goes")]
Wells = Annotated[list[str] | None, typer.Option(help="Only these wells (repeat, or commas)")]
Instances = Annotated[
    list[str] | None, typer.Option(help="Only these, as 2/WELL-00011_20140515110134 or file names")
]
ClockOption = Annotated[ClockName, typer.Option(help="Event times: as if live, or the original ones")]
Start = Annotated[str | None, typer.Option(help="Skip so much of every well: 90, 10m, 1h30m")]
Duration = Annotated[str | None, typer.Option(help="Play so much of every well")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where the last run of this name ended")]
Name = Annotated[str, typer.Option(help="Names the resume file; give each of several replays its own")]
Report = Annotated[Path | None, typer.Option(help="Write what was sent to this JSON file")]
Fleet = Annotated[Path | None, typer.Option(help="JSON mapping of wells to facilities")]
WithFacility = Annotated[
    bool,
    typer.Option("--with-facility", help="Simulate gas detectors at wells, and their tanks"),
]
Seed = Annotated[int, typer.Option(help="Seed of the simulation; the same one gives the same values")]
Stream = Annotated[str | None, typer.Option(help="Stream; by default the one of infra/settings.json")]
Endpoint = Annotated[
    str | None, typer.Option(help="AWS endpoint; by default AWS_ENDPOINT_URL, then a local twin, then AWS")
]


@app.command()
def main(  # noqa: PLR0913 - one parameter for each option
    *,
    data: Data,
    speed: Speed = "1",
    wells: Wells = None,
    instances: Instances = None,
    clock: ClockOption = ClockName.live,
    start: Start = None,
    duration: Duration = None,
    resume: Resume = False,
    name: Name = "default",
    report: Report = None,
    fleet: Fleet = None,
    with_facility: WithFacility = False,
    seed: Seed = 7,
    stream: Stream = None,
    endpoint_url: Endpoint = None,
) -> None:
    """Replay wells into the ingest stream, several at once, each facility in event-time order."""
    try:
        request = Request(
            data=data,
            speed=options.speed_of(speed),
            wells=options.names_of(wells),
            instances=options.names_of(instances),
            clock=clock.value,
            start_ms=options.period_ms("--start", start) or 0,
            duration_ms=options.period_ms("--duration", duration),
            fleet=fleet,
            stream=stream or str(stream_settings()["name"]),
            file=options.resume_file(name),
            resume=resume,
            report=report,
            facility_seed=seed if with_facility else None,
        )
        target = options.connect(endpoint_url)
    except OptionInvalid as error:
        raise typer.BadParameter(str(error)) from error
    raise typer.Exit(_run(request, target))


def _run(request: Request, target: str) -> int:
    try:
        with only_one(request.file):
            return replay(request, target, Console())
    except (ReplayError, DatasetError, PetroStreamError, OSError) as error:
        text = f"Error: {error}"
        Console(stderr=True).print(text, style="red", markup=False, highlight=False, soft_wrap=True)
        return 1


if __name__ == "__main__":
    app()
