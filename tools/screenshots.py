"""Write the README's screenshots of the dashboard, on a running lake: `python -m tools.screenshots`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from infra.settings import load_settings
from petrostream.aws.clients import client
from petrostream.aws.live_reader import LiveTable, Well
from petrostream.errors import ServiceUnavailable
from toolchain import commands
from toolchain.errors import ToolError
from toolchain.paths import ROOT
from toolchain.twin import point_at_twin, subprocess_environment, twin
from tools.browser import opened, served

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = ROOT / "docs" / "images"
WAIT_MS = 90_000
SETTLE_MS = 2500
"""Charts are drawn after their data has come."""


def main(
    out: Annotated[Path, typer.Option(help="Folder to write PNG files into.")] = FOLDER,
    well: Annotated[str, typer.Option(help="Well to show. Default: the one with the highest risk.")] = "",
) -> None:
    """Open each page on the running lake and write what it shows."""
    point_at_twin(target=twin())
    shown = well or _worst()
    out.mkdir(parents=True, exist_ok=True)
    pages: dict[str, tuple[str, Callable[[Page], None]]] = {
        "dashboard-operations": ("/", _operations),
        "dashboard-well": (f"/well?well={shown}", _well),
    }
    with served(subprocess_environment()) as server:
        for dark in (False, True):
            with opened(server.address, dark=dark) as (page, watch):
                page.set_default_timeout(WAIT_MS)
                for name, (path, ready) in list(pages.items())[: 1 if dark else None]:
                    page.goto(server.address + path)
                    ready(page)
                    page.wait_for_timeout(SETTLE_MS)
                    page.screenshot(path=out / f"{name}{'-dark' if dark else ''}.png")
                if watch.errors or watch.off_machine:
                    raise ToolError(f"The pages complained: {watch.errors + watch.off_machine}")
    sys.stdout.write(f"{out}: {', '.join(sorted(path.name for path in out.glob('dashboard-*.png')))}\n")


def _worst() -> str:
    """The well with the highest risk.

    Raises:
        ToolError: the lake does not answer, or is empty.
    """
    try:
        fleet = LiveTable(load_settings().live.table, client("dynamodb")).fleet()
    except ServiceUnavailable as error:
        raise ToolError(f"The lake does not answer: {error.cause}", "./project_up.sh starts it.") from error
    wells: list[Well] = [well for facility in fleet for well in facility.wells]
    if not wells:
        raise ToolError("The lake is empty.", "make demo fills it.")
    return max(wells, key=lambda well: well.status.risk_score).well_id


def _operations(page: "Page") -> None:
    page.wait_for_selector("text=SQL of the total")
    alarms = page.locator("[data-alarm]").get_by_role("button")
    if alarms.count():
        alarms.first.click()
        page.wait_for_selector("text=Show the well")
        page.mouse.move(0, 0)
        page.get_by_test_id("stMain").evaluate("main => main.scrollTo(0, 0)")


def _well(page: "Page") -> None:
    page.wait_for_selector("[data-stretches]", state="attached")


if __name__ == "__main__":
    commands.run(main)
