"""Rows on the screen and as files: what is downloaded is what was asked, whole and typed."""

import io
from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts.tables import sql_beside
from dashboard.data.frames import WHOLE, with_whole_numbers
from dashboard.data.ports import Answer
from petrostream.names import shown, without_formula


def table(answer: Answer, key: str, *, height: int | None = None) -> None:
    """The rows of an answer, their download and their SQL."""
    rows(answer.frame, key, height=height)
    below(answer, key)


def rows(frame: pd.DataFrame, key: str, *, height: int | None = None) -> None:
    """Rows as a table: times in UTC, days without a time, text made printable."""
    st.dataframe(
        printable(frame),
        key=f"{key}/rows",
        hide_index=True,
        height=height or "auto",
        column_config=columns_of(frame),
    )


def columns_of(frame: pd.DataFrame) -> dict[str, Any]:
    """How columns are shown: instants in UTC, dates without a time, whole numbers with thousands apart."""
    config: dict[str, Any] = {}
    for name in frame.columns:
        if isinstance(frame[name].dtype, pd.DatetimeTZDtype):
            config[name] = st.column_config.DatetimeColumn(format="YYYY-MM-DD HH:mm:ss", timezone="UTC")
        elif pd.api.types.is_datetime64_dtype(frame[name]):
            config[name] = st.column_config.DateColumn(format="YYYY-MM-DD")
        elif name in frame.attrs.get(WHOLE, ()) or pd.api.types.is_integer_dtype(frame[name]):
            config[name] = st.column_config.NumberColumn(format="localized")
    return config


def below(answer: Answer, key: str) -> None:
    """Downloads and SQL of an answer, to stand below its chart or table."""
    row = st.container(horizontal=True)
    row.download_button(
        "CSV", csv_of(answer.frame), f"{key}.csv", "text/csv", key=f"{key}/csv", on_click="ignore"
    )
    row.download_button(
        "Parquet", parquet_of(answer.frame), f"{key}.parquet", "application/vnd.apache.parquet",
        key=f"{key}/parquet", on_click="ignore",
    )  # fmt: skip
    sql_beside(answer)


def printable(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows with control characters of text made visible."""
    return _with_texts(with_whole_numbers(frame), shown)


def csv_of(frame: pd.DataFrame) -> bytes:
    """CSV in UTF-8, times in ISO 8601. A text that a spreadsheet would take for a formula is defused."""
    safe = _with_texts(with_whole_numbers(frame), without_formula)
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
    with_whole_numbers(frame).to_parquet(buffer, index=False)
    return buffer.getvalue()
