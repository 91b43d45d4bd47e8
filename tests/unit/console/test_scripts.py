"""Scripts outside `petrostream …` answer --help and --version as every command does, and do nothing else."""

import os
import runpy
import subprocess
import sys

import pytest

from tests.support.paths import ROOT
from toolchain.commands import version

SCRIPTS = sorted(
    str(path.relative_to(ROOT)) for folder in ("bench", "examples") for path in (ROOT / folder).glob("*.py")
)
COMMANDS = ("-m local.emulator", "bench/scoring.py")
"""What is started as users start it: a process for each script takes longer than all the other commands."""


def check(option, output):
    if option == "--version":
        assert output == f"PetroStream {version()}\n"
    else:
        assert "usage" in output.lower()


@pytest.mark.parametrize("script", SCRIPTS)
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_a_script_says_what_it_is_for_and_which_version(script, option, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PETROSTREAM_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(ROOT)
    monkeypatch.setattr(sys, "argv", [script, option])
    monkeypatch.setattr(sys, "path", [*sys.path])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(script, run_name="__main__")
    assert ended.value.code in (None, 0)
    check(option, capsys.readouterr().out)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_a_command_does_so_in_a_process_of_its_own(command, option, tmp_path):
    done = subprocess.run(
        [sys.executable, *command.split(), option],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PETROSTREAM_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    check(option, done.stdout)
    assert not (tmp_path / "home").exists()
