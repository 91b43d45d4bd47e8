"""The local twin's life: where it is, who may touch it, and what is said when it cannot start."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
from collections import namedtuple
from pathlib import Path

import pytest

from deploy.names import STACKS
from local import deployment, lifecycle
from local.emulator import HEALTH, SAVE, code_digest, wrap
from toolchain import node as toolchain
from toolchain import sources
from toolchain import twin as env
from toolchain.errors import ToolError


@pytest.fixture
def twin(tmp_path):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return env.Twin(port=port, home=tmp_path / "home")


@pytest.fixture
def listener(twin):
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", twin.port))
        server.listen()
        yield server


def failing(code):
    """Stands for the emulator: prints, then ends with an error."""
    popen = subprocess.Popen

    def start(_command, **options):
        script = f"import sys; print('address family not supported'); sys.exit({code})"
        return popen([sys.executable, "-c", script], **options)

    return start


def test_clients_are_pointed_at_the_twin_and_at_no_account(twin):
    environment = {
        "AWS_PROFILE": "production",
        "AWS_SESSION_TOKEN": "secret",
        "AWS_ENDPOINT_URL_S3": "https://elsewhere",
        "NO_PROXY": "example.com",
        "PATH": "/bin",
    }
    env.point_at_twin(environment, twin)
    assert environment["AWS_ENDPOINT_URL"] == f"http://127.0.0.1:{twin.port}"
    assert environment["AWS_ACCESS_KEY_ID"] == "test"
    assert environment["PATH"] == "/bin"
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3"} & set(environment)
    assert environment["NO_PROXY"] == environment["no_proxy"] == "example.com,127.0.0.1,localhost"


@pytest.mark.parametrize("text", ["", "abc", "80", "70000", "4566.0"])
def test_a_port_that_is_none_is_named(monkeypatch, text):
    monkeypatch.setenv("PETROSTREAM_PORT", text)
    with pytest.raises(ToolError, match="PETROSTREAM_PORT"):
        env.twin()


def test_port_and_folder_come_from_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("PETROSTREAM_PORT", "4600")
    monkeypatch.setenv("PETROSTREAM_HOME", str(tmp_path))
    target = env.twin()
    assert (target.port, target.home) == (4600, tmp_path.resolve())
    assert target.outputs.parent == target.home


def test_a_port_in_use_names_the_program(twin, listener, monkeypatch):
    monkeypatch.setattr(lifecycle, "HEALTH_SECONDS", 0.1)
    with pytest.raises(ToolError) as caught:
        lifecycle.start(twin)
    message = str(caught.value)
    assert f"Port {twin.port} is in use by" in message
    assert f"PETROSTREAM_PORT={twin.port + 1}" in message
    if Path("/proc/net/tcp").exists() or shutil.which("lsof"):
        assert f"process {os.getpid()}" in message


def test_a_full_disk_is_said_before_anything_starts(twin, monkeypatch):
    usage = namedtuple("usage", "total used free")(10, 9, 500_000_000)
    monkeypatch.setattr(lifecycle.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ToolError, match=r"Only 0\.5 GB is free .* needs 2 GB"):
        lifecycle.start(twin)


def test_an_emulator_that_dies_shows_the_end_of_its_log(twin, monkeypatch):
    monkeypatch.setattr(lifecycle.subprocess, "Popen", failing(3))
    with pytest.raises(ToolError) as caught:
        lifecycle.start(twin)
    assert "exit code 3" in str(caught.value)
    assert "address family not supported" in str(caught.value)
    assert not twin.pid_file.exists()


def test_a_stale_pid_file_neither_stops_a_stranger_nor_a_start(twin, monkeypatch):
    twin.home.mkdir()
    stranger = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        twin.pid_file.write_text(f"{stranger.pid}\n")
        assert lifecycle.stop(twin) is False
        twin.pid_file.write_text(f"{stranger.pid}\n")
        monkeypatch.setattr(lifecycle.subprocess, "Popen", failing(1))
        with pytest.raises(ToolError, match="exit code 1"):
            lifecycle.start(twin)
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_pid_file_with_rubbish_is_no_process(twin):
    twin.home.mkdir()
    twin.pid_file.write_text("not a number")
    assert lifecycle.recorded_pid(twin) is None
    assert lifecycle.stop(twin) is False


def test_a_purge_of_a_shared_folder_leaves_what_is_not_the_twins(twin):
    for path in (twin.objects, twin.state, twin.home / "letters"):
        path.mkdir(parents=True)
    for path in (twin.log, twin.outputs, twin.catalogue, twin.home / "notes.txt"):
        path.write_text("x")
    assert set(twin.contents) == {twin.objects, twin.state, twin.log, twin.outputs, twin.catalogue}


def test_the_second_command_waits_for_the_first_and_says_so(twin):
    order = []
    waiting = threading.Event()

    def second():
        with lifecycle.exclusive(twin, waiting.set):
            order.append("second")

    with lifecycle.exclusive(twin, lambda: order.append("never")):
        thread = threading.Thread(target=second)
        thread.start()
        assert waiting.wait(10)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def ask(application, path, method="GET"):
    """The status and body an ASGI application answers."""
    sent = []

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": path, "method": method}
    asyncio.run(application(scope, None, send))
    return sent


def test_the_twin_answers_for_itself_and_passes_everything_else_on(twin):
    passed, saved = [], []

    async def emulator(scope, _receive, _send):
        passed.append(scope["path"])

    application = wrap(emulator, twin, lambda: saved.append(True))
    start, body = ask(application, HEALTH)
    assert start["status"] == 200
    answer = json.loads(body["body"])
    assert (answer["home"], answer["code"]) == (str(twin.home), code_digest())
    ask(application, SAVE)
    assert (passed, saved) == ([SAVE], [])
    ask(application, SAVE, "POST")
    assert saved == [True]
    ask(application, "/bucket/key")
    assert passed[-1] == "/bucket/key"


def test_an_emulator_that_runs_older_code_is_stopped_first(twin, monkeypatch):
    answers = iter([{"home": str(twin.home), "pid": 1, "code": "older"}, None, None])
    stopped = []
    monkeypatch.setattr(lifecycle, "health", lambda _: next(answers, None))
    monkeypatch.setattr(lifecycle, "stop", lambda *_: stopped.append(True))
    monkeypatch.setattr(lifecycle.subprocess, "Popen", failing(4))
    with pytest.raises(ToolError, match="exit code 4"):
        lifecycle.start(twin)
    assert stopped == [True]
    current = {"home": str(twin.home), "pid": 1, "code": code_digest()}
    monkeypatch.setattr(lifecycle, "health", lambda _: current)
    assert lifecycle.start(twin) is False
    elsewhere = {"home": "/other/clone", "pid": 7}
    monkeypatch.setattr(lifecycle, "health", lambda _: elsewhere)
    with pytest.raises(ToolError, match=r"twin of another folder: /other/clone \(process 7\)"):
        lifecycle.start(twin)


def test_nothing_answers_where_nothing_runs(twin):
    assert lifecycle.health(twin) is None
    assert not lifecycle.is_running(twin)


def test_an_output_that_is_not_there_says_what_to_do(twin):
    with pytest.raises(ToolError, match="Nothing is deployed"):
        deployment.output(twin, "ArtifactsBucket")
    twin.home.mkdir()
    twin.outputs.write_text(json.dumps({"Lake": {"RawBucket": "raw"}}))
    assert deployment.output(twin, "RawBucket") == "raw"
    with pytest.raises(ToolError, match="no output 'Wrong'"):
        deployment.output(twin, "Wrong")


def test_a_deployment_is_current_only_when_all_agrees(twin, monkeypatch):
    states = dict.fromkeys(STACKS, "CREATE_COMPLETE")
    monkeypatch.setattr(deployment, "stack_states", lambda: states)
    monkeypatch.setattr(deployment, "fingerprint", lambda _: "one")
    twin.home.mkdir()
    assert not deployment.is_current(twin)
    twin.outputs.write_text("{}")
    record = {"iac": "cdk", "fingerprint": "one", "endpoint": twin.endpoint}
    twin.deployed.write_text(json.dumps(record))  # a deployment that did not reach its end
    assert not deployment.is_current(twin)
    twin.deployed.write_text(json.dumps(record | {"complete": True}))
    assert deployment.is_current(twin)
    states[STACKS[0]] = None
    assert not deployment.is_current(twin)
    states[STACKS[0]] = "UPDATE_COMPLETE"
    monkeypatch.setattr(deployment, "fingerprint", lambda _: "two")
    assert not deployment.is_current(twin)


def test_the_fingerprint_follows_the_sources(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    monkeypatch.setattr(deployment, "_SOURCES", ("lambdas", "settings.json"))
    (tmp_path / "settings.json").write_text("{}")
    (tmp_path / "lambdas" / "__pycache__").mkdir(parents=True)
    handler = tmp_path / "lambdas" / "handler.py"
    handler.write_text("one")
    before = deployment.fingerprint()
    (tmp_path / "lambdas" / "__pycache__" / "handler.pyc").write_text("x")
    assert deployment.fingerprint() == before
    handler.write_text("two")
    assert deployment.fingerprint() != before


def executable(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_an_old_node_is_passed_over_and_a_new_one_taken(tmp_path, monkeypatch):
    executable(tmp_path / "npm", "true")
    node = executable(tmp_path / "node", "echo v18.20.0")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert toolchain._node_on_path() is None
    executable(node, "echo v22.1.0")
    found = toolchain._node_on_path()
    assert found is not None
    assert found.environment({"PATH": "/bin"})["PATH"].split(os.pathsep) == [str(tmp_path), "/bin"]


def test_an_interrupted_download_says_why_and_what_next(tmp_path, monkeypatch):
    npm = executable(tmp_path / "npm", "echo 'network timeout' >&2; exit 7")
    monkeypatch.setattr(toolchain, "CDK", tmp_path)
    monkeypatch.setattr(toolchain, "_CLI", tmp_path / "missing")
    node = toolchain.Node(executable(tmp_path / "node", "exit 1"), (str(npm),))
    with pytest.raises(ToolError) as caught:
        toolchain.cdk_command(node, dict(os.environ), lambda _: None)
    assert "exit code 7" in str(caught.value)
    assert "network timeout" in str(caught.value)
    assert "Check the network" in str(caught.value)


def test_a_broken_installation_is_fetched_again(tmp_path, monkeypatch):
    cli = tmp_path / "node_modules" / "aws-cdk" / "bin" / "cdk"
    monkeypatch.setattr(toolchain, "CDK", tmp_path)
    monkeypatch.setattr(toolchain, "_CLI", cli)
    (tmp_path / "package-lock.json").write_text("{}")
    executable(cli, "exit 1")
    (tmp_path / "node_modules" / ".package-lock.json").write_text("{}")
    npm = executable(tmp_path / "npm", f"printf '#!/bin/sh\\nexit 0\\n' > '{cli}'")
    node = toolchain.Node(executable(tmp_path / "node", 'exec "$@"'), (str(npm),))
    said = []
    command = toolchain.cdk_command(node, dict(os.environ), said.append)
    assert command == [str(tmp_path / "node"), str(cli)]
    assert len(said) == 1


def test_an_installation_is_started_once_to_see_whether_it_does(tmp_path, monkeypatch):
    cli = tmp_path / "node_modules" / "aws-cdk" / "bin" / "cdk"
    monkeypatch.setattr(toolchain, "CDK", tmp_path)
    monkeypatch.setattr(toolchain, "_CLI", cli)
    (tmp_path / "package-lock.json").write_text("{}")
    executable(cli, f"echo started >> '{tmp_path}/starts'")
    (tmp_path / "node_modules" / ".package-lock.json").write_text("{}")
    node = toolchain.Node(executable(tmp_path / "node", 'exec "$@"'), ("npm",))

    def starts():
        toolchain.cdk_command(node, dict(os.environ), lambda _: None)
        return len((tmp_path / "starts").read_text().splitlines())

    assert [starts(), starts()] == [1, 1]
    os.utime(cli, (1, 1))  # another version has taken its place
    assert [starts(), starts()] == [2, 2]
