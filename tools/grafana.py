"""Write the Grafana dashboard and its data sources: `python -m tools.grafana`, part of `make grafana`.

Names come from infra/settings.json, the CloudWatch panels from infra/dashboard.json.tpl, as CloudWatch's own
dashboard does; the Athena panels ask the views for reports.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from infra.settings import Settings, load_settings
from infra.watch import AccountRegion, dashboard
from toolchain import commands
from toolchain.paths import ROOT

FOLDER = ROOT / "dashboard" / "grafana"
ATHENA = {"type": "grafana-athena-datasource", "uid": "petrostream-athena"}
CLOUDWATCH = {"type": "cloudwatch", "uid": "petrostream-cloudwatch"}
_TIME_SERIES, _TABLE = 0, 1
"""How the Athena plugin shapes rows (its FormatOptions)."""

_REGION = "default"
"""The data source's own region."""
_WIDTH, _HEIGHT = 8, 8


@dataclass(frozen=True, slots=True)
class AthenaPanel:
    """A panel that asks Athena: its title, kind, unit of Grafana, SQL, and whether it is a table."""

    title: str
    kind: str
    unit: str
    sql: str
    table: bool = False


PANELS = (
    AthenaPanel(
        "Wells with readings", "stat", "short",
        'SELECT COUNT(DISTINCT well_id) AS wells FROM wells_by_day WHERE $__dateFilter("date")', table=True,
    ),
    AthenaPanel(
        "Alarms annunciated", "stat", "short",
        "SELECT SUM(annunciated) AS alarms FROM alarm_transitions "
        'WHERE $__dateFilter("date") AND $__timeFilter(ts)', table=True,
    ),
    AthenaPanel(
        "Data quality", "stat", "none",
        "SELECT SUM(data_quality_mean * readings) / SUM(readings) AS data_quality "
        'FROM well_days WHERE $__dateFilter("date")', table=True,
    ),
    AthenaPanel(
        "Pressure by hour", "timeseries", "pressurebar",
        "SELECT hour_start AS time, well_id, pressure_mean / 1e5 AS pressure "
        'FROM well_hours WHERE $__dateFilter("date") AND $__timeFilter(hour_start) ORDER BY hour_start',
    ),
    AthenaPanel(
        "Temperature by hour", "timeseries", "celsius",
        "SELECT hour_start AS time, well_id, temperature_mean AS temperature "
        'FROM well_hours WHERE $__dateFilter("date") AND $__timeFilter(hour_start) ORDER BY hour_start',
    ),
    AthenaPanel(
        "Highest anomaly score by hour", "timeseries", "none",
        "SELECT hour_start AS time, well_id, anomaly_score_max AS score "
        'FROM well_hours WHERE $__dateFilter("date") AND $__timeFilter(hour_start) ORDER BY hour_start',
    ),
    AthenaPanel(
        "Highest methane by day", "timeseries", "ppm",
        'SELECT CAST("date" AS timestamp) AS time, facility_id, methane_max_ppm AS methane '
        'FROM facility_days WHERE $__dateFilter("date") ORDER BY "date"',
    ),
    AthenaPanel(
        "Highest vapor by day", "timeseries", "ppm",
        'SELECT CAST("date" AS timestamp) AS time, facility_id, vapor_max_ppm AS vapor '
        'FROM facility_days WHERE $__dateFilter("date") ORDER BY "date"',
    ),
    AthenaPanel(
        "Alarms, the latest first", "table", "none",
        "SELECT ts, well_id, priority, alarm_type, sentence, likely_event FROM alarm_transitions "
        'WHERE $__dateFilter("date") AND $__timeFilter(ts) AND annunciated = 1 ORDER BY ts DESC LIMIT 200',
        table=True,
    ),
)  # fmt: skip


def rendered() -> dict[Path, str]:
    """Every file with its content."""
    settings = load_settings()
    return {
        FOLDER / "petrostream.json": json.dumps(_dashboard(settings), indent=2, ensure_ascii=False) + "\n",
        FOLDER / "provisioning" / "datasources" / "petrostream.yaml": _sources(settings),
        FOLDER / "provisioning" / "dashboards" / "petrostream.yaml": _provider(),
    }


def _dashboard(settings: Settings) -> dict[str, Any]:
    athena = [_athena(panel, settings) for panel in PANELS]
    placed = _placed(
        [_row("Wells and facilities (Athena)"), *athena, _row("Pipeline (CloudWatch)"), *_metrics(settings)]
    )
    return {
        "uid": "petrostream",
        "title": "PetroStream",
        "tags": ["petrostream"],
        "timezone": "utc",
        "schemaVersion": 39,
        "editable": True,
        "refresh": "",
        "time": {"from": "now-7d", "to": "now"},
        "templating": {"list": []},
        "annotations": {"list": []},
        "panels": placed,
    }


