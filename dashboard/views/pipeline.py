"""The pipeline: how much flows, how late it is, what was left aside, and what it costs."""

from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class Shares:
    """What became of the readings of a range of time.

    Attributes:
        readings: rows of `well_data`.
        late, unscored: those stored without a score, since they came late or for another reason.
        quarantined: lines rejected in the same days.
    """

    readings: float
    late: float
    unscored: float
    quarantined: float

    def share(self, count: float, whole: float) -> str:
        """A count as a share, in words."""
        return f"{100 * count / whole:.2f} % of {whole:,.0f}" if whole else "no readings"


def live_tiles(present: Present, flow: pd.DataFrame, seconds: int) -> list[Tile]:
    """Throughput and lag: the fleet's from the live table, and that of scoring from the lake."""
    newest = present.newest_ms()
    old_ms = None if newest is None else present.now_ms - newest
    last = flow.iloc[-2:-1]  # The last stretch is not over yet.
    rate = float(last["readings"].iloc[0]) / seconds if len(last) else 0.0
    moment = (
        f"in {seconds} s from {last['bucket'].iloc[0]:%H:%M:%S} UTC" if len(last) else "nothing was scored"
    )
    lag = float(flow["lag_median_s"].median()) if flow["lag_median_s"].notna().any() else None
    return [
        Tile("throughput", "Readings per second", f"{rate:,.1f}", moment),
        Tile(
            "lag", "From reading to score, median", "-" if lag is None else f"{lag:,.1f} s",
            "of readings that were not late",
        ),
        Tile(
            "newest", "Newest reading", "-" if old_ms is None else f"{age(old_ms)} old",
            f"{len(present.active())} of {len(present.wells)} wells send",
            abnormal=old_ms is None or old_ms > STALE_MS,
        ),
    ]  # fmt: skip


def shares_of(flow: pd.DataFrame, fresh: pd.DataFrame) -> Shares:
    """What became of the readings, from `throughput` and `freshness`."""
    totals = flow[["readings", "late", "unscored"]].sum()
    rejected = fresh.loc[fresh["table_name"] == "quarantine", "landed"].sum()
    readings, late, unscored = (float(totals[name]) for name in ("readings", "late", "unscored"))
    return Shares(readings, late, unscored, float(rejected))


def share_tiles(shares: Shares) -> list[Tile]:
    """Late, unscored and quarantined readings as shares of all."""
    whole = shares.readings + shares.quarantined
    return [
        Tile("late", "Late", f"{shares.late:,.0f}", shares.share(shares.late, shares.readings)),
        Tile("unscored", "Without a score", f"{shares.unscored:,.0f}",
             shares.share(shares.unscored, shares.readings)),
        Tile("quarantined", "Quarantined", f"{shares.quarantined:,.0f}",
             shares.share(shares.quarantined, whole), abnormal=20 * shares.quarantined > whole > 0),
    ]  # fmt: skip


def error_tile(found: list[Undelivered]) -> Tile:
    """What the Firehoses could not deliver; that none is looked at is no good news."""
    if not found:
        return Tile("undelivered", "Objects under errors", "-", "not looked at: FIREHOSES is not set")
    number = sum(len(one.keys) for one in found)
    where = ", ".join(f"{one.stream}: {len(one.keys)}" for one in found if one.keys)
    note = f"{where}; `petrostream redeliver` sends them again" if number else "nothing waits under errors/"
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
    charts = [("readings", flow.bars("readings", "Readings scored in each stretch", colour=LINE))]
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
            "rows, last 2 days": fresh["landed"].astype("int64"),
            "last row": fresh["last_row"],
            "age": ages,
        }
    )
