"""The whole lake in one run: up, data, train, publish, replay at full speed, wait until landed, report."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from local import service as scoring_service
from local.demo import facility as demo_facility
from local.demo import report as demo_report
from local.demo.queries import SqlRow
from local.sql import query
from ops.outcome import objects_under_errors
from petrostream.aws.clients import client
from toolchain import commands
from toolchain.errors import ToolError
from toolchain.paths import ROOT
from toolchain.twin import point_at_twin, subprocess_environment, twin

SIMULATED = Path("data/simulated")
MODELS = Path("build/models")
REPLAY_REPORT = Path("build/demo-replay.json")
REPORT = Path("build/demo.json")

WIDTH = 110


class Consumer(StrEnum):
    """What scores the stream."""

    function = "function"
    service = "service"


console = Console(width=None if sys.stdout.isatty() else WIDTH, highlight=False)


def main(
    data: Annotated[
        Path | None, typer.Option(help="Folder in the 3W layout. Default: simulated instances.")
    ] = None,
    facility: Annotated[bool, typer.Option(help="Simulate gas detectors at the wells, and tanks.")] = True,
    seed: Annotated[int, typer.Option(help="Seed of that simulation.")] = 7,
    consumer: Annotated[Consumer, typer.Option(help="What scores: the function, or the service.")] = (
        Consumer.function
    ),
) -> None:
    """Run the lake end to end on this machine and report what happened."""
    started = time.monotonic()
    os.chdir(ROOT)
    if data is not None and not data.is_dir():
        problem = "is a file, not a folder" if data.exists() else "is no folder"
        raise ToolError(f"{data} {problem}.", "DATA names a folder in the 3W layout: DATA/2/*.parquet")
    _step("1/6  Switch the lake on", "-m", "local", "up")
    folder = _instances(data)
    _step("3/6  Train the detector", "-m", "ml.train", "--data", str(folder), "--out", str(MODELS))
    _step("4/6  Publish the model", "-m", "local", "publish-model", str(MODELS))
    since = datetime.now(UTC)
    replay = ["producer/replay.py", "--data", str(folder), "--speed", "max", "--report", str(REPLAY_REPORT)]
    if facility:
        replay += ["--with-facility", "--seed", str(seed)]
    with _scoring_by(consumer):
        _step("5/6  Replay at full speed", *replay)
        report = _land(since, started)
    REPORT.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    demo_report.show(report, console)
    if facility:
        demo_facility.show(report["facility"], console)
    console.print(f"The same figures are in {REPORT}. The lake is still on. Next:", soft_wrap=True)
    console.print("  make dashboard    # the fleet in the browser: http://127.0.0.1:8501")
    console.print("  .venv/bin/python -m local live")
    console.print(
        '  make sql Q="SELECT ts, well_id, priority, sentence FROM alarm_history ORDER BY ts"', soft_wrap=True
    )
    console.print('  make sql Q="SELECT * FROM well_data WHERE anomaly_flag = 1"', soft_wrap=True)
    console.print("  ./project_down.sh")
    whole = report["sent"] == report["landed"] + report["quarantined"] and not report["duplicates"]
    if not whole or (facility and not demo_facility.holds(report["facility"])):
        raise typer.Exit(1)


@contextmanager
def _scoring_by(consumer: Consumer) -> Iterator[None]:
    """Let the service score, where it was chosen; the function does so by itself."""
    if consumer is Consumer.function:
        yield
        return
    point_at_twin()
    with scoring_service.instead_of_the_function(), scoring_service.started(twin()):
        yield


def _instances(data: Path | None) -> Path:
    """Where the instances are: the folder given, or simulated ones, made once: a seed makes them the same."""
    if data is None and not any(SIMULATED.glob("*/*.parquet")):
        _step("2/6  Simulate instances", "-m", "ml.simulate", "--out", str(SIMULATED))
        return SIMULATED
    console.rule("[bold]2/6  Take instances that are there", align="left")
    console.print(f"Instances of {data or SIMULATED}.", markup=False, soft_wrap=True)
    return data or SIMULATED


def _land(since: datetime, started: float) -> demo_report.Report:
    console.rule("[bold]6/6  Wait until everything has landed", align="left")
    replay = json.loads(REPLAY_REPORT.read_text(encoding="utf-8"))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("in the lake", total=replay["readings"])
        landed = demo_report.wait_until_landed(
            lambda: demo_report.read_landed(_ask, since),
            replay["readings"],
            lambda done: bar.update(task, completed=done),
        )
        facility = None
        if "facility" in replay:
            task = bar.add_task("with their tanks", total=landed.landed)
            pairing = demo_facility.wait_until_joined(
                lambda: demo_facility.read_pairing(_ask, since),
                landed.landed,
                lambda done: bar.update(task, completed=done),
            )
            alerts = demo_facility.read_alerts(_ask, since, replay["facility"]["raised"])
            facility = demo_facility.summary(pairing, alerts, replay["facility"])
    report = demo_report.summary(landed, replay, time.monotonic() - started, _undelivered())
    return report if facility is None else {**report, "facility": facility}


def _undelivered() -> int:
    point_at_twin()
    return objects_under_errors(client("firehose"), client("s3"))


def _ask(sql: str) -> list[SqlRow]:
    return query(sql).dicts()


def _step(title: str, *arguments: str) -> None:
    """Run one of the commands a user would run, and stop the demo if it fails."""
    console.rule(f"[bold]{title}", align="left")
    shown = [f'"{word}"' if " " in word else word for word in arguments]
    console.print("[dim]$ python " + " ".join(shown), soft_wrap=True)
    command = [sys.executable, *arguments]
    # Of a pipe, no width is known: 80 columns would fold the steps' tables.
    environment = subprocess_environment() | ({} if sys.stdout.isatty() else {"COLUMNS": str(WIDTH)})
    done = subprocess.run(command, env=environment, check=False)  # noqa: S603
    if done.returncode:
        console.print(
            f"[red]That step failed (exit code {done.returncode}); the demo stops here.[/]", soft_wrap=True
        )
        raise typer.Exit(done.returncode)


if __name__ == "__main__":
    commands.run(main)
