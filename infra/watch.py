"""What both definitions share besides the settings: operations alarms, dashboard, access policies.

They are JSON with `${names}` in it, which Terraform's `templatefile` fills in as `string.Template` does here.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

from infra.settings import Settings
from infra.settings_ops import OperationsAlarmSettings

FOLDER = Path(__file__).resolve().parent
ALARMS_FILE = FOLDER / "alarms.json"
DASHBOARD_FILE = FOLDER / "dashboard.json.tpl"
POLICIES = FOLDER / "policies"


@dataclass(frozen=True, slots=True)
class AccountRegion:
    """Where things are: values, or tokens that CloudFormation fills in."""

    account: str
    region: str
    partition: str


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric an operations alarm watches; `id` is its name in the alarm's expression."""

    id: str
    namespace: str
    name: str
    statistic: str
    dimensions: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OperationsAlarm:
    """One operations alarm: a CloudWatch alarm about the lake itself, never one of a well.

    Attributes:
        key: its name in the settings.
        name: its name in CloudWatch.
        description: what it means and where to read what to do.
        unit: what its threshold counts.
        expression: metric math over its metrics; None if it compares its one metric directly.
        metrics: what it watches.
        settings: when it fires.
    """

    key: str
    name: str
    description: str
    unit: str
    expression: str | None
    metrics: tuple[Metric, ...]
    settings: OperationsAlarmSettings


def names(settings: Settings, place: AccountRegion) -> dict[str, str]:
    """Values of the `${names}` in the shared files."""
    return {
        "project": settings.project,
        "account": place.account,
        "region": place.region,
        "partition": place.partition,
        "database": settings.lake.database,
        "workgroup": settings.lake.workgroup,
        "stream": settings.stream.name,
        "raw": settings.firehose.raw.name,
        "raw_copy": settings.raw_copy.function,
        "delivery": settings.firehose.delivery.name,
        "facility": settings.firehose.facility.name,
        "alarms": settings.firehose.alarms.name,
        "quarantine": settings.firehose.quarantine.name,
        "live_table": settings.live.table,
        "scoring": settings.scoring.function,
        "failure_queue": settings.scoring.failure_queue,
        "transform": settings.firehose_transform.function,
        "dashboard": settings.ops.dashboard,
    }


def runbook(key: str) -> str:
    """File name of an operations alarm's runbook."""
    return f"{key.replace('_', '-')}.md"


def operations_alarms(settings: Settings, place: AccountRegion) -> list[OperationsAlarm]:
    """Every operations alarm, in the order of `infra/alarms.json`.

    Raises:
        KeyError: the file uses a name that `names` does not have.
    """
    table = _filled(ALARMS_FILE, names(settings, place))
    return [_alarm(key, row, settings) for key, row in table.items()]


def _alarm(key: str, row: Mapping[str, Any], settings: Settings) -> OperationsAlarm:
    return OperationsAlarm(
        key=key,
        name=f"{settings.project}-{key.replace('_', '-')}",
        description=f"{row['summary']}. Runbook: {settings.ops.runbooks}/{runbook(key)}",
        unit=row["unit"],
        expression=row.get("expression"),
        metrics=tuple(
            Metric(name, metric["namespace"], metric["name"], metric["statistic"], metric["dimensions"])
            for name, metric in row["metrics"].items()
        ),
        settings=getattr(settings.alarms, key),
    )


def dashboard(settings: Settings, place: AccountRegion) -> str:
    """The body of the dashboard, as JSON."""
    every = operations_alarms(settings, place)
    prefix = f"arn:{place.partition}:cloudwatch:{place.region}:{place.account}:alarm:"
    thresholds = {f"threshold_{alarm.key}": f"{alarm.settings.threshold:g}" for alarm in every}
    values = {
        **names(settings, place),
        **thresholds,
        "runbooks": settings.ops.runbooks,
        "alarm_arns": json.dumps([f"{prefix}{alarm.name}" for alarm in every]),
    }
    return json.dumps(_filled(DASHBOARD_FILE, values), separators=(",", ":"))


def policy(name: str, settings: Settings, place: AccountRegion) -> dict[str, Any]:
    """The policy document `infra/policies/<name>.json`."""
    return _filled(POLICIES / f"{name}.json", names(settings, place))


def _filled(path: Path, values: Mapping[str, str]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(Template(path.read_text(encoding="utf-8")).substitute(values))
    return document
