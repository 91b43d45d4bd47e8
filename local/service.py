"""Runs the scoring service on this machine in place of the twin's function: one of them owns the stream."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from infra.settings import load_settings
from petrostream.aws.clients import client
from toolchain.paths import ROOT
from toolchain.twin import Twin, subprocess_environment

MODULE = "lambdas.scoring.service"
STOP_SECONDS = 120
"""What Fargate gives a task to end after SIGTERM."""


def run(target: Twin, port: int) -> int:
    """Run the service until it ends or Ctrl-C; returns its exit code."""
    with instead_of_the_function(), started(target, port) as service:
        try:
            return service.wait()
        except KeyboardInterrupt:
            # The terminal has sent it to the service too, which hands over and ends.
            return service.wait(STOP_SECONDS)


@contextmanager
def started(target: Twin, port: int | None = None) -> Iterator[subprocess.Popen[bytes]]:
    """The service as a process, with the settings of the deployed function; stopped at the end.

    Args:
        target: the twin.
        port: of its API on the loopback address; a free one if None.
    """
    process = start(target, port)
    try:
        yield process
    finally:
        stop(process)


def start(target: Twin, port: int | None = None) -> subprocess.Popen[bytes]:
    """Start the service; its API listens on a free port of the loopback address if None is named."""
    variables = environment(target, port or _free_port())
    return subprocess.Popen([sys.executable, "-m", MODULE], cwd=ROOT, env=variables)  # noqa: S603 - ours


def stop(process: subprocess.Popen[bytes]) -> None:
    """Let the service hand over and end, if it still runs."""
    if process.poll() is None:
        process.terminate()
    process.wait(STOP_SECONDS)


def environment(target: Twin, port: int) -> dict[str, str]:
    """The variables of the deployed function, and those that the service has besides."""
    settings = load_settings()
    found = client("lambda").get_function_configuration(FunctionName=settings.scoring.function)
    variables = found.get("Environment", {}).get("Variables", {})
    extra = {"INGEST_STREAM": settings.stream.name, "API_PORT": str(port)}
    return subprocess_environment(target, os.environ | variables | extra)


@contextmanager
def instead_of_the_function() -> Iterator[None]:
    """Take the stream from the function, and give it back at the end."""
    function = load_settings().scoring.function
    lambda_ = client("lambda")
    mappings = lambda_.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
    # One that is off already is another's to give back.
    found = [mapping for mapping in mappings if mapping["State"] not in {"Disabled", "Disabling"}]
    for mapping in found:
        lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=False)
    try:
        yield
    finally:
        for mapping in found:
            lambda_.update_event_source_mapping(UUID=mapping["UUID"], Enabled=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
