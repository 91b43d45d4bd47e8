"""Replace a function of the emulator only when it is, to the letter, the one it was written for."""

import hashlib
import importlib.metadata
import inspect
import textwrap
from collections.abc import Callable
from types import ModuleType
from typing import Any

Response = tuple[int, dict[str, str], bytes]
"""What the emulator's handlers return: HTTP status, headers, body."""


class IncompatibleEmulatorError(RuntimeError):
    """The installed MiniStack is not the one the adaptations know."""


def source_digest(function: Callable[..., Any]) -> str:
    """The first 16 hex digits of the SHA-256 of a function's source."""
    return hashlib.sha256(textwrap.dedent(inspect.getsource(function)).encode()).hexdigest()[:16]


def check(module: ModuleType, expected: dict[str, str]) -> None:
    """Make sure that functions of the emulator have the source they are known by.

    Args:
        module: the emulator's module.
        expected: `source_digest` by function name.

    Raises:
        IncompatibleEmulatorError: one is missing or differs; names it and says what to do.
    """
    for name, digest in expected.items():
        function = getattr(module, name, None)
        function = getattr(function, "original", function)
        found = "missing" if function is None else source_digest(function)
        if found != digest:
            raise IncompatibleEmulatorError(
                f"MiniStack {importlib.metadata.version('ministack')} has another {module.__name__}.{name} "
                f"({found}) than the twin was written for ({digest}). Install the pinned version: "
                "pip install -c constraints.txt ministack. After a deliberate upgrade, review "
                "local/adaptations, then run its tests and enter the new digest."
            )


def replace(module: ModuleType, name: str, replacement: Callable[..., Any]) -> None:
    """Put a replacement in place; the original stays reachable as `<replacement>.original`."""
    original = getattr(module, name)
    if getattr(original, "original", None) is not None:
        return
    replacement.original = original  # type: ignore[attr-defined]
    setattr(module, name, replacement)
