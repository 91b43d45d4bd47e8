"""What reports read, the read-only role may read: no report asks for the quarantine, or for another zone."""

import json
from datetime import datetime

import pytest

from petrostream.schema import GOLD_TABLES, schema
from tests.support import mquery
from tests.support.cookbook import recipes
from tests.support.grafana import athena_targets, sent
from tests.support.paths import ROOT
from tests.support.scan import columns_read
from tools.powerbi import project

RANGE = datetime(2026, 11, 20), datetime(2026, 11, 27)
DAYS = {"RangeStart": "2026-11-20", "RangeEnd": "2026-11-27"}
QUERIES = (
    {f"Power BI: {t.name}": mquery.sql(t.query, DAYS) for t in project.model().tables if "Odbc" in t.query}
    | {f"Grafana: {title}": sent(target["rawSQL"], *RANGE) for title, target in athena_targets().items()}
    | {f"cookbook: {recipe.number}": recipe.sql for recipe in recipes()}
)


def readable() -> set[str]:
    """Prefixes of the curated zone that the analysts' policy lets read."""
    policy = json.loads((ROOT / "infra" / "policies" / "analyst.json").read_text(encoding="utf-8"))
    (statement,) = (one for one in policy["Statement"] if one["Sid"] == "Read")
    return {resource.partition("-curated-${account}-${region}/")[2] for resource in statement["Resource"]}


def test_the_role_reads_the_curated_tables_and_nothing_else():
    curated = {f"{schema(name).prefix}*" for name in ("scored_readings", "facility_readings", "alarms")}
    assert readable() == {*curated, "gold/*"}
    assert all(str(schema(name).prefix).startswith("gold/") for name in GOLD_TABLES)


@pytest.mark.parametrize("name", sorted(QUERIES))
def test_a_report_reads_what_the_role_may(name):
    tables = columns_read(QUERIES[name])
    assert tables
    for table in tables:
        assert schema(table).zone == "curated"
        assert any(str(schema(table).prefix).startswith(one.rstrip("*")) for one in readable())
