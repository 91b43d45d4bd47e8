"""Outside the project's environment: advice instead of a traceback."""

import subprocess
import sys

import pytest

from tests.support.paths import ROOT
from toolchain import environment


@pytest.mark.parametrize("command", ["producer/replay.py", "-m local", "-m deploy", "-m console"])
def test_an_interpreter_without_the_packages_says_which_one_has_them(command):
    done = subprocess.run(
        [sys.executable, "-S", "-E", *command.split(), "--help"],  # -S: without the environment's packages
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "lacks typer" in done.stderr
    assert f".venv/bin/python {command} …" in done.stderr


@pytest.mark.parametrize("there", [True, False])
def test_an_environment_that_was_never_made_is_made_first(there, tmp_path, monkeypatch):
    if there:
        (tmp_path / ".venv" / "bin").mkdir(parents=True)
        (tmp_path / ".venv" / "bin" / "python").touch()
    monkeypatch.setattr(environment, "_ROOT", tmp_path)
    assert ("make setup" in environment.advice("typer", "-m local")) is not there
