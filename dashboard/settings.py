"""Settings of the dashboard, from environment variables; `petrostream dashboard` sets them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from petrostream.aws.athena import DATABASE, WORKGROUP
from petrostream.errors import SettingInvalid


@dataclass(frozen=True, slots=True)
class DashboardSettings:
    """Names of what the dashboard reads, and who acts on alarms.

    Attributes:
        live_table: LIVE_TABLE, the DynamoDB table of the fleet's present.
        alarm_stream: ALARM_STREAM, Firehose stream of the alarm history.
        database: ATHENA_DATABASE, `petrostream` if not set.
        workgroup: ATHENA_WORKGROUP, which limits what a query may scan; `petrostream` if not set.
        fleet_file: FLEET_FILE, invented positions of facilities; without it none has a position.
        operator: DASHBOARD_OPERATOR, name proposed for actions on alarms; empty if not set.
        firehoses: FIREHOSES, names of the Firehoses whose error prefixes are looked at, with commas.
        budget: BUDGET_NAME, the budget of AWS Budgets that watches the lake; empty where nothing is billed.
        billed: whether calls go to AWS: AWS_ENDPOINT_URL, which the twin sets, is empty.
        cloudwatch_url: CLOUDWATCH_URL, address of the dashboard in CloudWatch; empty if there is none.
        powerbi_url: POWERBI_URL, address of the published report; empty if there is none.
    """

    live_table: str
    alarm_stream: str
    database: str = DATABASE
    workgroup: str = WORKGROUP
    fleet_file: Path | None = None
    operator: str = ""
    firehoses: tuple[str, ...] = ()
    budget: str = ""
    billed: bool = False
    cloudwatch_url: str = ""
    powerbi_url: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "DashboardSettings":
        """Read the settings.

        Raises:
            SettingInvalid: a variable is missing or empty, or an address is not one of the web.
        """
        fleet_file = environment.get("FLEET_FILE", "").strip()
        return cls(
            live_table=_required(environment, "LIVE_TABLE", "the name of the DynamoDB table"),
            alarm_stream=_required(environment, "ALARM_STREAM", "the name of a Firehose stream"),
            database=environment.get("ATHENA_DATABASE", "").strip() or DATABASE,
            workgroup=environment.get("ATHENA_WORKGROUP", "").strip() or WORKGROUP,
            fleet_file=Path(fleet_file) if fleet_file else None,
            operator=environment.get("DASHBOARD_OPERATOR", "").strip(),
            firehoses=tuple(filter(None, map(str.strip, environment.get("FIREHOSES", "").split(",")))),
            budget=environment.get("BUDGET_NAME", "").strip(),
            billed=not environment.get("AWS_ENDPOINT_URL", "").strip(),
            cloudwatch_url=_address(environment, "CLOUDWATCH_URL"),
            powerbi_url=_address(environment, "POWERBI_URL"),
        )


def _required(environment: Mapping[str, str], name: str, expected: str) -> str:
    value = environment.get(name, "").strip()
    if not value:
        hint = f"{expected}; `petrostream dashboard` sets all of them"
        raise SettingInvalid(name, environment.get(name), hint)
    return value


def _address(environment: Mapping[str, str], name: str) -> str:
    url = environment.get(name, "").strip()
    if url and not url.startswith("https://"):
        raise SettingInvalid(name, url, "an address that begins with https://, or leave it empty")
    return url
