"""Rows of Athena as data frames."""

import pandas as pd

from petrostream.aws.athena import QueryResult

WHOLE = "whole numbers"
"""Attribute of a frame: names of the columns whose type in SQL is a whole number."""

_WHOLE = frozenset({"tinyint", "smallint", "integer", "int", "bigint"})
_NUMBERS = _WHOLE | {"float", "real", "double"}


def frame_of(result: QueryResult) -> pd.DataFrame:
    """The rows as a data frame.

    Numbers are float64 with NaN for NULL, so that charts can tell a gap from zero; `with_whole_numbers`
    undoes that for whoever is handed the rows. Times are in UTC; text, lists and others stay Python objects
    with None for NULL.
    """
    columns = {
        name: _column([row[place] for row in result.rows], kind)
        for place, (name, kind) in enumerate(zip(result.columns, result.types, strict=True))
    }
    frame = pd.DataFrame(columns, columns=list(result.columns))
    frame.attrs[WHOLE] = [
        name for name, kind in zip(result.columns, result.types, strict=True) if kind in _WHOLE
    ]
    return frame


def with_whole_numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with whole numbers as such, as the query had them: 5, not 5.0."""
    return frame.astype({name: "Int64" for name in frame.attrs.get(WHOLE, ()) if name in frame})


def _column(values: list[object], kind: str) -> pd.Series:
    if kind in _NUMBERS or kind.startswith("decimal"):
        return pd.to_numeric(pd.Series(values, dtype="object"), errors="coerce").astype("float64")
    if kind == "date":
        return pd.to_datetime(pd.Series(values, dtype="object"), errors="coerce").astype("datetime64[ms]")
    if kind.startswith("timestamp"):
        return pd.to_datetime(pd.Series(values, dtype="object"), utc=True).astype("datetime64[ms, UTC]")
    return pd.Series(values, dtype="object")
