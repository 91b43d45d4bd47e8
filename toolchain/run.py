"""Run another program: to learn its version or output, with its output on the terminal, or in a log file."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from toolchain.errors import ToolError

APPLY_SECONDS = 3600.0
"""Longest time a deployment or removal may take."""

_GRACE_SECONDS = 300.0
_TAIL = 25
_RERUN = "Run the same command again: it goes on from where this one stopped."


def probe(
    command: Sequence[str], environment: Mapping[str, str] | None = None, seconds: float = 30.0
) -> str | None:
    """Ask a program about itself, for example its version.

    Returns:
        What it printed; None if it does not start, fails, or takes too long.
    """
    try:
        result = _captured(command, None, environment, seconds)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout if result.returncode == 0 else None


def run_quietly(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str] | None = None,
    *,
    what: str,
    hint: str = "",
    seconds: float = 900.0,
    given: str | None = None,
) -> str:
    """Run a program for its output.

    Args:
        command: the program and its arguments.
        folder: where it runs.
        environment: its whole environment; None: the environment of this process.
        what: what it does, as the beginning of an error message ("terraform init").
        hint: what to do if it fails.
        seconds: longest time it may take.
        given: what it reads from standard input, None for nothing.

    Returns:
        What it wrote to standard output.

    Raises:
        ToolError: it does not start, failed, or took too long; carries the end of its output.
    """
    try:
        result = _captured(command, folder, environment, seconds, given)
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{what} did not finish within {seconds:.0f} s.", hint) from error
    except OSError as error:
        raise ToolError(f"{what} could not be started: {error}", hint) from error
    if result.returncode != 0:
        text = result.stderr.strip() or result.stdout.strip()
        raise ToolError(f"{what} failed (exit code {result.returncode}):\n{_tail(text)}", hint)
    return result.stdout


def run_visibly(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    what: str,
    hint: str,
    seconds: float = APPLY_SECONDS,
) -> None:
    """Run a program with its output on the terminal.

    The first interrupt waits until the program has finished; a second one is passed on to it. Terraform
    reacts to an interrupt by cancelling its open requests, and what AWS creates nevertheless is missing from
    the state: the next run would find a stream of that name in its way.

    Raises:
        ToolError: it failed or took too long.
        KeyboardInterrupt: it was interrupted, and has ended.
    """
    code = _wait(_Started(command, folder, environment, what, hint), seconds)
    if code != 0:
        raise ToolError(f"{what} failed (exit code {code}); the reason is above.", hint)


def run_logged(
    command: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    *,
    log: Path,
    what: str,
    hint: str,
    seconds: float = APPLY_SECONDS,
) -> None:
    """Run a program with its output appended to a log file; interrupts work as in `run_visibly`.

    Raises:
        ToolError: it failed or took too long; carries the end of its output.
        KeyboardInterrupt: it was interrupted, and has ended.
    """
    with log.open("a+b") as output:
        start = output.seek(0, os.SEEK_END)
        code = _wait(_Started(command, folder, environment, what, hint, output), seconds)
        if code != 0:
            output.seek(start)
            text = output.read().decode("utf-8", "replace")
            raise ToolError(f"{what} failed (exit code {code}):\n{_tail(text)}", hint)


@dataclass(frozen=True, slots=True)
class _Started:
    """A program to start in a process group of its own, so that an interrupt reaches this process alone."""

    command: Sequence[str]
    folder: Path
    environment: Mapping[str, str]
    what: str
    hint: str
    output: IO[bytes] | None = None

    def open(self) -> "subprocess.Popen[bytes]":
        try:
            return subprocess.Popen(  # noqa: S603
                list(self.command),
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=self.output,
                stderr=self.output,
                process_group=0,
            )
        except OSError as error:
            raise ToolError(f"{self.what} could not be started: {error}", self.hint) from error


def _wait(program: _Started, seconds: float) -> int:
    """Start a program and wait for its exit code."""
    end = time.monotonic() + seconds
    interrupted = False
    with program.open() as process:
        while True:
            try:
                code = process.wait(timeout=max(0.1, end - time.monotonic()))
            except KeyboardInterrupt:
                if interrupted:
                    os.killpg(process.pid, signal.SIGINT)
                    end = min(end, time.monotonic() + _GRACE_SECONDS)
                else:
                    sys.stderr.write(
                        f"Stopping as soon as {program.what} has finished; interrupt again to cancel it.\n"
                    )
                interrupted = True
            except subprocess.TimeoutExpired:
                _end(process)
                message = f"{program.what} took longer than {seconds:.0f} s and was stopped."
                raise ToolError(message, _RERUN) from None
            else:
                if interrupted:
                    raise KeyboardInterrupt
                return code


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Terminate a process; kill it if that does not help."""
    process.terminate()
    try:
        process.wait(timeout=_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _captured(
    command: Sequence[str],
    folder: Path | None,
    environment: Mapping[str, str] | None,
    seconds: float,
    given: str | None = None,
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603
        list(command),
        cwd=folder,
        env=None if environment is None else dict(environment),
        input="" if given is None else given,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )


def _tail(text: str) -> str:
    return "\n".join(text.strip().splitlines()[-_TAIL:])
