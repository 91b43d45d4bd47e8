"""Run the tools of a deployment: their output goes to the terminal, and an interrupt reaches them whole."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from deploy.errors import DeployError

APPLY_SECONDS = 3600.0
"""Longest time a deployment or removal may take."""

_GRACE_SECONDS = 300.0
_TAIL = 25


def run_visibly(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    what: str,
    hint: str,
    seconds: float = APPLY_SECONDS,
) -> None:
    """Run a tool with its output on the terminal.

    The first interrupt waits until the tool is through; a second one is passed on to it. Terraform answers an
    interrupt by breaking off the requests under way, and what AWS creates all the same is in no state: the
    next run would meet a stream of its own name.

    Raises:
        DeployError: it failed or took too long.
        KeyboardInterrupt: it was interrupted, and has ended.
    """
    with subprocess.Popen(  # noqa: S603
        list(command), cwd=folder, env=dict(environment), stdin=subprocess.DEVNULL, process_group=0
    ) as process:
        code = _wait(process, seconds, what)
    if code != 0:
        raise DeployError(f"{what} failed (exit code {code}); the reason is above.", hint)


def _wait(process: "subprocess.Popen[bytes]", seconds: float, what: str) -> int:
    end = time.monotonic() + seconds
    interrupted = False
    while True:
        try:
            code = process.wait(timeout=max(0.1, end - time.monotonic()))
        except KeyboardInterrupt:
            if interrupted:
                os.killpg(process.pid, signal.SIGINT)
                end = min(end, time.monotonic() + _GRACE_SECONDS)
            else:
                sys.stderr.write(f"Stopping when {what} is through; interrupt again to break it off.\n")
            interrupted = True
        except subprocess.TimeoutExpired:
            process.terminate()
            try:
                process.wait(timeout=_GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
            hint = "Run the same command again: it goes on from where this one stopped."
            raise DeployError(f"{what} took longer than {seconds:.0f} s and was stopped.", hint) from None
        else:
            if interrupted:
                raise KeyboardInterrupt
            return code


def run_quietly(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    what: str,
    hint: str,
    seconds: float = 900.0,
) -> str:
    """Run a tool for its output.

    Returns:
        What it wrote to standard output.

    Raises:
        DeployError: it failed or took too long; carries the end of its output.
    """
    try:
        result = subprocess.run(  # noqa: S603
            list(command),
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DeployError(f"{what}: no end after {seconds:.0f} s.", hint) from error
    except OSError as error:
        raise DeployError(f"{what}: {error}", hint) from error
    if result.returncode != 0:
        tail = "\n".join((result.stderr.strip() or result.stdout.strip()).splitlines()[-_TAIL:])
        raise DeployError(f"{what} failed (exit code {result.returncode}):\n{tail}", hint)
    return result.stdout
