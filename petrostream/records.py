"""Immutable dataclasses that cost little to make: every batch makes dozens.

A frozen dataclass assigns each field of a new instance by a call, which takes ten times as long as a plain
assignment. `record` is for those made with every batch: they are frozen to mypy, which is where an assignment
would be found, and not at run time. Like frozen ones they are hashable by their fields, unless `eq` is false.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:
    from collections.abc import Callable
    from dataclasses import dataclass

    def record(*, frozen: bool, slots: bool = False, eq: bool = True) -> Callable[[type[Any]], type[Any]]:
        """A dataclass without the costs of `frozen`, which must be said all the same, as mypy reads it."""
        assert frozen
        return dataclass(slots=slots, eq=eq, unsafe_hash=eq)


__all__ = ["record"]
