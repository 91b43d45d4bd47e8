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
from infra.settings_services import OidcSignIn

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
        missing: what CloudWatch makes of a period without data.
        metrics: what it watches.
        settings: when it fires.
    """

    key: str
    name: str
    description: str
    unit: str
    expression: str | None
    missing: str
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
        "batch": settings.batch.function,
        "nightly": settings.batch.nightly,
        "weekly": settings.batch.weekly,
        "backfill": settings.batch.backfill,
        "schedule_group": settings.batch.schedule_group,
        "dashboard": settings.ops.dashboard,
        "project_tag": settings.tags["project"],
        "services": settings.services.name,
        "scoring_service": settings.services.scoring.service,
        "dashboard_service": settings.services.dashboard.service,
        "spark": settings.spark.name,
        "client_secret": _client_secret(settings),
    }


def _client_secret(settings: Settings) -> str:
    """Name of the secret with which the load balancer signs people in; of none there is, if it needs none."""
    sign_in = settings.services.access.sign_in
    return sign_in.client_secret if isinstance(sign_in, OidcSignIn) else f"{settings.project}-none"


def runbook(key: str) -> str:
    """File name of an operations alarm's runbook."""
    return f"{key.replace('_', '-')}.md"


def operations_alarms(
    settings: Settings, place: AccountRegion, *, running: bool = False
) -> list[OperationsAlarm]:
    """The operations alarms, in the order of `infra/alarms.json`.

    Args:
        settings: the settings.
        place: where they are.
        running: whether the services of the settings run; those of services that do not are left out.

    Raises:
        KeyError: the file uses a name that `names` does not have.
    """
    table = _filled(ALARMS_FILE, names(settings, place))
    services = settings.services if running and settings.services.enabled else None
    parts = {"scoring": services is not None, "dashboard": bool(services and services.dashboard.enabled)}
    by_service = services is not None and settings.scoring.consumer == "service"
    return [
        _alarm(key, row, settings, by_service=by_service)
        for key, row in table.items()
        if "part" not in row or parts[row["part"]]
    ]


def _alarm(key: str, row: Mapping[str, Any], settings: Settings, *, by_service: bool) -> OperationsAlarm:
    # The function and the service measure some things by metrics of their own.
    metrics = {**row["metrics"], **(row.get("by_service", {}) if by_service else {})}
    return OperationsAlarm(
        key=key,
        name=f"{settings.project}-{key.replace('_', '-')}",
        description=f"{row['summary']}. Runbook: {settings.ops.runbooks}/{runbook(key)}",
        unit=row["unit"],
        expression=row.get("expression"),
        # Most of these metrics have data points only while there is something to count.
        missing=row.get("missing", "notBreaching"),
        metrics=tuple(
            Metric(name, metric["namespace"], metric["name"], metric["statistic"], metric["dimensions"])
            for name, metric in metrics.items()
        ),
        settings=getattr(settings.alarms, key),
    )


def dashboard(settings: Settings, place: AccountRegion, *, running: bool = False) -> str:
    """The body of the dashboard, as JSON; `running` as for the alarms."""
    every = operations_alarms(settings, place, running=running)
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
