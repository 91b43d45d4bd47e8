"""One version, and every command that knows it."""

import json
import os
import re
import subprocess
import sys
import tomllib

import pytest
import typer

from tests.support.paths import ROOT
from toolchain import commands

VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

FOLDERS = ("batch", "console", "cost", "deploy", "local", "ml", "ops", "producer", "toolchain", "tools")

COMMANDS = [
    *(
        ["-m", name]
        for name in (
            "console",
            "local",
            "local.demo",
            "deploy",
            "deploy.terraform_state",
            "cost",
            "ops",
            "batch",
        )
    ),
    *(["-m", f"ml.{name}"] for name in ("train", "commission", "benchmark", "streaming_eval")),
    *(["-m", f"ml.{name}"] for name in ("simulate", "download", "registry")),
    ["producer/replay.py"],
    ["-m", "toolchain.package"],
    *(["-m", f"tools.{name}"] for name in ("sql_lint", "sql_render", "lint_workflows", "check_docs")),
    *(["-m", f"tools.{name}"] for name in ("check_structure", "lake_snapshot")),
]


IN_TURN = """
import contextlib, io, json, runpy, sys

answers = {}
for *module, name in json.loads(sys.argv[1]):
    said, sys.argv = io.StringIO(), [name, "--version"]
    try:
        with contextlib.redirect_stdout(said):
            (runpy.run_module if module else runpy.run_path)(name, run_name="__main__")
    except SystemExit as ended:
        answers[name] = [ended.code or 0, said.getvalue()]
print(json.dumps(answers))
"""
"""Runs commands one after the other: what they import, which takes longest, is imported once."""


def started(*words):
    done = subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def answers():
    """Exit code and output of each command, asked for its version."""
    return json.loads(started("-c", IN_TURN, json.dumps(COMMANDS)))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[-1])
def test_every_command_prints_the_version_of_the_project(answers, command):
    assert answers[command[-1]] == [0, f"PetroStream {VERSION}\n"]


@pytest.mark.parametrize("command", [COMMANDS[0], ["producer/replay.py"]], ids=lambda words: words[-1])
def test_a_command_does_so_in_a_process_of_its_own(command):
    assert started(*command, "--version") == f"PetroStream {VERSION}\n"


@pytest.mark.parametrize("script", ["project_up.sh", "project_down.sh"])
def test_a_switch_prints_the_version_without_an_environment(script):
    done = subprocess.run(["bash", ROOT / script, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"PetroStream {VERSION}\n"


def run(program, monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["program", *arguments])
    with pytest.raises(SystemExit) as ended:
        commands.run(program)
    return ended.value.code


def test_the_result_of_a_command_is_its_exit_code(monkeypatch):
    def check(number: int) -> int:
        return number

    assert run(check, monkeypatch, "0") == 0
    assert run(check, monkeypatch, "3") == 3
    assert run(check, monkeypatch, "many") == 2


def test_an_application_keeps_its_commands(monkeypatch, capsys):
    application = typer.Typer()
    application.command("one")(lambda: typer.echo("first"))
    application.command("two")(lambda: typer.echo("second"))
    assert run(application, monkeypatch, "two") == 0
    assert capsys.readouterr().out == "second\n"


def test_no_command_runs_without_the_version():
    entry = re.compile(r"^ +(app\(\)|typer\.run\(.*)$", re.M)
    sources = [path for path in ROOT.glob("*/**/*.py") if path.relative_to(ROOT).parts[0] in FOLDERS]
    assert sources
    assert [path.name for path in sources if entry.search(path.read_text())] == []
