"""Text of CREATE EXTERNAL TABLE, from the schema: for people, and for an account without the deployment."""

import json

from petrostream.schema import Field, Schema
from toolchain.paths import ROOT

_SETTINGS = ROOT / "infra" / "settings.json"
_FORMAT = {
    "parquet": "STORED AS PARQUET",
    "json": "ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'\n"
    "STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'\n"
    "OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'",
}


def ddl(table: Schema) -> str:
    """CREATE EXTERNAL TABLE for a table of the schema; its partitions are projected, or registered by jobs.

    The deployment creates the tables; the statement is for people, and for an account without the
    deployment. `${bucket}` stands for the bucket's name.
    """
    start = json.loads(_SETTINGS.read_text(encoding="utf-8"))["lake"]["projection_start"]
    location = f"s3://${{{table.zone}_bucket}}/{table.prefix}"
    columns = ",\n".join(_column(field) for field in table.fields)
    partitions = ",\n".join(_column(field) for field in table.partitions)
    described = "" if table.partitioning == "registered" else _projection(location, start)
    return (
        f"-- Table {table.name}: {table.description}\n"
        f"-- The deployment creates it. ${{{table.zone}_bucket}} is the bucket's name.\n"
        f"-- Written by `python -m tools.sql_render` from petrostream/schema/{table.name}.json.\n"
        f"CREATE EXTERNAL TABLE IF NOT EXISTS petrostream.{table.name} (\n{columns}\n)\n"
        f"PARTITIONED BY (\n{partitions}\n)\n"
        f"{_FORMAT[str(table.format)]}\n"
        f"LOCATION '{location}'\n{described}"
    )


def _projection(location: str, start: str) -> str:
    properties = {
        "projection.enabled": "true",
        "projection.date.type": "date",
        "projection.date.format": "yyyy-MM-dd",
        "projection.date.range": f"{start},NOW+1DAYS",
        "projection.date.interval": "1",
        "projection.date.interval.unit": "DAYS",
        "storage.location.template": f"{location}date=${{date}}/",
    }
    listed = ",\n".join(f"  '{name}' = '{value}'" for name, value in properties.items())
    return f"TBLPROPERTIES (\n{listed}\n)\n"


def _column(field: Field) -> str:
    comment = field.description + (f" [{field.unit}]" if field.unit else "")
    return f"  `{field.name}` {field.type} COMMENT {_quoted(comment)}"


def _quoted(text: str) -> str:
    """A text of Athena's DDL, which is Hive's: an apostrophe takes a backslash."""
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"
