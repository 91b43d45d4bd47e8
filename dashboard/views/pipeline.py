"""The pipeline: how much flows, how late it is, what was left aside, and what it costs."""

from statistics import median

import pandas as pd

from dashboard.charts.bands import LINE, Stretches
from dashboard.charts.drawing import Drawing
from dashboard.charts.tiles import Tile
from dashboard.data.ports import Spend
from dashboard.data.reader import STALE_MS, Present
from petrostream.aws.alarm_list import age
from petrostream.aws.undelivered import Undelivered

TABLES = {
    "scored_readings": "Readings", "facility_readings": "Joined readings",
    "alarms": "Alarm history", "quarantine": "Quarantine",
}  # fmt: skip


FRESH_DAYS = 2
"""Days in which the last row of a table is sought."""


def live_tiles(present: Present) -> list[Tile]:
    """The newest reading, and how long readings take to their scores, from the live table."""
    newest = present.newest_ms()
    old_ms = None if newest is None else present.now_ms - newest
    waits = [well.status.scored_at_ms - well.status.ts_ms for well in present.wells]
    return [
        Tile(
            "newest", "Newest reading", "-" if old_ms is None else f"{age(old_ms)} old",
            f"{len(present.active())} of {len(present.wells)} wells send",
            abnormal=old_ms is None or old_ms > STALE_MS,
        ),
        Tile(
            "lag", "From reading to score", _wait(median(waits)) if waits else "-",
            "median of the wells' latest readings",
        ),
    ]  # fmt: skip


def _wait(ms: float) -> str:
    return f"{ms / 1000:,.1f} s" if ms < STALE_MS else age(round(ms))


def flow_tiles(flow: pd.DataFrame, quarantined: float, seconds: int) -> list[Tile]:
    """Throughput, and what became of the readings of a range.

    Args:
        flow: rows of `throughput`.
        quarantined: lines that were rejected in the same range.
        seconds: length of a stretch.
    """
    readings, late, unscored = (float(flow[name].sum()) for name in ("readings", "late", "unscored"))
    last = flow.iloc[-2:-1]  # The last stretch is not over yet.
    moment = (
        f"in {seconds} s from {last['bucket'].iloc[0]:%H:%M:%S} UTC" if len(last) else "no stretch is over"
    )
    rate = float(last["readings"].iloc[0]) / seconds if len(last) else 0.0
    whole = readings + quarantined
    return [
        Tile("throughput", "Readings per second", f"{rate:,.1f}", moment),
        Tile("late", "Late", f"{late:,.0f}", _share(late, readings)),
        Tile("unscored", "Without a score", f"{unscored:,.0f}", _share(unscored, readings)),
        Tile(
            "quarantined", "Quarantined", f"{quarantined:,.0f}", _share(quarantined, whole),
            abnormal=20 * quarantined > whole > 0,
        ),
    ]  # fmt: skip


def _share(count: float, whole: float) -> str:
    return f"{100 * count / whole:.2f} % of {whole:,.0f}" if whole else "no readings"


def error_tile(found: list[Undelivered]) -> Tile:
    """What the Firehoses could not deliver; that none is looked at is no good news."""
    if not found:
        return Tile("undelivered", "Objects under errors", "-", "not looked at: FIREHOSES is not set")
    number = sum(len(one.keys) for one in found)
    where = ", ".join(f"{one.stream}: {len(one.keys)}" for one in found if one.keys)
    note = f"{where}; petrostream redeliver sends them again" if number else "nothing waits under errors/"
    return Tile("undelivered", "Objects under errors", f"{number:,}", note, abnormal=number > 0)


def cost_tile(spend: Spend | None, *, billed: bool) -> Tile:
    """The month's bill so far, as AWS Budgets knows it."""
    if spend is None and billed:
        return Tile("cost", "Cost so far", "-", "no budget is watched: BUDGET_NAME is not set")
    if spend is None:
        return Tile("cost", "Cost so far", "$0.00", "this lake runs on this machine: nobody bills it")
    ahead = "" if spend.forecast is None else f", ${spend.forecast:,.2f} expected"
    return Tile(
        "cost", "Cost this month, so far", f"${spend.actual:,.2f}", f"of ${spend.limit:,.2f}{ahead}",
        abnormal=spend.actual > spend.limit or (spend.forecast or 0.0) > spend.limit,
    )  # fmt: skip


def flow_charts(flow: Stretches) -> list[tuple[str, Drawing]]:
    """Throughput and lag over time, by name."""
    charts = [("readings", flow.bars("readings", f"Readings scored in each {flow.seconds:,} s", colour=LINE))]
    if flow.rows["lag_median_s"].notna().any():
        title = "From reading to score, seconds: median and most"
        charts.append(("lag", flow.bands("lag_median_s", "lag_max_s", title)))
    return charts


def freshness_rows(fresh: pd.DataFrame, now: pd.Timestamp) -> pd.DataFrame:
    """Each table of the lake, its rows of these days, and how old the last is."""
    ages = [
        "" if pd.isna(last) else age(round((now - last).total_seconds() * 1000)) for last in fresh["last_row"]
    ]
    return pd.DataFrame(
        {
            "table": [TABLES.get(name, name) for name in fresh["table_name"]],
            f"rows, last {FRESH_DAYS} days": fresh["landed"].astype("int64"),
            "last row": fresh["last_row"],
            "age": ages,
        }
    )
