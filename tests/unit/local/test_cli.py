"""The twin's command line: what a user is told, asked and spared."""

import sys

import pytest
from typer.testing import CliRunner

from local import catalogue, cli, deployment, lifecycle
from toolchain.errors import ToolError


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A twin that is down, with something in its folder."""
    folder = tmp_path / "home [1]"
    monkeypatch.setenv("PETROSTREAM_HOME", str(folder))
    monkeypatch.setenv("PETROSTREAM_PORT", "4599")
    monkeypatch.setattr(lifecycle, "health", lambda _: None)
    (folder / "s3" / "bucket").mkdir(parents=True)
    (folder / "s3" / "bucket" / "object").write_bytes(b"x" * 2_000_000)
    (folder / "emulator.log").write_text("[/red] Traceback\nthe last line\n")
    (folder / "notes.txt").write_text("mine")
    return folder


@pytest.fixture
def run(home):
    runner = CliRunner()

    def invoke(*arguments, **options):
        return runner.invoke(cli.app, list(arguments), **options)

    return invoke


def test_down_keeps_the_data_and_says_where(run, home):
    answer = run("down")
    assert answer.exit_code == 0
    assert "was not running" in answer.output
    assert str(home) in answer.output
    assert (home / "s3" / "bucket" / "object").exists()


def test_a_purge_names_what_it_deletes_and_asks_first(run, home):
    answer = run("down", "--purge")
    assert isinstance(answer.exception, ToolError)
    assert str(home / "s3") in answer.output
    assert "2.0 MB" in answer.output
    assert (home / "s3").exists()


def test_a_purge_that_is_agreed_deletes_the_twins_things_alone(run, home):
    answer = run("down", "--purge", "--yes")
    assert answer.exit_code == 0
    assert not (home / "s3").exists()
    assert [path.name for path in home.iterdir()] == ["notes.txt"]


def test_down_where_nothing_ever_ran_creates_nothing(run, tmp_path, monkeypatch):
    monkeypatch.setenv("PETROSTREAM_HOME", str(tmp_path / "never"))
    assert "Nothing to stop" in run("down").output
    assert not (tmp_path / "never").exists()


def test_status_of_a_twin_that_is_down_says_how_to_start_it(run):
    answer = run("status")
    assert answer.exit_code == 1
    assert "./project_up.sh" in answer.output
    assert "4599" in answer.output


@pytest.mark.parametrize("command", [("deploy",), ("publish-model", "build/models"), ("sql", "SELECT 1")])
def test_commands_that_need_the_twin_say_so(run, command):
    answer = run(*command)
    assert isinstance(answer.exception, ToolError)
    assert "not running on port 4599" in str(answer.exception)


def test_logs_are_printed_as_they_are(run):
    assert run("logs", "-n", "2").output == "[/red] Traceback\nthe last line\n"


def test_the_environment_can_be_taken_over_by_a_shell(run):
    lines = run("env").output.splitlines()
    assert "export AWS_ENDPOINT_URL=http://127.0.0.1:4599" in lines
    assert all(line.startswith("export ") for line in lines)


def test_a_second_up_deploys_nothing(run, monkeypatch):
    monkeypatch.setattr(lifecycle, "start", lambda *_: False)
    monkeypatch.setattr(deployment, "is_current", lambda *_: True)
    monkeypatch.setattr(deployment, "deploy", lambda *_: pytest.fail("deployed"))
    answer = run("up")
    assert answer.exit_code == 0
    assert "already running" in answer.output
    assert "unchanged" in answer.output


def test_up_deploys_what_changed_and_saves_the_state(run, monkeypatch):
    done = []
    monkeypatch.setattr(lifecycle, "start", lambda *_: True)
    monkeypatch.setattr(deployment, "is_current", lambda *_: False)
    monkeypatch.setattr(deployment, "deploy", lambda *_, **__: done.append("deployed"))
    monkeypatch.setattr(lifecycle, "save_state", lambda _: done.append("saved"))
    monkeypatch.setattr(catalogue, "repair", lambda *_: done.append("repaired"))
    monkeypatch.setattr(catalogue, "remember", lambda _: done.append("remembered"))
    assert run("up").exit_code == 0
    assert done == ["repaired", "deployed", "remembered", "saved"]


def test_up_saves_a_repaired_catalogue(run, monkeypatch):
    saved = []
    monkeypatch.setattr(lifecycle, "start", lambda *_: False)
    monkeypatch.setattr(deployment, "is_current", lambda *_: True)
    monkeypatch.setattr(catalogue, "repair", lambda *_: ["scored_readings"])
    monkeypatch.setattr(lifecycle, "save_state", saved.append)
    assert run("up").exit_code == 0
    assert saved


def test_an_error_is_printed_with_its_hint_and_not_traced(home, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["local", "sql", "SELECT 1"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    printed = capsys.readouterr().err
    assert "not running on port 4599" in printed
    assert "Start it with ./project_up.sh" in printed
    assert "Traceback" not in printed
