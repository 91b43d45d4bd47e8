"""The command line `petrostream`: all commands as sub-commands, each imported when it is called."""

from typing import Any

import typer
from typer.core import TyperGroup

from console.entries import ENTRIES
from toolchain import commands


class _Lazy(TyperGroup):
    """A group whose commands are placeholders for the help text; the one that is called is loaded."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - Typer's own class is not public
        return list(ENTRIES)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[Any, Any, list[str]]:  # noqa: ANN401
        name, placeholder, rest = super().resolve_command(ctx, args)
        return name, ENTRIES[name].load() if name in ENTRIES else placeholder, rest


app = typer.Typer(
    name="petrostream",
    cls=_Lazy,
    help="PetroStream: a real-time data lake for oil and gas wells. COMMAND --help tells more of each.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)
for _name, _entry in ENTRIES.items():
    app.command(_name, help=_entry.help, rich_help_panel=_entry.panel)(lambda: None)


def main() -> None:
    """Run the command line; an error the user can act on is printed, not traced."""
    commands.run(app)
