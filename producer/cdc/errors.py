"""Errors of a poll of a table; each message names the place, says what is wrong and what to do."""
# ruff: noqa: N818 - the names say what happened

import difflib
from collections.abc import Sequence
from pathlib import Path

from producer.errors import ReplayError


class MapInvalid(ReplayError):
    """The map file can't be used."""

    def __init__(self, path: Path, place: str, problem: str) -> None:
        super().__init__(f"{path}: {place}: {problem}; docs/guides/historian.md shows a whole file")
        self.path = path
        self.place = place
        self.problem = problem


class StateInvalid(ReplayError):
    """The state file can't be read, or belongs to another table."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(
            f"{path}: {problem}. Without it the table is read from its beginning, or from --since: rows "
            "that were "
            "sent before have the same event_id, and stay one row in well_data. Repair it, delete it, or "
            "give "
            "this table another --name"
        )
        self.path = path
        self.problem = problem


class SourceInvalid(ReplayError):
    """The table can't be read as the map says; no retry helps."""


class ColumnMissing(SourceInvalid):
    """A column of the map is not in the table."""

    def __init__(self, table: str, field: str, column: str, present: Sequence[str]) -> None:
        near = difflib.get_close_matches(column, present, n=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        super().__init__(
            f"table {table} has no column {column!r}, which the map has for {field}{meant} It has "
            f"{', '.join(sorted(present))}. Was it renamed? Correct the map and start again: nothing is "
            "lost, "
            "polling continues where it stopped"
        )
        self.table = table
        self.column = column


class ColumnUnsuitable(SourceInvalid):
    """A column has a type that can't become the field it is mapped to."""

    def __init__(self, table: str, field: str, column: str, found: str, expected: str) -> None:
        super().__init__(
            f"table {table}: column {column} is {found}, which can't become {field}; expected {expected}. "
            "Map "
            "another column, or read a view that casts it (kind sqlalchemy)"
        )
        self.table = table
        self.column = column


class SourceLost(ReplayError):
    """The source does not respond, or gave up a query; the same poll may succeed later."""


class SourceGone(ReplayError):
    """The source has not responded for as long as retries last."""

    def __init__(self, place: str, seconds: float, attempts: int, cause: str) -> None:
        super().__init__(
            f"{place}: no answer in {attempts} attempts over {seconds:.0f} s (last: {cause}). Bring the "
            "source back, "
            "then run the same command again: it continues where it stopped, and nothing is lost"
        )
        self.cause = cause
