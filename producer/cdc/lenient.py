"""Loads times that Python can't hold as text (`infinity`, years before 1): the quarantine keeps such rows."""

from typing import Any

import psycopg
from psycopg import DataError
from psycopg.adapt import Buffer
from psycopg.types.datetime import DateLoader, TimestampLoader, TimestamptzLoader


def register(connection: psycopg.Connection[Any]) -> None:
    """Use these loaders for a connection's dates and times."""
    connection.adapters.register_loader("date", _Date)
    connection.adapters.register_loader("timestamp", _Timestamp)
    connection.adapters.register_loader("timestamptz", _Timestamptz)


class _Date(DateLoader):
    def load(self, data: Buffer) -> Any:  # noqa: ANN401 - a date, or its text
        try:
            return super().load(data)
        except DataError:
            return bytes(data).decode()


class _Timestamp(TimestampLoader):
    def load(self, data: Buffer) -> Any:  # noqa: ANN401
        try:
            return super().load(data)
        except DataError:
            return bytes(data).decode()


class _Timestamptz(TimestamptzLoader):
    def load(self, data: Buffer) -> Any:  # noqa: ANN401
        try:
            return super().load(data)
        except DataError:
            return bytes(data).decode()
