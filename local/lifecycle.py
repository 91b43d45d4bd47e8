"""Start, watch and stop the emulator process."""

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from local import ports
from local.emulator import HEALTH, SAVE, code_digest
from toolchain.errors import ToolError
from toolchain.paths import ROOT
from toolchain.run import probe
from toolchain.twin import Twin, subprocess_environment

START_SECONDS = 60.0
STOP_SECONDS = 300.0
HEALTH_SECONDS = 5.0
BUSY_SECONDS = 30.0
NEEDED_BYTES = 2_000_000_000
_LOG_LIMIT = 50_000_000
# Requests to the loopback address must not go through a proxy of the environment.
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def health(target: Twin) -> dict[str, Any] | None:
    """The health report of the twin on this port; None if no twin answers."""
    try:
        with _OPENER.open(target.endpoint + HEALTH, timeout=HEALTH_SECONDS) as response:
            document = json.load(response)
    except (OSError, ValueError):
        return None
    return document if isinstance(document, dict) and "home" in document else None


def is_running(target: Twin) -> bool:
    """Whether this repository's own twin answers."""
    answer = health(target)
    return answer is not None and answer["home"] == str(target.home)


def start(target: Twin, tick: Callable[[float], None] = lambda seconds: None) -> bool:
    """Start the emulator detached and wait until it answers; restart one that runs older code.

    Args:
        target: the twin.
        tick: called while waiting, with the seconds waited.

    Returns:
        True if it was started, False if it was already running.

    Raises:
        ToolError: the port is taken, the disk is full, or the emulator died; says what to do.
    """
    answer = _patient_health(target, tick)
    if answer is not None and answer["home"] == str(target.home):
        if answer.get("code") == code_digest():
            return False
        # It runs older code than the sources; its data stays.
        stop(target, tick)
        answer = None
    _clear_stale(target)
    _check_port(target, answer)
    check_disk(target)
    target.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _rotate_log(target)
    with target.log.open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "local.emulator"],
            cwd=ROOT,
            env=subprocess_environment(target),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    target.pid_file.write_text(f"{process.pid}\n", encoding="ascii")
    _wait_until_healthy(target, process, tick)
    return True


def _patient_health(target: Twin, tick: Callable[[float], None]) -> dict[str, Any] | None:
    """The health of the twin; a busy one is given time to answer."""
    began = time.monotonic()
    while True:
        answer = health(target)
        pid = recorded_pid(target)
        waited = time.monotonic() - began
        if answer is not None or pid is None or not _is_emulator(pid) or waited > BUSY_SECONDS:
            return answer
        tick(waited)
        time.sleep(0.2)


def _wait_until_healthy(
    target: Twin, process: subprocess.Popen[bytes], tick: Callable[[float], None]
) -> None:
    began = time.monotonic()
    while not is_running(target):
        waited = time.monotonic() - began
        if process.poll() is not None:
            target.pid_file.unlink(missing_ok=True)
            raise ToolError(
                f"The emulator stopped while starting (exit code {process.returncode}). "
                f"The end of {target.log}:\n{log_tail(target)}",
                "If the message above does not explain it, start over: `python -m local down --purge`",
            )
        if waited > START_SECONDS:
            _terminate(process.pid, 5.0)
            target.pid_file.unlink(missing_ok=True)
            raise ToolError(
                f"The emulator did not answer on port {target.port} within {START_SECONDS:.0f} s. "
                f"The end of {target.log}:\n{log_tail(target)}",
                "It was stopped again. Try once more when the machine is less busy.",
            )
        tick(waited)
        time.sleep(0.1)


def stop(target: Twin, tick: Callable[[float], None] = lambda seconds: None) -> bool:
    """Stop the emulator; it saves its state first.

    Returns:
        True if it was running.

    Raises:
        ToolError: it does not stop.
    """
    answer = health(target)
    if answer is not None and answer["home"] != str(target.home):
        answer = None
    pid = int(answer["pid"]) if answer else recorded_pid(target)
    if pid is None or not _is_emulator(pid):
        target.pid_file.unlink(missing_ok=True)
        return False
    if not _terminate(pid, STOP_SECONDS, tick):
        raise ToolError(
            f"The emulator (process {pid}) is still saving its state after {STOP_SECONDS:.0f} s.",
            f"Wait, or end it with `kill -9 {pid}`: the next up restores what was acknowledged.",
        )
    target.pid_file.unlink(missing_ok=True)
    return True


