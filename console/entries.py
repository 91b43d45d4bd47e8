"""The commands of `petrostream`: where each one is, and what it is for. Each is imported when it is used."""

import importlib
from dataclasses import dataclass
from typing import Any

import typer

from toolchain import commands

ON_AWS = "On AWS"
DATA = "Data and models"
LOCAL = "The local lake"


@dataclass(frozen=True, slots=True)
class Entry:
    """A command, or a group of commands.

    Attributes:
        module: the module that has it.
        program: its name there: a Typer application, or a function that is one command.
        help: what it is for.
        panel: heading of the help text it is listed under.
        part: the one command of the application that is meant; "" for all of it.
    """

    module: str
    program: str
    help: str
    panel: str
    part: str = ""

    def load(self) -> Any:  # noqa: ANN401 - Typer's own class of commands is not public
        """Import the module and return the command."""
        found: Any = typer.main.get_command(
            commands.application(getattr(importlib.import_module(self.module), self.program))
        )
        return found.commands[self.part] if self.part else found


def _local(part: str, text: str) -> Entry:
    return Entry("local.cli", "app", text, LOCAL, part)


ENTRIES: dict[str, Entry] = {
    "up": _local("up", "Start the lake on this machine, and deploy what changed."),
    "down": _local("down", "Stop it. Its data stays, unless --purge says otherwise."),
    "status": _local("status", "Print whether it runs, where, and what is deployed."),
    "live": _local("live", "Show each well's latest status and most urgent alarm."),
    "dashboard": Entry("ops.dashboard", "app", "Show the fleet in the browser, here or with --aws.", LOCAL),
    "sql": _local("sql", "Run Athena SQL, on this machine or with --aws, and print a table or CSV."),
    "drift": Entry("local.drift", "main", "Show how far wells have moved from their baselines.", LOCAL),
    "service": _local("service", "Score with the service in place of the function; serves the HTTP API."),
    "logs": _local("logs", "Print the end of its log."),
    "env": _local("env", "Print the variables that point AWS clients at it."),
    "resend": _local("resend", "Send readings that arrived, but are in no table, to the stream again."),
    "publish-model": _local("publish-model", "Publish trained models to it and make them live."),
    "local": Entry("local.cli", "app", "All commands of the lake on this machine.", LOCAL),
    "demo": Entry("local.demo.__main__", "main", "Run the lake end to end and say what happened.", LOCAL),
    "replay": Entry("producer.replay", "app", "Replay 3W instances into the ingest stream.", DATA),
    "cdc": Entry("producer.cdc.cli", "app", "Poll a table of a historian into the ingest stream.", DATA),
    "simulate": Entry("ml.simulate", "app", "Simulate instances in the 3W layout.", DATA),
    "download": Entry("ml.download", "app", "Download the real 3W dataset.", DATA),
    "train": Entry("ml.train", "app", "Train the detector.", DATA),
    "commission": Entry("ml.commission", "app", "Make a baseline of a well from the lake.", DATA),
    "models": Entry("ml.registry.__main__", "app", "List, publish and roll back models.", DATA),
    "batch": Entry("batch.__main__", "app", "Jobs over stored data: gold, backfill, folders.", DATA),
    "benchmark": Entry("ml.benchmark", "app", "Run the published 3W benchmark.", DATA),
    "evaluate": Entry("ml.streaming_eval", "app", "Evaluate alarms second by second.", DATA),
    "perturb": Entry("ml.perturbation", "app", "Evaluate alarms in ordinary life.", DATA),
    "deploy": Entry("deploy.cli", "app", "Deploy, test, roll back and remove the lake.", ON_AWS),
    "alarms": Entry("ops.alarms", "app", "List alarms; acknowledge, shelve, comment on them.", LOCAL),
    "redrive": Entry("ops.__main__", "app", "Bring back batches that scoring gave up on.", ON_AWS, "redrive"),
    "redeliver": Entry(
        "ops.__main__", "app", "Send again what Firehoses could not deliver.", ON_AWS, "redeliver"
    ),
    "scale": Entry("scale.__main__", "main", "Model a thousand to a million readings a second.", ON_AWS),
    "cost": Entry("cost.__main__", "main", "Estimate a month, line by line.", ON_AWS),
    "package": Entry("toolchain.package", "main", "Build the function packages.", ON_AWS),
}
