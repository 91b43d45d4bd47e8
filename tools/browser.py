"""The dashboard in a headless Chromium, for screenshots, end-to-end tests and the bench."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ops.dashboard import LOOPBACK, command, environment
from toolchain.errors import ToolError
from toolchain.paths import ROOT

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Request

CHROMIUM_VARIABLE = "PETROSTREAM_CHROMIUM"
_NAMES = ("chromium", "chromium-browser", "google-chrome")
START_SECONDS = 60.0
SIZE = {"width": 1440, "height": 1000}
_PROBES = ("/_stcore/health", "/_stcore/host-config")
"""What Streamlit's page asks for first, below its own address too, where there is nothing: it goes on."""


def chromium() -> str | None:
    """The path of Chromium: `PETROSTREAM_CHROMIUM`, or the first one on the path; None without one."""
    return os.environ.get(CHROMIUM_VARIABLE) or next(filter(None, map(shutil.which, _NAMES)), None)


@dataclass(frozen=True)
class Server:
    """A running dashboard: its address, and the number of its process."""

    address: str
    pid: int

    def processor_seconds(self) -> float:
        """Processor time that it has used so far; on Linux."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(lake: Mapping[str, str]) -> Iterator[Server]:
    """The dashboard on a free port of loopback.

    Args:
        lake: environment in which AWS clients find the lake.

    Raises:
        ToolError: it does not start.
    """
    port = _free_port()
    process = subprocess.Popen(  # noqa: S603 - our own command
        command(LOOPBACK, port),
        cwd=ROOT,
        env=environment(lake),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        address = f"http://{LOOPBACK}:{port}"
        _wait(address, process)
        yield Server(address, process.pid)
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def _wait(address: str, process: "subprocess.Popen[str]") -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            _, errors = process.communicate()
            raise ToolError(f"The dashboard did not start: {errors.strip()[-2000:]}", "make setup-dev")
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):  # noqa: S310 - loopback
                return
        except OSError:
            time.sleep(0.1)
    raise ToolError(f"The dashboard did not answer within {START_SECONDS:.0f} s.", "Is the machine busy?")


@dataclass
class Watch:
    """What a page did that it must not.

    Attributes:
        address: where the dashboard is.
        errors: messages of its console, and exceptions of its scripts.
        off_machine: requests to anywhere else.
        failed: responses that are errors.
    """

    address: str
    errors: list[str] = field(default_factory=list)
    off_machine: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def follow(self, page: "Page") -> None:
        """Note what a page does from now on."""
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("request", self._request)
        page.on(
            "response",
            lambda answer: (
                self.failed.append(f"{answer.status} {answer.url}")
                if answer.status >= 400 and not answer.url.endswith(_PROBES)
                else None
            ),
        )

    def _console(self, message: "ConsoleMessage") -> None:
        probe = str(message.location.get("url", "")).endswith(_PROBES)
        if message.type == "error" and not probe:
            self.errors.append(message.text)

    def _request(self, request: "Request") -> None:
        local = (self.address, self.address.replace("http", "ws", 1), "data:", "blob:", "about:")
        if not request.url.startswith(local):
            self.off_machine.append(request.url)


@contextmanager
def browsing() -> Iterator["Browser"]:
    """A headless Chromium.

    Raises:
        ToolError: there is none.
    """
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - only where a browser is used

    path = chromium()
    if path is None:
        raise ToolError("There is no Chromium.", f"Install it, or set {CHROMIUM_VARIABLE} to its path.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_flags())
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened(
    address: str, *, dark: bool = False, browser: "Browser | None" = None
) -> Iterator[tuple["Page", Watch]]:
    """A page on the dashboard, before it is loaded, and what is noted of it. It shares no state with others.

    Args:
        address: where the dashboard is.
        dark: whether the page is to be dark.
        browser: the one to open it in; when left out, one of its own.

    Raises:
        ToolError: there is no Chromium.
    """
    with ExitStack() as stack:
        browser = browser or stack.enter_context(browsing())
        scheme = "dark" if dark else "light"
        context = browser.new_context(viewport=SIZE, color_scheme=scheme)  # type: ignore[arg-type]
        stack.callback(context.close)
        page = context.new_page()
        watch = Watch(address)
        watch.follow(page)
        yield page, watch


def _flags() -> list[str]:
    # Chromium's sandbox refuses to run as root, as in a container of CI.
    root = sys.platform == "linux" and os.geteuid() == 0
    return ["--no-sandbox"] if root else []
