"""`petrostream drift`: how far wells have moved from their baselines, a line for each well and day."""

import sys
from typing import Annotated

import typer

from local import sql as sql_client

MAX_ROWS = 1000


def main(
    wells: Annotated[
        list[str] | None, typer.Option("--well", help="Only this well; repeat the option for more.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days back from today.")] = 30,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print all rows as CSV.")] = False,
    aws: Annotated[bool, typer.Option("--aws", help="Query AWS, with your own credentials.")] = False,
) -> None:
    """Print each well's drift from its baseline by day: age, level shift, scores, hours outdated."""
    ask = sql_client.query_aws if aws else sql_client.query
    result = ask(statement(wells or (), days), max_rows=None if as_csv else MAX_ROWS)
    if as_csv:
        sql_client.write_csv(result, sys.stdout)
    else:
        sql_client.print_table(result, sql_client.console_of(sys.stdout))


def statement(wells: list[str] | tuple[str, ...], days: int) -> str:
    """The query in Athena's SQL.

    Args:
        wells: keep these only; all if there are none.
        days: days back from today.
    """
    names = ", ".join("'" + well.replace("'", "''") + "'" for well in wells)
    chosen = f"AND well_id IN ({names}) " if names else ""
    return (
        'SELECT well_id, "date", ROUND(baseline_age_days, 1) AS age_days, level_shift, '  # noqa: S608  (quoted)
        "level_shift_sensor, largest_level_shift, ROUND(outdated_hours, 1) AS outdated_h, "
        "ROUND(median_score, 3) AS median_score, ROUND(p99_score, 3) AS p99_score, "
        "ROUND(100 * flagged_share, 1) AS flagged_pct, "
        "ROUND(100 * without_baseline_share, 1) AS no_baseline_pct FROM well_drift "
        f"WHERE \"date\" >= CURRENT_DATE - INTERVAL '{days}' DAY {chosen}"
        'ORDER BY well_id, "date"'
    )
