"""The option `--version` of scripts that parse their options by argparse, and must import little."""

import argparse
from collections.abc import Sequence
from typing import Any


def add_version(parser: argparse.ArgumentParser) -> None:
    """Add `--version`, which prints PetroStream's, as every command does."""
    parser.add_argument("--version", action=_PrintVersion, nargs=0, help="print the version and exit")


class _PrintVersion(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        from toolchain.commands import version  # noqa: PLC0415 - the benches measure imports and memory

        print(f"PetroStream {version()}")
        parser.exit()
