"""Write what a running local lake holds, so that two versions of the code can be compared byte for byte.

    python -m tools.lake_snapshot build/before

Each view becomes a file of JSON lines, ordered by identity, without the columns that differ from run to run
(sequence numbers and processing times). Replay the same data with `--clock original` and the same published
model into an empty lake at each version, take a snapshot of each, and compare the folders with `diff -r`.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated

import typer

from local.sql import query
from toolchain import commands

VIEWS = {
    "well_data": ("event_id",),
    "facility_data": ("event_id",),
    "alarm_history": ("transition_id",),
    "quarantine_lines": ("raw_sha256", "line"),
}
"""Views by name, and the columns that order their rows; `well_minutes` follows from `well_data`."""

OF_THE_RUN = frozenset(
    {"kinesis_sequence", "scored_at", "joined_at", "recorded_at", "quarantined_at", "quarantine_id", "date"}
)
"""Columns that differ from run to run; the `date` of `quarantine_lines` is the date of arrival."""


def main(folder: Annotated[Path, typer.Argument(help="Where the files go; created.")]) -> None:
    """Write each view of the running local lake as ordered JSON lines, and print rows and digests."""
    folder.mkdir(parents=True, exist_ok=True)
    for view, identity in VIEWS.items():
        found = query(f"SELECT * FROM {view} ORDER BY {', '.join(identity)}")  # noqa: S608 - names of this file
        chosen = [at for at, name in enumerate(found.columns) if name not in OF_THE_RUN]
        lines = [
            json.dumps({found.columns[at]: row[at] for at in chosen}, default=str, sort_keys=True)
            for row in found.rows
        ]
        content = "".join(f"{line}\n" for line in lines).encode()
        (folder / f"{view}.jsonl").write_bytes(content)
        print(f"{view:18} {len(lines):9,} rows  sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    commands.run(main)