@contextlib.contextmanager
def exclusive(target: Twin, on_wait: Callable[[], None]) -> Iterator[None]:
    """Lock the twin against other commands that start, deploy to or stop it.

    Args:
        target: the twin.
        on_wait: called once if another command holds the lock.
    """
    target.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with target.lock.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            on_wait()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def save_state(target: Twin) -> None:
    """Make the emulator write its state to disk.

    Raises:
        ToolError: it did not answer.
    """
    request = urllib.request.Request(target.endpoint + SAVE, data=b"", method="POST")  # noqa: S310
    try:
        with _OPENER.open(request, timeout=STOP_SECONDS):
            pass
    except OSError as error:
        raise ToolError(f"The emulator could not save its state: {error}", f"See {target.log}.") from error


def recorded_pid(target: Twin) -> int | None:
    """The process number in the pid file; None if there is none."""
    try:
        return int(target.pid_file.read_text(encoding="ascii").strip())
    except (OSError, ValueError):
        return None


def log_tail(target: Twin, lines: int = 15) -> str:
    """The last lines of the emulator's log."""
    try:
        with target.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 65_536))
            return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-lines:])
    except OSError:
        return "(there is no log)"


def check_disk(target: Twin) -> None:
    """Refuse to start on a disk that is nearly full.

    Raises:
        ToolError: less than 2 GB is free.
    """
    folder = target.home if target.home.exists() else target.home.parent
    free = shutil.disk_usage(folder).free
    if free < NEEDED_BYTES:
        raise ToolError(
            f"Only {free / 1e9:.1f} GB is free on the disk of {folder}; "
            f"the lake needs {NEEDED_BYTES / 1e9:.0f} GB.",
            "Free some space, or put the data elsewhere with PETROSTREAM_HOME=/another/disk/petrostream.",
        )


def _clear_stale(target: Twin) -> None:
    """Stop an emulator of this twin that no longer answers, and remove its pid file."""
    pid = recorded_pid(target)
    if pid is not None and _is_emulator(pid) and not _terminate(pid, 10.0):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _wait_gone(pid, 5.0)
    target.pid_file.unlink(missing_ok=True)


def _check_port(target: Twin, answer: dict[str, Any] | None) -> None:
    advice = f"Stop it, or use another port: PETROSTREAM_PORT={target.port + 1} ./project_up.sh"
    if answer is not None:
        raise ToolError(
            f"Port {target.port} serves the PetroStream twin of another folder: {answer['home']} "
            f"(process {answer['pid']}).",
            advice,
        )
    if ports.is_open(target.port):
        who = ports.owner(target.port) or "another program (its name is not visible to this user)"
        raise ToolError(f"Port {target.port} is in use by {who}.", advice)


def _rotate_log(target: Twin) -> None:
    with contextlib.suppress(OSError):
        if target.log.stat().st_size > _LOG_LIMIT:
            target.log.replace(target.log.with_suffix(".log.1"))


def _is_emulator(pid: int) -> bool:
    """Whether that process is this project's emulator: a stale file may hold another program's number."""
    try:
        return b"local.emulator" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        if Path("/proc/self/cmdline").exists():
            return False
    except OSError:
        return False
    return "local.emulator" in (probe(["/bin/ps", "-o", "command=", "-p", str(pid)], seconds=10.0) or "")


def _terminate(pid: int, seconds: float, tick: Callable[[float], None] = lambda waited: None) -> bool:
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        return True
    return _wait_gone(pid, seconds, tick)


def _wait_gone(pid: int, seconds: float, tick: Callable[[float], None] = lambda waited: None) -> bool:
    began = time.monotonic()
    while time.monotonic() - began < seconds:
        with contextlib.suppress(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        if not _is_emulator(pid):
            return True
        tick(time.monotonic() - began)
        time.sleep(0.1)
    return False
