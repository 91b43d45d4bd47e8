"""The one entry for all commands: quick help, every command there, and the same exit codes everywhere."""

import os
import subprocess
import sys
import tomllib

import pytest

from console.cli import main
from console.entries import ENTRIES
from local import lifecycle
from tests.support.paths import ROOT

RUN = "import sys; sys.argv[0] = 'petrostream'; from console.cli import main; main()"


def petrostream(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-c", RUN, *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_script_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["scripts"] == {"petrostream": "console.cli:main"}


def test_help_lists_every_command_and_imports_none_of_them():
    code = f"{RUN.replace('main()', '')}\ntry: main()\nexcept SystemExit: print(sorted(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code, "--help"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    )
    shown, _, modules = done.stdout.rpartition("\n[")
    assert [name for name in ENTRIES if f" {name} " not in shown] == []
    assert [name for name in ("boto3", "numpy", "local.cli", "ml.train") if f"'{name}'" in modules] == []


def run(monkeypatch, *arguments):
    """Run it in this process; returns the exit code."""
    monkeypatch.setattr(sys, "argv", ["petrostream", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.mark.parametrize("name", ENTRIES)
def test_every_command_loads_and_has_help(name, monkeypatch, capsys):
    assert run(monkeypatch, name, "--help") == 0
    assert f" {name} [OPTIONS]" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--version"], 0),
        (["no-such-command"], 2),
        (["status", "--no-such-option"], 2),
        (["sql"], 2),
        (["up", "--iac", "pulumi"], 2),
        (["replay", "--data", "nowhere", "--wells", ""], 2),
        (["replay", "--data", "nowhere"], 1),
        (["demo", "--data", "nowhere"], 1),
        (["train", "--data", "nowhere", "--out", "build/none"], 1),
        (["evaluate", "--data", "nowhere"], 1),
        (["status"], 1),
        (["sql", "SELECT 1"], 1),
        (["cost", "--hz", "many"], 2),
        (["cost", "--settings", "nowhere.json"], 1),
    ],
)
def test_the_same_error_has_the_same_exit_code_in_every_command(arguments, code, tmp_path, monkeypatch):
    monkeypatch.setenv("PETROSTREAM_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PETROSTREAM_PORT", "4599")
    assert run(monkeypatch, *arguments) == code


@pytest.mark.parametrize("arguments", [["status"], ["replay", "--data", "x"]])
def test_an_unusable_port_is_explained_by_every_command(arguments, monkeypatch, capsys):
    monkeypatch.setenv("PETROSTREAM_PORT", "none")
    assert run(monkeypatch, *arguments) == 1
    assert "PETROSTREAM_PORT is 'none'" in capsys.readouterr().err


def test_an_interrupt_ends_with_130(monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(lifecycle, "health", interrupted)
    assert run(monkeypatch, "status") == 130


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("petrostream pub", "publish-model"),
        ("petrostream live --wa", "--watch"),
        ("petrostream local st", "status"),
    ],
)
def test_the_shell_can_complete_commands_and_options(words, expected):
    count = str(len(words.split()) - 1)
    done = petrostream(_PETROSTREAM_COMPLETE="complete_bash", COMP_WORDS=words, COMP_CWORD=count)
    assert expected in done.stdout.split(), done.stderr
