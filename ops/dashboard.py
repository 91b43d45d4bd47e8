"""`petrostream dashboard`: open the dashboard on the twin, or on AWS with your own credentials."""

import getpass
import importlib.util
import os
import sys
import webbrowser
from collections.abc import Mapping
from typing import Annotated

import typer
from rich.console import Console

from infra.settings import load_settings
from ops.redeliver import firehose_names
from toolchain import commands
from toolchain.errors import ToolError
from toolchain.paths import ROOT
from toolchain.twin import point_at_twin, twin

DEFAULT_PORT = 8501
LOOPBACK = "127.0.0.1"
ADDRESS = f"http://{LOOPBACK}:{DEFAULT_PORT}"

app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
console = Console(highlight=False, markup=False)


@app.command()
def dashboard(
    port: Annotated[int, typer.Option(min=1024, max=65535, help="Port of the page.")] = DEFAULT_PORT,
    host: Annotated[
        str, typer.Option(help="Address to listen on. Others than loopback need sign-in in front.")
    ] = LOOPBACK,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser as well.")] = False,
    aws: Annotated[bool, typer.Option("--aws", help="On AWS, with your own credentials.")] = False,
) -> None:
    """Show the fleet in the browser, until Ctrl-C."""
    if importlib.util.find_spec("streamlit") is None:
        raise ToolError("Streamlit is not installed.", "make setup, or pip install -e '.[dashboard]'")
    if not aws:
        point_at_twin(target=twin())
    address = f"http://{host}:{port}"
    console.print(f"The dashboard is {address}. Ctrl-C ends it.", soft_wrap=True)
    if open_browser:
        webbrowser.open(address)
    arguments = command(host, port)
    # In place of this process: Ctrl-C and signals then reach Streamlit itself.
    os.execve(arguments[0], arguments, environment(os.environ))  # noqa: S606 - no shell


def command(host: str, port: int) -> list[str]:
    """The command that serves the dashboard."""
    options = [f"--server.address={host}", f"--server.port={port}"]
    return [sys.executable, "-m", "streamlit", "run", str(ROOT / "dashboard" / "app.py"), *options]


def environment(base: Mapping[str, str]) -> dict[str, str]:
    """The dashboard's environment: `base`, with the names of infra/settings.json."""
    settings = load_settings()
    names = {
        "LIVE_TABLE": settings.live.table,
        "ALARM_STREAM": settings.firehose.alarms.name,
        "ATHENA_DATABASE": settings.lake.database,
        "ATHENA_WORKGROUP": settings.lake.workgroup,
        "FIREHOSES": ",".join(firehose_names()),
        "FLEET_FILE": str(ROOT / "producer" / "fleet.json"),
        "DASHBOARD_OPERATOR": base.get("DASHBOARD_OPERATOR") or getpass.getuser(),
    }
    path = os.pathsep.join(part for part in (str(ROOT), base.get("PYTHONPATH", "")) if part)
    return {**base, **names, "PYTHONPATH": path}


if __name__ == "__main__":
    commands.run(app)
