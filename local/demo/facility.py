"""The facility part of the demo: do pairs add up, and are ALERTs where gas and vapor were raised?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.demo.queries import LandingWait, Query, SqlRow, report_sql, sql_time
from local.demo.report import Report
from petrostream.names import shown
from petrostream.times import to_sql

_COUNTS = (
    "readings", "duplicates", "matched", "no_tank", "late", "crowded", "waiting", "before_tanks", "missing",
    "alerts",
)  # fmt: skip


@dataclass(frozen=True)
class Pairing:
    """Result of the join for a run's readings: a row for each facility, from `run_pairing.sql`."""

    facilities: Sequence[SqlRow]

    def total(self, count: str) -> int:
        """A count over all facilities."""
        return sum(int(row[count]) for row in self.facilities)


def read_pairing(query: Query, since: datetime) -> Pairing:
    """Result of the join for the run that began at `since` (UTC)."""
    return Pairing(list(query(report_sql("run_pairing", since=sql_time(since)))))


def read_alerts(query: Query, since: datetime, raised: Sequence[SqlRow]) -> SqlRow:
    """Count the ALERTs caused by gas and vapor, and those that the ground truth does not explain.

    Args:
        query: runs a query on the lake.
        since: start of the run (UTC).
        raised: the stretches in the replay's report.
    """
    stretches = [
        "|".join((row["subject"], row["condition"], to_sql(row["start_ms"]), to_sql(row["end_ms"])))
        for row in raised
    ]
    # An empty text would be split into one stretch without a time.
    never = "-|-|1970-01-01 00:00:00.000|1970-01-01 00:00:00.000"
    (row,) = query(report_sql("run_alerts", since=sql_time(since), raised=",".join(stretches or [never])))
    return {name: int(value or 0) for name, value in row.items()}


def wait_until_joined(
    read: Callable[[], Pairing], sent: int, progress: Callable[[int], None], wait: LandingWait | None = None
) -> Pairing:
    """Query until no reading that should be joined is missing.

    Args:
        read: queries the lake.
        sent: number of readings that have landed.
        progress: called after every query with the number that are settled.
        wait: how long to wait.

    Raises:
        NotLandedError: nothing new arrived for `wait.seconds_without_progress`.
    """
    return (wait or LandingWait()).until(
        read,
        lambda found: found.total("readings") - found.total("missing"),
        sent,
        progress,
        "are not in facility_data",
    )


def summary(pairing: Pairing, alerts: SqlRow, replay: Report) -> Report:
    """The object `facility` of `build/demo.json`.

    Args:
        pairing: result of the join.
        alerts: result of `read_alerts`.
        replay: the object `facility` of the replay's report.
    """
    counts = {name: pairing.total(name) for name in _COUNTS}
    unmatched = {name: counts.pop(name) for name in ("no_tank", "late", "crowded")}
    parts = counts["matched"] + sum(unmatched.values()) + counts["waiting"] + counts["before_tanks"]
    return {
        "seed": replay["seed"],
        "tank_readings": replay["readings"],
        **counts,
        "unmatched": sum(unmatched.values()),
        "unmatched_reasons": unmatched,
        "adds_up": counts["readings"] == parts and not counts["duplicates"],
        "raised": len(replay["raised"]),
        "alerts_raised": alerts["raised"],
        "alerts_unexpected": alerts["unexpected"],
        "alerts_missed": alerts["missed"],
        "facilities": {
            str(row["facility_id"]): {name: int(row[name]) for name in _COUNTS} for row in pairing.facilities
        },
    }


def holds(facility: Report) -> bool:
    """Whether the numbers add up and every ALERT of gas and vapor is where it was raised."""
    return bool(facility["adds_up"]) and not (facility["alerts_unexpected"] or facility["alerts_missed"])


def show(facility: Report, console: Console) -> None:
    """Print the facility's figures."""
    table = Table(title="Wells and tanks, by facility")
    table.add_column("facility")
    names = ("readings", "matched", "no_tank", "late", "waiting", "alerts")
    for name in names:
        table.add_column(name.replace("_", " "), justify="right")
    for facility_id, row in facility["facilities"].items():
        table.add_row(Text(shown(facility_id), overflow="fold"), *(f"{row[name]:,}" for name in names))
    console.print(table)
    before = f"{facility['before_tanks']:,} before the first tank + " if facility["before_tanks"] else ""
    console.print(
        f"{facility['readings']:,} well readings with {facility['tank_readings']:,} tank readings = "
        f"{facility['matched']:,} pairs + {facility['unmatched']:,} unmatched + {before}"
        f"{facility['waiting']:,} still waiting: [bold]{'yes' if facility['adds_up'] else 'NO'}[/]; "
        f"{facility['duplicates']:,} duplicates in facility_data.",
        soft_wrap=True,
    )
    elsewhere, missed = facility["alerts_unexpected"], facility["alerts_missed"]
    verdict = "there and nowhere else: [bold]yes[/]."
    if elsewhere or missed:
        verdict = f"of which {elsewhere:,} lie elsewhere, and {missed:,} are missing: [bold]NO[/]."
    console.print(
        f"The simulator held gas or vapor over a limit in {facility['raised']:,} stretches. They make "
        f"{facility['alerts_raised']:,} ALERTs, {verdict}",
        soft_wrap=True,
    )
