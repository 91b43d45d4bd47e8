"""Rows on the screen and as files: what is downloaded is what was asked, whole and typed."""

import io
from collections.abc import Callable

import pandas as pd
import streamlit as st

from dashboard.charts.tables import sql_beside
from dashboard.data.ports import Answer
from petrostream.names import shown, without_formula


def table(answer: Answer, key: str, *, height: int | None = None) -> None:
    """The rows of an answer, their download and their SQL."""
    st.dataframe(printable(answer.frame), key=f"{key}/rows", hide_index=True, height=height or "auto")
    below(answer, key)


def below(answer: Answer, key: str) -> None:
    """Downloads and SQL of an answer, to stand below its chart or table."""
    csv, parquet, _ = st.columns([1, 1, 6])
    csv.download_button(
        "CSV", csv_of(answer.frame), f"{key}.csv", "text/csv", key=f"{key}/csv", on_click="ignore"
    )
    parquet.download_button(
        "Parquet", parquet_of(answer.frame), f"{key}.parquet", "application/vnd.apache.parquet",
        key=f"{key}/parquet", on_click="ignore",
    )  # fmt: skip
    sql_beside(answer)


def printable(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with control characters of text made visible."""
    return _with_texts(frame, shown)


def csv_of(frame: pd.DataFrame) -> bytes:
    """CSV in UTF-8, times in ISO 8601. A text that a spreadsheet would take for a formula is defused."""
    safe = _with_texts(frame, without_formula)
    return safe.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%S.%fZ").encode()


def _with_texts(frame: pd.DataFrame, change: Callable[[str], str]) -> pd.DataFrame:
    """The rows with every text changed; columns of numbers and times stay as they are."""
    texts = frame.select_dtypes(exclude=["number", "bool", "datetime", "datetimetz"])
    changed = {
        name: texts[name].map(lambda value: change(value) if isinstance(value, str) else value)
        for name in texts.columns
    }
    return frame.assign(**changed)


def parquet_of(frame: pd.DataFrame) -> bytes:
    """Parquet with the types of the query, verbatim: what reads it evaluates no formulas."""
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()
