"""Write sql/ddl and sql/views from petrostream/schema: `python -m tools.sql_render`.

The files are in the repository because people read and run them; a test compares them with the schema, so
that no column is written twice by hand.
"""

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from petrostream.alarms import ONE_CONSOLE
from petrostream.schema import TABLES, Field, Schema, schema
from toolchain import commands
from toolchain.paths import ROOT
from tools.sql_tables import ddl

SQL = ROOT / "sql"
_CONSOLES = ROOT / "infra" / "consoles.json"


def rendered() -> dict[Path, str]:
    """Every generated file with its content."""
    tables = {SQL / "ddl" / f"{name}.sql": ddl(schema(name)) for name in TABLES}
    positions = {SQL / "views" / "consoles.sql": consoles(json.loads(_CONSOLES.read_text(encoding="utf-8")))}
    plain = {SQL / "views" / "plain_readings.sql": plain_view(schema("scored_readings"))}
    return tables | _reading_views() | _event_views() | positions | _recent() | plain


def _reading_views() -> dict[Path, str]:
    """The views of readings, with one row of each identity."""
    return {
        SQL / "views" / "well_data.sql": gold_view(
            "well_data_gold",
            name="well_data",
            after="curated_data",
            question="What do we know of every reading? One row per event_id.",
        ),
        SQL / "views" / "curated_data.sql": view(
            schema("scored_readings"),
            name="curated_data",
            question="What do we know of every reading, by the curated zone alone? One row per event_id.",
            why=(
                "Exact at any time, and dearer than well_data, which reads past days from gold.\n"
                "A reading lands twice when it was sent or scored again. The first record that carried it\n"
                "counts: a later one comes late and has no score. Of that record the copy scored last\n"
                "counts: a retry may know more of the windows. Sequence numbers compare as numbers.\n"
                "A reading's copies share its date: a condition on date still skips the other partitions."
            ),
            identity=("date", "event_id"),
            first=('LENGTH("kinesis_sequence")', '"kinesis_sequence"', '"scored_at" DESC'),
        ),
        SQL / "views" / "facility_data.sql": view(
            schema("facility_readings"),
            name="facility_data",
            question="What was going on around each well reading, at its tank? One row per event_id.",
            why=(
                "A reading lands twice when it was sent or joined again. A copy with a tank reading counts\n"
                "before one without. Of those, the first record that carried the reading counts, and of\n"
                "that record the copy with the nearest tank reading: who knew less of the stream found no\n"
                "nearer one. Equal copies: the last. A reading's copies share its date."
            ),
            identity=("date", "event_id"),
            first=(
                '"pairing_status"',  # MATCHED comes before UNMATCHED
                'LENGTH("kinesis_sequence")',
                '"kinesis_sequence"',
                'ABS("dt_ms")',
                '"joined_at" DESC',
            ),
        ),
    }


def _event_views() -> dict[Path, str]:
    """The views of alarms and rejected lines, with one row of each identity."""
    return {
        SQL / "views" / "alarm_history.sql": gold_view(
            "alarm_history_gold",
            name="alarm_history",
            after="curated_alarm_history",
            question="What happened to every alarm, and when? One row per transition_id.",
        ),
        SQL / "views" / "curated_alarm_history.sql": view(
            schema("alarms"),
            name="curated_alarm_history",
            question="What happened to every alarm, by the curated zone alone? One row per transition_id.",
            why=(
                "Exact at any time; alarm_history reads past days from gold.\n"
                "A retry can land a transition twice, with the same identity. The first record that caused\n"
                "it counts; of that record the copy recorded last. A transition's copies share its date."
            ),
            identity=("date", "transition_id"),
            first=('LENGTH("kinesis_sequence")', '"kinesis_sequence"', '"recorded_at" DESC'),
        ),
        SQL / "views" / "quarantine_lines.sql": view(
            schema("quarantine"),
            name="quarantine_lines",
            question="What was rejected, and why? One row per quarantine_id.",
            why="A retry can land a line twice, also on two dates: the date is that of arrival.",
            identity=("quarantine_id",),
            first=('"quarantined_at" DESC', '"date" DESC'),
        ),
    }


def _recent() -> dict[Path, str]:
    """The views that say the same of the last days alone, so that a question without a date stays cheap."""
    readings = "recent_readings", "What do we know of every reading of the last 7 days? One row per event_id."
    history = (
        "recent_alarm_history",
        "What happened to every alarm in the last 7 days? One row per transition_id.",
    )
    views = {
        readings[0]: _last_days(*readings, source="well_data"),
        history[0]: _last_days(*history, source="alarm_history"),
    }
    for name, replaced in _RECENT.items():
        text = (SQL / "views" / f"{name}.sql").read_text(encoding="utf-8")
        for old, new in replaced.items():
            text = re.sub(rf"\b{old}\b", new, text)
        recent = replaced[name]
        views[recent] = (
            f"-- As {name}, of the last {RECENT_DAYS} days.\n"
            f"-- Written by `python -m tools.sql_render` from sql/views/{name}.sql.\n"
            + text[text.index("CREATE OR REPLACE VIEW") :]
        )
    query = (SQL / "queries" / "scoreboard.sql").read_text(encoding="utf-8").split("\n", 2)[2]
    return {
        **{SQL / "views" / f"{name}.sql": text for name, text in views.items()},
        SQL / "queries" / "scoreboard_recent.sql": (
            f"-- How good was the detector in the last {RECENT_DAYS} days: alarms, missed events, delays?\n"
            "-- Written by `python -m tools.sql_render` from sql/queries/scoreboard.sql.\n"
            + query.replace("detector_scoreboard", _RECENT["detector_scoreboard"]["detector_scoreboard"])
        ),
    }


