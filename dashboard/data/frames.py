"""Rows of Athena as data frames."""

import pandas as pd

from petrostream.aws.athena import QueryResult

_NUMBERS = frozenset({"tinyint", "smallint", "integer", "int", "bigint", "float", "real", "double"})


def frame_of(result: QueryResult) -> pd.DataFrame:
    """The rows as a data frame.

    Numbers are float64 with NaN for NULL, so that charts can tell a gap from zero; times are in UTC; text,
    lists and others stay Python objects with None for NULL.
    """
    columns = {
        name: _column([row[place] for row in result.rows], kind)
        for place, (name, kind) in enumerate(zip(result.columns, result.types, strict=True))
    }
    return pd.DataFrame(columns, columns=list(result.columns))


def _column(values: list[object], kind: str) -> pd.Series:
    if kind in _NUMBERS or kind.startswith("decimal"):
        return pd.to_numeric(pd.Series(values, dtype="object"), errors="coerce").astype("float64")
    if kind == "date":
        return pd.to_datetime(pd.Series(values, dtype="object"), errors="coerce").astype("datetime64[ms]")
    if kind.startswith("timestamp"):
        return pd.to_datetime(pd.Series(values, dtype="object"), utc=True).astype("datetime64[ms, UTC]")
    return pd.Series(values, dtype="object")
