"""Where a deployment reports: on the terminal, or in a log with the steps alone on the terminal."""

import pytest

from deploy.gaps import left_out
from deploy.output import Output
from toolchain.errors import ToolError

SHELL = {"PATH": "/bin:/usr/bin"}


def test_a_quiet_run_names_its_steps_and_logs_the_rest(tmp_path):
    said = []
    output = Output(said.append, tmp_path / "deploy.log")
    output.left_out("views")
    output.run(["sh", "-c", "echo created"], tmp_path, SHELL, what="terraform apply", hint="")
    assert said == ["Running terraform apply …"]
    assert (tmp_path / "deploy.log").read_text() == f"{left_out('views')}\ncreated\n"


def test_a_quiet_run_that_fails_says_where_all_of_it_is(tmp_path):
    output = Output(lambda _: None, tmp_path / "deploy.log")
    with pytest.raises(ToolError, match="no such bucket") as caught:
        output.run(["sh", "-c", "echo no such bucket; exit 1"], tmp_path, SHELL, what="x", hint="Again.")
    assert caught.value.hint == f"Again. The whole output is in {tmp_path / 'deploy.log'}."


def test_a_skipped_step_is_named_on_the_terminal(tmp_path, capfd):
    said = []
    output = Output(said.append)
    output.left_out("views")
    output.run(["sh", "-c", "echo created"], tmp_path, SHELL, what="x", hint="")
    assert said == [left_out("views")]
    assert capfd.readouterr().out == "created\n"
