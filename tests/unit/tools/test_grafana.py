"""The Grafana dashboard: as generated, on the views, with CloudWatch's metrics and no secret."""

import json
from datetime import datetime
from itertools import chain

import pytest
import yaml

from infra.settings import load_settings
from infra.watch import AccountRegion, dashboard
from local.athena import bridge
from local.athena.inference import Typer
from tests.support.grafana import athena_targets, panels, sent
from tests.support.secrets import ACCOUNT, SECRET
from tools import grafana

RANGE = datetime(2026, 11, 20, 12), datetime(2026, 11, 27, 12)


def load(name):
    return yaml.safe_load((grafana.FOLDER / "provisioning" / name / "petrostream.yaml").read_text())


def test_the_files_are_as_generated_to_the_byte():
    files = grafana.rendered()
    assert {path for path in grafana.FOLDER.rglob("*") if path.is_file()} == files.keys()
    stale = [path.name for path, text in files.items() if path.read_bytes() != text.encode()]
    assert stale == [], "run make grafana"


@pytest.mark.parametrize("title", sorted(athena_targets()))
def test_a_panel_asks_for_its_days_in_columns_that_are_there(title):
    target = athena_targets()[title]
    assert '$__dateFilter("date")' in target["rawSQL"]
    query = bridge.expand(bridge.parse(sent(target["rawSQL"], *RANGE)), bridge.load_views())
    columns = dict(Typer(bridge.lake_tables()).columns(query))
    assert None not in columns.values()
    if target["format"] == 0:  # a time series: its time, its numbers, and texts that tell lines apart
        assert [str(kind) for kind in columns.values()] == ["timestamp", "varchar", "double"]
        assert next(iter(columns)) == "time"
    assert target["connectionArgs"]["database"] == load_settings().lake.database


def test_panels_lie_beside_and_below_each_other_on_24_columns():
    cells = set()
    for panel in panels():
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not own & cells
        cells |= own
    numbers = [panel["id"] for panel in panels()]
    assert len(set(numbers)) == len(numbers) > 20


def test_cloudwatch_panels_have_every_metric_of_cloudwatch_s_dashboard():
    widgets = json.loads(dashboard(load_settings(), AccountRegion("ACCOUNT", "default", "aws")))["widgets"]
    expected, expressions = set(), set()
    for widget in widgets:
        for *named, options in widget["properties"].get("metrics", []):
            if "expression" in options:
                expressions.add(options["expression"])
            else:
                expected.add((*named[:2], *named[2:], options["stat"]))
    found = [target for panel in panels() for target in cloudwatch(panel)]
    metrics = {
        (t["namespace"], t["metricName"], *chain.from_iterable(t["dimensions"].items()), t["statistic"])
        for t in found
        if not t["expression"]
    }
    assert metrics == expected
    assert {t["expression"] for t in found if t["expression"]} == expressions


def cloudwatch(panel):
    return [one for one in panel.get("targets", []) if one["datasource"]["type"] == "cloudwatch"]


def test_metric_math_names_metrics_of_its_own_panel():
    for panel in panels():
        names = [target["id"] for target in cloudwatch(panel)]
        assert len(names) == len(set(names))
        for target in panel.get("targets", []):
            for word in ("scored", "quarantined", "arriving"):
                if word in target.get("expression", ""):
                    assert word in names


def test_panels_use_the_data_sources_that_are_provisioned():
    sources = {source["uid"]: source for source in load("datasources")["datasources"]}
    used = {panel["datasource"]["uid"] for panel in panels() if "datasource" in panel}
    assert used == sources.keys()
    athena = sources["petrostream-athena"]["jsonData"]
    lake = load_settings().lake
    assert (athena["database"], athena["workgroup"]) == (lake.database, lake.workgroup)
    assert athena["assumeRoleArn"].endswith(f":role/{load_settings().project}-analyst-$AWS_REGION")
    (provider,) = load("dashboards")["providers"]
    assert provider["options"]["path"]


def test_no_file_holds_a_secret_or_an_account():
    for path in grafana.FOLDER.rglob("*.*"):
        text = path.read_text(encoding="utf-8")
        assert SECRET.search(text) is None
        assert ACCOUNT.search(text) is None