def _row(title: str) -> dict[str, Any]:
    return {"type": "row", "title": title, "collapsed": False, "panels": []}


def _placed(panels: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The panels, three side by side, each row of them below its heading."""
    x = y = 0
    found = []
    for number, panel in enumerate(panels, start=1):
        is_row = panel["type"] == "row"
        if is_row or x + _WIDTH > 24:
            y += 0 if x == 0 else _HEIGHT
            x = 0
        width, height = (24, 1) if is_row else (_WIDTH, _HEIGHT)
        found.append({"id": number, **panel, "gridPos": {"x": x, "y": y, "w": width, "h": height}})
        x, y = (0, y + 1) if is_row else (x + _WIDTH, y)
    return found


def _athena(panel: AthenaPanel, settings: Settings) -> dict[str, Any]:
    target = {
        "refId": "A",
        "datasource": ATHENA,
        "rawSQL": panel.sql,
        "format": _TABLE if panel.table else _TIME_SERIES,
        "connectionArgs": {
            "catalog": "AwsDataCatalog", "database": settings.lake.database, "region": "__default",
            "resultReuseEnabled": True, "resultReuseMaxAgeInMinutes": 15,
        },
    }  # fmt: skip
    return _panel(panel.title, panel.kind, panel.unit, ATHENA, [target])


def _panel(
    title: str, kind: str, unit: str, source: Mapping[str, str], targets: list[dict[str, Any]]
) -> dict[str, Any]:
    defaults = {"unit": unit} if kind != "table" else {}
    return {
        "type": kind,
        "title": title,
        "datasource": source,
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": {},
    }


def _metrics(settings: Settings) -> Iterator[dict[str, Any]]:
    """The metric widgets of CloudWatch's dashboard as Grafana panels."""
    body = json.loads(dashboard(settings, AccountRegion("ACCOUNT", _REGION, "aws")))
    for widget in body["widgets"]:
        properties = widget["properties"]
        if widget["type"] == "metric":
            targets = list(_targets(properties))
            label = properties["yAxis"]["left"]["label"]
            yield _panel(properties["title"], "timeseries", _UNITS.get(label, "short"), CLOUDWATCH, targets)


_UNITS = {"ms": "ms", "s": "s", "bytes": "bytes", "%": "percent", "USD": "currencyUSD"}


def _targets(properties: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for number, metric in enumerate(properties["metrics"]):
        *named, options = metric
        base = {
            "refId": chr(ord("A") + number),
            "datasource": CLOUDWATCH,
            "region": properties["region"],
            "id": options.get("id", f"m{number}"),
            "label": options.get("label", ""),
            "hide": options.get("visible") is False,
            "period": str(properties["period"]),
            "queryMode": "Metrics",
        }
        if "expression" in options:
            yield {**base, "metricQueryType": 0, "metricEditorMode": 1, "expression": options["expression"]}
        else:
            namespace, name, *pairs = named
            yield {
                **base, "metricQueryType": 0, "metricEditorMode": 0, "expression": "", "namespace": namespace,
                "metricName": name, "dimensions": dict(zip(pairs[::2], pairs[1::2], strict=True)),
                "statistic": options["stat"], "matchExact": True,
            }  # fmt: skip


def _sources(settings: Settings) -> str:
    return f"""# Data sources for Grafana: set AWS_REGION and AWS_ACCOUNT in its environment.
# No secret stands here: Grafana uses the credentials of the machine it runs on, and asks Athena with the
# read-only role.
# Written by `python -m tools.grafana` from infra/settings.json.
apiVersion: 1
datasources:
  - name: PetroStream Athena
    uid: {ATHENA["uid"]}
    type: {ATHENA["type"]}
    access: proxy
    jsonData:
      authType: default
      assumeRoleArn: arn:aws:iam::$AWS_ACCOUNT:role/{settings.project}-analyst-$AWS_REGION
      defaultRegion: $AWS_REGION
      catalog: AwsDataCatalog
      database: {settings.lake.database}
      workgroup: {settings.lake.workgroup}
  - name: PetroStream CloudWatch
    uid: {CLOUDWATCH["uid"]}
    type: {CLOUDWATCH["type"]}
    access: proxy
    jsonData:
      authType: default
      defaultRegion: $AWS_REGION
"""


def _provider() -> str:
    return """# Tells Grafana where the dashboard is: mount the folder dashboard/grafana there.
# Written by `python -m tools.grafana`.
apiVersion: 1
providers:
  - name: PetroStream
    type: file
    allowUiUpdates: false
    options:
      path: /var/lib/grafana/dashboards/petrostream
"""


def main() -> None:
    """Write every file."""
    for path, text in rendered().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        sys.stdout.write(f"wrote {path.relative_to(ROOT)}\n")


if __name__ == "__main__":
    commands.run(main)
