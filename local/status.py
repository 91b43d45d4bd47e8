"""`python -m local status`: where the twin runs, what is deployed, and what became of the readings."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from local import deployment
from ops.outcome import ReadingCounts, lines, objects_under_errors, outcome_of_lake
from petrostream.aws.athena import run_sql
from petrostream.aws.clients import client
from petrostream.errors import PetroStreamError
from petrostream.names import shown
from toolchain.paths import ROOT
from toolchain.twin import Twin

UNITS_NAMED = 10
"""How many gauges in another unit `status` names."""


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


def wrong_units() -> list[dict[str, Any]]:
    """Gauges that apparently send in another unit, as `sql/queries/wrong_units.sql` has them."""
    try:
        rows = run_sql((ROOT / "sql/queries/wrong_units.sql").read_text(encoding="utf-8")).dicts()
    except (BotoCoreError, ClientError, PetroStreamError):
        return []
    return [
        row | {at: f"{str(row[at])[:19]}Z".replace(" ", "T") for at in ("first_ts", "last_ts")}
        for row in rows
    ]


def wrong_units_text(rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The same for people, a line each, with the key of the fleet file to set."""
    for row in rows[:UNITS_NAMED]:
        well, gauge = shown(str(row["well_id"])), row["gauge"]
        seen = f"{row['likely_unit']} in {row['readings']:,} readings, last at {row['last_ts']}"
        key = f"wells.{well}.units.{gauge}"
        yield f"Units      {well}: {gauge} looks like {seen}; set {key} in the producer's fleet file"
    if len(rows) > UNITS_NAMED:
        more = "python -m local sql --file sql/queries/wrong_units.sql"
        yield f"Units      and {len(rows) - UNITS_NAMED} more gauges   {more}"


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
