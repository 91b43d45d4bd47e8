"""A local lake of the tests' own: another port, another folder, the commands a user would type."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.deployment import IAC_VARIABLE
from petrostream.aws.athena import run_sql
from tests.support.paths import ROOT
from toolchain.twin import Twin, subprocess_environment

STEP_SECONDS = 420.0


def free_port() -> int:
    """A free port of the loopback address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Lake:
    """A running lake and the environment in which commands find it."""

    twin: Twin
    environment: dict[str, str]

    @classmethod
    def at(cls, home: Path) -> "Lake":
        target = Twin(port=free_port(), home=home.resolve())
        base = os.environ | {"PETROSTREAM_PORT": str(target.port), "PETROSTREAM_HOME": str(target.home)}
        # E2E_IAC=terraform runs the same tests on the lake as Terraform deploys it.
        base[IAC_VARIABLE] = os.environ.get("E2E_IAC", "cdk")
        return cls(target, subprocess_environment(target, base))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin `python …` in the repository."""
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environment,
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

    def kill_functions(self) -> int:
        """End every function process of the emulator at once, as a crash would; how many there were."""
        emulator = int(self.twin.pid_file.read_text())
        children = Path(f"/proc/{emulator}/task/{emulator}/children")
        tasks = [*Path(f"/proc/{emulator}/task").glob("*/children")] or [children]
        pids = {int(pid) for path in tasks for pid in path.read_text().split()}
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return len(pids)


def wait_for(ready: Callable[[], bool], what: str, seconds: float = 180.0) -> None:
    """Wait until `ready()` holds; fails naming `what` after `seconds`."""
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, f"waited {seconds:.0f} s for {what}"
        time.sleep(0.5)
