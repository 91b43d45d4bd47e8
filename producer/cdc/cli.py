"""The command: `petrostream cdc --map historian.toml --interval 5`, or `--once`."""

import os
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ml.data.dataset import DatasetError
from petrostream.errors import PetroStreamError
from producer import options
from producer.cdc.credentials import SECRET
from producer.cdc.mapping import Mapping, read_map
from producer.cdc.start import PollRequest, poll
from producer.errors import OptionInvalid, ReplayError
from producer.playback import stream_settings
from producer.replay import EndpointOption, FleetOption, QuietOption, StreamOption
from producer.resume import only_one
from toolchain import commands
from toolchain.terminal import print_error
from toolchain.twin import twin

app = typer.Typer(add_completion=False)

MapOption = Annotated[
    Path, typer.Option("--map", help="TOML or JSON file: the table, and which column is what")
]
OnceOption = Annotated[bool, typer.Option("--once", help="Send what is there, then end")]
IntervalOption = Annotated[
    str | None,
    typer.Option(
        help="Time between two polls that find nothing: 5, 30s, 1m; by default from the map, else 5"
    ),
]
BatchOption = Annotated[
    int | None, typer.Option(min=1, max=100_000, help="Rows read at once; by default 5000")
]
LookBackOption = Annotated[
    str | None,
    typer.Option(help="How far update times may lie behind the newest one: 10m (default), 2h"),
]
SinceOption = Annotated[
    str | None,
    typer.Option(help="First run: leave out rows updated up to this time, as 2026-11-20T00:00:00Z"),
]
SecretOption = Annotated[
    str | None,
    typer.Option(help=f"Secret of Secrets Manager with the credentials; by default {SECRET}, if set"),
]
StateNameOption = Annotated[
    str, typer.Option(help="Names the state file; use a different name for each table")
]
CheckOption = Annotated[
    bool, typer.Option("--dry-run", help="Check the table, show its next rows as readings, and send nothing")
]


@app.command()
def main(  # noqa: PLR0913 - one parameter for each option
    *,
    map_file: MapOption,
    once: OnceOption = False,
    interval: IntervalOption = None,
    batch: BatchOption = None,
    look_back: LookBackOption = None,
    since: SinceOption = None,
    secret: SecretOption = None,
    name: StateNameOption = "default",
    fleet: FleetOption = None,
    stream: StreamOption = None,
    endpoint_url: EndpointOption = None,
    dry_run: CheckOption = False,
    quiet: QuietOption = False,
) -> None:
    """Poll a table of a historian, and put new and updated rows on the ingest stream.

    Reads PostgreSQL, any database of SQLAlchemy, or a CSV file. Where the database is and who may read it
    come from PETROSTREAM_CDC_URL, PG* variables or Secrets Manager.
    """
    try:
        mapping = _with_options(read_map(map_file), interval, batch, look_back)
        asked = PollRequest(
            mapping=mapping,
            once=once,
            since=_instant(since),
            secret=secret or os.environ.get(SECRET, ""),
            fleet=fleet,
            stream=stream or stream_settings().name,
            file=_state_file(name),
            dry_run=dry_run,
        )
        target = options.connect(endpoint_url)
    except OptionInvalid as error:
        raise typer.BadParameter(str(error)) from error
    except ReplayError as error:
        raise typer.Exit(_failed(error)) from error
    raise typer.Exit(_run(asked, target, Console(quiet=quiet)))


def _run(asked: PollRequest, target: str, console: Console) -> int:
    try:
        with ExitStack() as stack:
            if not asked.dry_run:
                stack.enter_context(only_one(asked.file))
            return poll(asked, target, console)
    except (ReplayError, DatasetError, PetroStreamError, OSError) as error:
        return _failed(error)


def _failed(error: Exception) -> int:
    """Print an error the user can act on; returns the exit code."""
    print_error(f"Error: {error}")
    return 1


def _with_options(
    mapping: Mapping, interval: str | None, batch: int | None, look_back: str | None
) -> Mapping:
    interval_ms, look_back_ms = (
        options.period_ms("--interval", interval),
        options.period_ms("--look-back", look_back),
    )
    if interval_ms is not None:
        mapping = replace(mapping, interval_s=interval_ms / 1000)
    if look_back_ms is not None:
        mapping = replace(mapping, look_back_s=look_back_ms / 1000)
    return mapping if batch is None else replace(mapping, batch=batch)


def _instant(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise OptionInvalid("--since", text, "a time with zone, such as 2026-11-20T00:00:00Z")
    return at.astimezone(UTC)


def _state_file(name: str) -> Path:
    """File in which the polls of that name keep their state, in the folder of the local twin."""
    options.resume_file(name)
    return twin().home / f"cdc-{name}.json"


if __name__ == "__main__":
    commands.run(app)
