"""The result of one run, queried from the lake: figures for `build/demo.json`, and a table for people."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from local.demo.queries import LandingWait, Query, SqlRow, report_sql, sql_time
from ops.outcome import ReadingCounts, lines
from petrostream.names import shown

Report = dict[str, Any]


@dataclass(frozen=True)
class Landed:
    """What the lake holds of one run."""

    wells: list[SqlRow]
    quarantine: list[SqlRow]

    @property
    def landed(self) -> int:
        """Readings in `well_data`."""
        return sum(int(row["landed"]) for row in self.wells)

    @property
    def quarantined(self) -> int:
        """Lines in the quarantine."""
        return sum(int(row["quarantined"]) for row in self.quarantine)

    @property
    def accounted(self) -> int:
        """Readings that arrived somewhere."""
        return self.landed + self.quarantined


def read_landed(query: Query, since: datetime) -> Landed:
    """What the lake holds of the run that began at `since` (UTC)."""

    def rows(name: str) -> list[SqlRow]:
        return list(query(report_sql(name, since=sql_time(since))))

    return Landed(wells=rows("run_by_well"), quarantine=rows("run_quarantined"))


def wait_until_landed(
    read: Callable[[], Landed], sent: int, progress: Callable[[int], None], wait: LandingWait | None = None
) -> Landed:
    """Query until every reading that was sent has landed or is quarantined.

    Args:
        read: queries the lake.
        sent: number of readings that the stream accepted.
        progress: called after every query with the number that have arrived.
        wait: how long to wait.

    Raises:
        NotLandedError: nothing new arrived for `wait.seconds_without_progress`.
    """
    return (wait or LandingWait()).until(
        read, lambda landed: landed.accounted, sent, progress, "have not arrived"
    )


def summary(landed: Landed, replay: Report, seconds: float, objects: int = 0) -> Report:
    """The run's figures, as in `build/demo.json`.

    Args:
        landed: what the lake holds.
        replay: the report that `producer/replay.py --report` wrote.
        seconds: duration of the whole demo.
        objects: objects under the error prefixes of all Firehoses.
    """
    sent = {well: int(figures["readings"]) for well, figures in replay["wells"].items()}
    wells: dict[str, SqlRow] = {well: {"sent": count, "landed": 0} for well, count in sent.items()}
    for row in landed.wells:
        well = str(row["well_id"])
        wells[well] = {"sent": sent.get(well, 0)} | {
            name: value if value is None or isinstance(value, int) else str(value)
            for name, value in row.items()
            if name != "well_id"
        }
    alarms = [figures["first_alarm"] for figures in wells.values() if figures.get("first_alarm")]
    return {
        "sent": int(replay["readings"]),
        "landed": landed.landed,
        "late": sum(int(row["late"]) for row in landed.wells),
        "unscored": sum(int(row["unscored"]) for row in landed.wells),
        "quarantined": landed.quarantined,
        "undelivered": objects,
        "duplicates": sum(int(row["duplicates"]) for row in landed.wells),
        "anomalies": sum(int(row["anomalies"]) for row in landed.wells),
        "first_alarm": min(alarms, default=None),
        "seconds": round(seconds, 1),
        "quarantine_reasons": {str(row["reasons"]): int(row["quarantined"]) for row in landed.quarantine},
        "wells": dict(sorted(wells.items())),
    }


def show(report: Report, console: Console) -> None:
    """Print the run's figures."""
    table = Table(title="What happened, by well")
    table.add_column("well")
    for name in ("sent", "landed", "anomalies", "of its event", "of its normal time"):
        table.add_column(name, justify="right")
    table.add_column("first alarm (UTC)")
    for well, row in report["wells"].items():
        table.add_row(
            Text(shown(well), overflow="fold"),
            f"{row['sent']:,}",
            f"{row['landed']:,}",
            f"{row.get('anomalies', 0):,}",
            _share(row.get("anomalies_in_event", 0), row.get("event_readings", 0)),
            _share(row.get("anomalies_in_normal", 0), row.get("normal_readings", 0)),
            (row.get("first_alarm") or "-")[:19],
        )
    console.print(table)
    balance = report["sent"] == report["landed"] + report["quarantined"]
    console.print(
        f"{report['sent']:,} readings sent = {report['landed']:,} landed + "
        f"{report['quarantined']:,} quarantined: [bold]{'yes' if balance else 'NO'}[/]; "
        f"{report['duplicates']:,} duplicates in well_data; {report['anomalies']:,} anomalies; "
        f"first alarm {(report['first_alarm'] or 'none')[:19]}; {report['seconds']:.0f} s in all.",
        soft_wrap=True,
    )
    counts = [report[name] for name in ("landed", "late", "unscored", "quarantined", "undelivered")]
    for line in lines(ReadingCounts(*counts), report["sent"]):
        console.print(line, markup=False, soft_wrap=True)


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"
