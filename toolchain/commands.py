"""Run a command line, with `--version` besides its own options."""

import functools
import importlib.metadata
import inspect
import sys
import tomllib
from collections.abc import Callable
from typing import Annotated, Any

import typer

from petrostream.errors import PetroStreamError
from toolchain.errors import ToolError
from toolchain.paths import ROOT
from toolchain.terminal import print_error

Say = Callable[[str], None]
"""Reports a line of progress."""

PROJECT = ROOT / "pyproject.toml"
"""Where the version is written, and nowhere else."""

INTERRUPTED = 130
"""Exit code after Ctrl-C: 128 plus the number of the signal."""


def version() -> str:
    """The version of PetroStream: that of this checkout, or of the installed package."""
    if PROJECT.is_file():
        return str(tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["version"])
    return importlib.metadata.version("petrostream")


def run(program: typer.Typer | Callable[..., int | None]) -> None:
    """Run a command line to its end, as a script does; an error the user can act on is printed, not traced.

    Args:
        program: a Typer application; or one command, whose result is its exit code.

    Raises:
        SystemExit: always, with the exit code: docs/reference/commands.md.
    """
    try:
        application(program)()
    except ToolError as error:
        print_error(str(error.args[0]), error.hint)
        sys.exit(error.exit_code)
    except PetroStreamError as error:
        print_error(str(error))
        sys.exit(1)
    except KeyboardInterrupt:
        print_error("Stopped.")
        sys.exit(INTERRUPTED)


@functools.cache
def application(program: typer.Typer | Callable[..., int | None]) -> typer.Typer:
    """The application of a program, with the option `--version`."""
    if isinstance(program, typer.Typer):
        made = program
    else:
        made = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        made.command()(program)
    commands, group = made.registered_commands, made.registered_callback
    if group is not None and group.callback is not None:
        group.callback = _with_version(group.callback)
    elif len(commands) == 1 and commands[0].callback is not None:
        commands[0].callback = _with_version(commands[0].callback)
    else:
        made.callback()(_with_version(lambda: None))
    return made


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"PetroStream {version()}")
        raise typer.Exit


_Version = Annotated[
    bool,
    typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit."),
]


def _with_version(command: Callable[..., Any]) -> Callable[..., None]:
    """The command with an option `--version`, and with its result as the exit code."""

    @functools.wraps(command)
    def wrapped(*arguments: object, show_version: bool, **options: object) -> None:
        if code := command(*arguments, **options):
            raise typer.Exit(code)

    signature = inspect.signature(command)
    option = inspect.Parameter(
        "show_version", inspect.Parameter.KEYWORD_ONLY, default=False, annotation=_Version
    )
    wrapped.__signature__ = signature.replace(parameters=[*signature.parameters.values(), option])  # type: ignore[attr-defined]
    wrapped.__annotations__ = {**command.__annotations__, "show_version": _Version}
    return wrapped
