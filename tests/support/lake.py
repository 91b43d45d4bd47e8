"""A local lake of the tests' own: another port, another folder, the commands a user would type.

CONSUMER=service runs the same tests with the service as the stream's consumer, in place of the function.
"""

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from local import service
from local.deployment import IAC_VARIABLE
from petrostream.aws.athena import run_sql
from tests.support.paths import ROOT
from toolchain.twin import Twin, subprocess_environment

STEP_SECONDS = 900.0
# E2E_IAC=terraform runs the same tests on the lake as Terraform deploys it.
IAC = os.environ.get("E2E_IAC", "cdk")
CONSUMERS = ("function", "service")
CONSUMER = os.environ.get("CONSUMER") or "function"
if CONSUMER not in CONSUMERS:
    raise ValueError(f"CONSUMER is {CONSUMER!r}: set it to one of {', '.join(CONSUMERS)}")


def of_the_function(reason: str) -> pytest.MarkDecorator:
    """Marks tests that concern the function alone."""
    return pytest.mark.skipif(CONSUMER != "function", reason=f"CONSUMER={CONSUMER}: {reason}")


def free_port() -> int:
    """A free port of the loopback address.

    Below those that systems give to clients: until a server has it, one of thousands of calls could take it.
    """
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass(frozen=True)
class Lake:
    """A lake and the environment in which commands find it.

    Attributes:
        twin: where it runs.
        environment: variables of every command.
        consumer: what scores the stream, function or service.
        tasks: processes of the service, of which this lake has one while the service scores.
    """

    twin: Twin
    environment: dict[str, str]
    consumer: str = CONSUMER
    tasks: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @classmethod
    def at(cls, home: Path, like: Path | None = None) -> "Lake":
        """A lake that is not switched on yet.

        Args:
            home: its folder.
            like: the folder of a deployed lake that is switched off, to begin with a copy of it.
        """
        target = Twin(port=free_port(), home=home.resolve())
        if like is not None:
            _copy_lake(like, target)
        base = os.environ | {"PETROSTREAM_PORT": str(target.port), "PETROSTREAM_HOME": str(target.home)}
        base[IAC_VARIABLE] = IAC
        return cls(target, subprocess_environment(target, base))

    @contextmanager
    def on(self, *options: str) -> Iterator["Lake"]:
        """Switch it on, with this process among its clients; purge it at the end.

        Args:
            options: of `python -m local up`. With --no-deploy nothing is there to score with.
        """
        before = dict(os.environ)
        os.environ.clear()
        os.environ.update(self.environment)
        try:
            self.run("-m", "local", "up", *options)
            with ExitStack() as stack:
                if self.consumer == "service" and "--no-deploy" not in options:
                    stack.enter_context(service.instead_of_the_function())
                    stack.callback(self._end_tasks)
                    self._begin_task()
                yield self
        finally:
            self.run("-m", "local", "down", "--purge", "--yes")
            os.environ.clear()
            os.environ.update(before)
        # What a purge forgets, the next `up` finds.
        assert not list(self.twin.home.glob("*"))

    def _begin_task(self) -> None:
        self.tasks.append(service.start(self.twin))

    def _end_tasks(self) -> None:
        while self.tasks:
            service.stop(self.tasks.pop())

    @contextmanager
    def unscored(self) -> Iterator[None]:
        """Let nothing read the stream meanwhile."""
        serving = bool(self.tasks)
        self._end_tasks()
        with service.instead_of_the_function():
            yield
        if serving:
            self._begin_task()

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Begin `python …` in the repository, with these variables besides the lake's."""
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment | variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> str:
        """`python …` to its end; fails with the command's own output."""
        process = self.start(*arguments)
        output, _ = process.communicate(timeout=STEP_SECONDS)
        assert process.returncode == 0, f"python {' '.join(arguments)}\n{output}"
        return output

    def sql(self, text: str) -> list[dict[str, Any]]:
        """Rows of an Athena query, as an analyst sends it."""
        return run_sql(text).dicts()

    def value(self, text: str) -> Any:
        """The only value of a query."""
        (row,) = self.sql(text)
        (value,) = row.values()
        return value

    def kill_emulator(self) -> None:
        """End the emulator at once, as a crash would; its functions outlive it for a moment."""
        os.kill(int(self.twin.pid_file.read_text()), signal.SIGKILL)

    def kill_consumer(self) -> None:
        """End what scores at once, as a crash would: the service's task, or every process of a function.

        Another takes its place: ECS starts the task again, and the next batch the function.
        """
        if self.tasks:
            for task in self.tasks:
                task.kill()
            self._end_tasks()
            self._begin_task()
        else:
            assert self.kill_functions() > 0

    def kill_functions(self, name: str | None = None) -> int:
        """End the processes of one function, or of all, at once; returns how many there were."""
        emulator = int(self.twin.pid_file.read_text())
        children = Path(f"/proc/{emulator}/task/{emulator}/children")
        tasks = [*Path(f"/proc/{emulator}/task").glob("*/children")] or [children]
        pids = {int(pid) for path in tasks for pid in path.read_text().split()}
        wanted = [pid for pid in pids if name is None or _runs(pid, name)]
        for pid in wanted:
            os.kill(pid, signal.SIGKILL)
        return len(wanted)


def _runs(pid: int, function: str) -> bool:
    """Whether a process is one of that function."""
    with suppress(OSError):
        return f"AWS_LAMBDA_FUNCTION_NAME={function}".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    return False


def _copy_lake(like: Path, target: Twin) -> None:
    """Copy what a lake keeps; its address, the only thing that is another one's, becomes the target's."""
    shutil.copytree(like, target.home)
    before = json.loads(target.deployed.read_text())["endpoint"]
    for path in (target.deployed, target.outputs, *target.state.glob("*.json")):
        path.write_text(path.read_text().replace(before, target.endpoint))


def wait_for(ready: Callable[[], bool], what: str, seconds: float = 180.0) -> None:
    """Wait until `ready()` holds; fails naming `what` after `seconds`.

    A question takes the cores from what it waits for: a fifth of the time at most, and less often one that
    takes long.
    """
    end = time.monotonic() + seconds
    while True:
        asked = time.monotonic()
        if ready():
            return
        now = time.monotonic()
        assert now < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(min(max(0.5, 4 * (now - asked)), 5.0))
