"""`python -m local status`: where the twin runs, what is deployed, and what became of the readings."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local import deployment
from ops.outcome import ReadingCounts, lines, objects_under_errors, outcome_of_lake
from petrostream.aws.athena import run_sql
from petrostream.aws.clients import client
from petrostream.errors import PetroStreamError
from toolchain.twin import Twin


def facts(target: Twin, process: int) -> dict[str, Any]:
    """What is known of a twin that is up; AWS clients must point at it.

    Args:
        target: the twin.
        process: number of the emulator's process.

    Returns:
        What `status --json` prints, except the readings.
    """
    return {
        "up": True,
        "endpoint": target.endpoint,
        "process": process,
        "home": str(target.home),
        "bytes": size(target.home),
        "log": str(target.log),
        "stacks": deployment.states(target),
    }


def text(known: dict[str, Any]) -> Iterator[str]:
    """The same for people, a line each."""
    yield f"Emulator   up at {known['endpoint']} (process {known['process']})"
    yield f"Data       {known['home']} ({known['bytes'] / 1e6:,.1f} MB)"
    yield f"Log        {known['log']}"
    for name, state in known["stacks"].items():
        yield f"Stack      {name}: {state or 'not deployed'}"


def size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def readings() -> dict[str, int] | None:
    """What became of the readings; None where the lake cannot be queried, as before the first deployment."""
    try:
        objects = objects_under_errors(client("firehose"), client("s3"))
        return asdict(outcome_of_lake(lambda sql: run_sql(sql).dicts(), objects))
    except (BotoCoreError, ClientError, PetroStreamError):
        return None


def readings_text(counts: dict[str, int] | None) -> Iterator[str]:
    """The same for people, a line each, with what lists them."""
    if counts is None:
        yield "Readings   not counted: the lake cannot be queried"
        return
    for line in lines(ReadingCounts(**counts)):
        yield f"Readings   {line}"
