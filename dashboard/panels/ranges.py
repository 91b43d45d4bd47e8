"""Selectors of whole days and of a range of hours, the same on every page; the address carries neither."""

from datetime import datetime, timedelta

import streamlit as st

from dashboard.data.past import Days
from dashboard.state import reader

CHOICES = {"Today": 1, "7 days": 7, "30 days": 30, "90 days": 90}
HOURS = {"1 hour": 1, "6 hours": 6, "24 hours": 24, "7 days": 168}
OTHER = "Other days"
MOST_DAYS = 400
"""A query of more days than Athena lists partitions of in a few seconds is for `petrostream sql`."""


def choose_days(key: str, default: str = "7 days") -> Days | None:
    """A selector of days; None while the range is incomplete or too long."""
    now = reader().now()
    left, right = st.columns([1, 1], vertical_alignment="bottom")
    with left:
        chosen = st.segmented_control(
            "Days, UTC", [*CHOICES, OTHER], default=default, required=True, key=f"{key}/days"
        )
    if chosen != OTHER:
        return Days.back(now, CHOICES[chosen])
    with right:
        week = Days.back(now, 7)
        picked = st.date_input(
            "From and to", (week.first, week.last), max_value=week.last, key=f"{key}/range"
        )
    if not isinstance(picked, tuple) or len(picked) != 2:
        st.caption("Choose the last day too.")
        return None
    days = Days(*picked)
    if days.number > MOST_DAYS:
        st.caption(f"{days.number} days are too many for a page: at most {MOST_DAYS}.")
        return None
    return days


def choose_hours(key: str, default: str = "6 hours") -> tuple[datetime, datetime]:
    """A selector of the last hours: start and end, UTC."""
    chosen = st.segmented_control("Range", HOURS, default=default, required=True, key=f"{key}/hours")
    end = end_of_minute(reader().now())
    return end - timedelta(hours=HOURS[chosen]), end


def end_of_minute(now: datetime) -> datetime:
    """Where a range up to now ends: the same for a minute, so that viewers share an answer."""
    return now.replace(second=0, microsecond=0) + timedelta(minutes=1)
