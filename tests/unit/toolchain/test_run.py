"""Other programs: asked, run, logged, and reported when they fail."""

import sys

import pytest

from toolchain.errors import ToolError
from toolchain.run import probe, run_logged, run_quietly

SHELL = {"PATH": "/bin:/usr/bin"}


def test_a_program_that_answers_is_quoted_and_one_that_does_not_is_none(tmp_path):
    assert probe([sys.executable, "-c", "print('3.13')"]) == "3.13\n"
    assert probe(["sh", "-c", "exit 1"]) is None
    assert probe([str(tmp_path / "missing")]) is None
    assert probe(["sleep", "60"], SHELL, seconds=0.05) is None


def test_a_program_that_is_missing_is_named_with_the_hint(tmp_path):
    with pytest.raises(ToolError, match=r"Trying could not be started[\s\S]*install it"):
        run_quietly([str(tmp_path / "missing")], tmp_path, what="Trying", hint="install it")
    with pytest.raises(ToolError, match=r"Trying could not be started[\s\S]*install it"):
        run_logged(
            [str(tmp_path / "missing")], tmp_path, {}, log=tmp_path / "log", what="Trying", hint="install it"
        )


def test_a_log_receives_everything_and_an_error_only_the_end_of_its_own_run(tmp_path):
    log = tmp_path / "log"
    run_logged(["sh", "-c", "echo first"], tmp_path, SHELL, log=log, what="x", hint="")
    script = "for i in $(seq 40); do echo line $i; done; echo why >&2; exit 3"
    with pytest.raises(ToolError) as caught:
        run_logged(["sh", "-c", script], tmp_path, SHELL, log=log, what="Applying", hint="again")
    message = str(caught.value)
    assert message.startswith("Applying failed (exit code 3):\nline 17\n")
    assert message.endswith("why\nagain")
    assert log.read_text().splitlines() == ["first", *(f"line {n}" for n in range(1, 41)), "why"]


def test_a_logged_program_that_does_not_end_is_stopped(tmp_path):
    with pytest.raises(ToolError, match="x took longer than 0 s and was stopped"):
        run_logged(["sleep", "60"], tmp_path, SHELL, log=tmp_path / "log", what="x", hint="", seconds=0.05)
