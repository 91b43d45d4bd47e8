"""Says which interpreter to use where this one lacks the packages. Imports the standard library only."""

import importlib.util
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]


def require_packages(command: str) -> None:
    """End the program with advice if it runs outside the project's environment.

    Args:
        command: what to run there, such as `-m local`.

    Raises:
        SystemExit: a package that every command needs is missing; exit code 1.
    """
    if importlib.util.find_spec("typer") is None:
        raise SystemExit(advice("typer", command))


def advice(missing: str, command: str) -> str:
    """What to do where the module `missing` is not there."""
    python = Path(".venv/bin/python")
    first = "" if (_ROOT / python).exists() else "run make setup first, then "
    return f"{sys.executable} lacks {missing}: {first}use the project's own interpreter: {python} {command} …"
