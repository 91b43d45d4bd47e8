"""Publishes, lists and rolls back versions of the models.

python -m ml.registry publish build/models --to s3://petrostream-artifacts-...
python -m ml.registry list --at s3://...
python -m ml.registry rollback --at s3://... [--version V]

What each does is described in `ml.registry.versions`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from ml.registry import RegistryError, open_registry, publish, rollback, versions
from toolchain import commands
from toolchain.terminal import print_error

app = typer.Typer(add_completion=False, rich_markup_mode=None)
console = Console()
_Where = Annotated[str, typer.Option("--at", help="s3://<bucket>, or a folder.")]


@app.command("publish")
def publish_command(
    folder: Annotated[Path, typer.Argument(help="A version's folder, or a models folder for its newest.")],
    to: Annotated[str, typer.Option("--to", help="s3://<bucket>, or a folder.")],
) -> None:
    """Publish a trained version and make it the live one."""
    with _explained():
        version = publish(folder, open_registry(to))
        console.print(f"Version {version} is live at {to}", markup=False, highlight=False, soft_wrap=True)


@app.command("list")
def list_command(at: _Where) -> None:
    """List the versions, oldest first."""
    with _explained():
        table = Table("version", "created", "wells", "fleet", "live")
        for one in versions(open_registry(at)):
            marks = ("yes" if one.fleet else "", "live" if one.live else "")
            table.add_row(one.version, one.created_at, str(one.wells), *marks)
        console.print(table)


@app.command("rollback")
def rollback_command(
    at: _Where,
    version: Annotated[str | None, typer.Option(help="The version before the live one if left out.")] = None,
) -> None:
    """Make an earlier version the live one."""
    with _explained():
        live = rollback(open_registry(at), version)
        console.print(f"Version {live} is live at {at}", markup=False, highlight=False, soft_wrap=True)


@contextmanager
def _explained() -> Iterator[None]:
    """Prints expected errors as one line, without a traceback."""
    try:
        yield
    except (RegistryError, OSError, BotoCoreError, ClientError) as error:
        print_error(str(error))
        raise typer.Exit(1) from error


if __name__ == "__main__":
    commands.run(app)