def _last_days(name: str, question: str, source: str) -> str:
    return (
        f"-- {question}\n"
        "-- A query without a date lists every day since lake.projection_start; this one lists nine.\n"
        "-- Written by `python -m tools.sql_render`.\n"
        f"CREATE OR REPLACE VIEW {name} AS\n"
        f"SELECT *\nFROM {source}\n"
        f"WHERE \"date\" >= CURRENT_DATE - INTERVAL '{RECENT_DAYS}' DAY\n"
    )


RECENT_DAYS = 7
_RECENT = {
    "alarm_spans": {"alarm_spans": "recent_alarm_spans", "alarm_history": "recent_alarm_history"},
    "detector_scoreboard": {
        "detector_scoreboard": "recent_scoreboard",
        "well_data": "recent_readings",
        "alarm_spans": "recent_alarm_spans",
    },
}


def consoles(setting: Mapping[str, Any]) -> str:
    """CREATE VIEW with the operator position of each facility that does not report to the default one."""
    rows = [
        f"  ({_literal(facility)}, {_literal(console)})"
        for facility, console in sorted(setting["facilities"].items())
    ]
    # A view needs a row to know its types by; this one names no facility. The type of '' is varchar(0),
    # which Athena refuses as the column of a view: so both columns are cast.
    listed = ",\n".join([*rows, f"  ('', {_literal(ONE_CONSOLE)})"])
    return (
        "-- Which operator position does each facility report to? One that is not here: to console-1.\n"
        "-- Written by `python -m tools.sql_render` from infra/consoles.json.\n"
        "CREATE OR REPLACE VIEW consoles AS\n"
        "SELECT\n  CAST(facility_id AS varchar) AS facility_id,\n  CAST(console AS varchar) AS console\n"
        f"FROM (\n  VALUES\n{listed}\n) AS listed (facility_id, console)\n"
    )


def _literal(text: str) -> str:
    """A text of Athena's queries: an apostrophe is doubled."""
    return "'" + text.replace("'", "''") + "'"


def view(
    table: Schema, *, name: str, question: str, why: str, identity: tuple[str, ...], first: tuple[str, ...]
) -> str:
    """CREATE VIEW with one row per identity: the copy that comes first in the given order."""
    fields = [*table.names, *(partition.name for partition in table.partitions)]
    columns = ",\n".join(f'  "{field}"' for field in fields)
    keys = ", ".join(f'"{field}"' for field in identity)
    order = ", ".join(first)
    reasons = "\n".join(f"-- {line}" for line in why.splitlines())
    return (
        f"-- {question}\n{reasons}\n"  # noqa: S608  the names are the schema's
        f"-- Written by `python -m tools.sql_render` from petrostream/schema/{table.name}.json.\n"
        f"CREATE OR REPLACE VIEW {name} AS\n"
        f"SELECT\n{columns}\n"
        f"FROM (\n"
        f"  SELECT *, ROW_NUMBER() OVER (PARTITION BY {keys} ORDER BY {order}) AS copy_number\n"
        f"  FROM {table.name}\n"
        f")\n"
        f"WHERE copy_number = 1\n"
    )


def gold_view(table: str, *, name: str, after: str, question: str) -> str:
    """CREATE VIEW that reads gold where it exists, and the view `after` for all other dates."""
    gold = schema(table)
    columns = ",\n".join(f"  {_named(field)}" for field in (*gold.fields, *gold.partitions))
    return (
        f"-- {question}\n"
        f"-- Gold where it exists, and {after} for all other dates. Jobs write the dates in the\n"
        "-- place of FALSE and TRUE (batch/views.py): literals, so that a query is planned without\n"
        "-- the days it leaves out.\n"
        f"-- Written by `python -m tools.sql_render` from petrostream/schema/{table}.json.\n"
        f"CREATE OR REPLACE VIEW {name} AS\n"
        f"SELECT\n{columns}\nFROM {table}\nWHERE FALSE -- gold: in {table}\n"
        f"UNION ALL\n"
        f"SELECT\n{columns}\nFROM {after}\nWHERE TRUE -- gold: not in {table}\n"
    )


def plain_view(table: Schema) -> str:
    """CREATE VIEW of well_data for clients that read no arrays: each is one text, its values in order."""
    units = {"pressure": "p_tpt", "temperature": "t_tpt"}
    columns = ",\n".join(
        f"  ARRAY_JOIN({_named(field)}, ', ') AS {_named(field)}"
        if field.type.startswith("array")
        else f"  CASE WHEN ANY_MATCH(validation_reasons, reason -> reason LIKE 'unit:{units[field.name]}:%')"
        f" THEN NULL ELSE {_named(field)} END AS {_named(field)}"
        if field.name in units
        else f"  {_named(field)}"
        for field in (*table.fields, *table.partitions)
    )
    return (
        "-- What do we know of every reading, in types that every client reads? One row per event_id.\n"
        "-- As well_data, but a list is one text, its values separated by commas, and `pressure` and\n"
        "-- `temperature` are null where their gauge is in another unit: `p_tpt` and `t_tpt` have the\n"
        "-- values as they came.\n"
        f"-- Written by `python -m tools.sql_render` from petrostream/schema/{table.name}.json.\n"
        f"CREATE OR REPLACE VIEW plain_readings AS\nSELECT\n{columns}\nFROM well_data\n"
    )


def _named(field: Field) -> str:
    return f'"{field.name}"'


def main() -> None:
    """Write every generated file."""
    for path, text in rendered().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    commands.run(main)
