"""Sections of `infra/settings.json` about watching the lake and its bill: ops, alarms, budget, access."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from infra.section import Name, Section

RoleName = Annotated[str, Field(pattern=r"^[\w+=,.@-]{1,64}$")]
Percent = Annotated[int, Field(ge=1, le=100)]

DAY_SECONDS = 86_400
MOST_USD = 1_000_000
"""Most that a limit may be: a larger one is a typing error."""
ALERTS = 5
"""Alerts that a budget may have (AWS Cost Management User Guide, "Creating a budget")."""


class OpsSettings(Section):
    """Where operations alarms are sent, and what describes them.

    Attributes:
        topic: name of the SNS topic of all operations alarms.
        dashboard: name of the CloudWatch dashboard.
        runbooks: folder of the runbooks, as a path in the repository or as a web address.
    """

    topic: Name
    dashboard: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,255}$")]
    runbooks: Annotated[str, Field(pattern=r"^\S*[^\s/]$", max_length=300)]


class OperationsAlarmSettings(Section):
    """When one operations alarm fires: `datapoints` of the last `periods` at or over `threshold`.

    Attributes:
        threshold: in the unit that `infra/alarms.json` names.
        period_seconds: time that one datapoint covers.
        periods: number of latest datapoints that count.
        datapoints: how many of them must reach the threshold.
    """

    threshold: Annotated[float, Field(gt=0)]
    period_seconds: Annotated[int, Field(ge=60, multiple_of=60, description="shorter costs more")]
    periods: Annotated[int, Field(ge=1)]
    datapoints: Annotated[int, Field(ge=1)]

    @model_validator(mode="after")
    def _in_range(self) -> "OperationsAlarmSettings":
        if self.datapoints > self.periods:
            raise ValueError("datapoints must not exceed periods")
        if self.period_seconds * self.periods > DAY_SECONDS:
            raise ValueError("period_seconds times periods must not exceed a day (86400)")
        return self


class OperationsAlarms(Section):
    """One operations alarm each; `infra/alarms.json` says what it measures, `docs/runbooks` what to do.

    The section is called `alarms` in the settings, as CloudWatch calls them; alarms of wells are elsewhere.
    """

    scoring_silent: OperationsAlarmSettings
    scoring_behind: OperationsAlarmSettings
    scoring_errors: OperationsAlarmSettings
    batches_given_up: OperationsAlarmSettings
    models_rejected: OperationsAlarmSettings
    quarantined_share: OperationsAlarmSettings
    stream_throttled: OperationsAlarmSettings
    raw_late: OperationsAlarmSettings
    delivery_late: OperationsAlarmSettings
    conversion_failed: OperationsAlarmSettings
    blocks_failed: OperationsAlarmSettings
    transform_errors: OperationsAlarmSettings
    nightly_failed: OperationsAlarmSettings
    schedule_failed: OperationsAlarmSettings
    service_down: OperationsAlarmSettings
    dashboard_down: OperationsAlarmSettings


class BudgetSettings(Section):
    """What a month may cost, when an e-mail is sent, and when the flow of readings is stopped.

    Attributes:
        monthly_limit_usd: what `alert_percent` refers to; null is the computed bill with room for 40 %
            more, which the deployment fills in (`cost.limit`).
        first_alert_usd: the month's bill at which the first e-mail is sent; null sends none but those below.
        alert_percent: shares of the limit at which an e-mail is sent.
        hard_stop_usd: the month's bill at which the flow of readings is stopped.
        hard_stop_approval: whether AWS stops it automatically, or after an approval.
        hard_stop_roles: names of further roles to stop: those that producers use.
        scope: whether to count the account's bill, or that of resources with the project's tag. The tag
            counts nothing until it is activated as a cost allocation tag.
        anomaly_usd: deviation from the usual bill at which an e-mail is sent; null watches for none.
    """

    monthly_limit_usd: Annotated[float, Field(gt=0, le=MOST_USD)] | None
    first_alert_usd: Annotated[float, Field(gt=0, le=MOST_USD)] | None
    alert_percent: Annotated[list[Percent], Field(min_length=1, max_length=5)]
    hard_stop_usd: Annotated[float, Field(gt=0, le=MOST_USD)]
    hard_stop_approval: Literal["AUTOMATIC", "MANUAL"]
    hard_stop_roles: Annotated[list[RoleName], Field(max_length=50)]
    scope: Literal["account", "project"]
    anomaly_usd: Annotated[float, Field(gt=0, le=MOST_USD)] | None

    @model_validator(mode="after")
    def _consistent(self) -> "BudgetSettings":
        if sorted(set(self.alert_percent)) != self.alert_percent:
            raise ValueError("alert_percent must rise, each share once")
        if len(self.alert_percent) + (self.first_alert_usd is not None) > ALERTS:
            raise ValueError(
                f"a budget has at most {ALERTS} alerts: first_alert_usd and alert_percent together"
            )
        if self.monthly_limit_usd is not None and self.hard_stop_usd <= self.monthly_limit_usd:
            raise ValueError("hard_stop_usd must be over monthly_limit_usd: warnings come before the stop")
        return self


class AccessSettings(Section):
    """Who may deploy from GitHub.

    Attributes:
        branch: the only branch whose workflows may plan or deploy.
        environment: the GitHub environment whose approval a deployment needs.
        session_minutes: how long the credentials of a role last.
    """

    branch: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,99}$")]
    environment: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]
    session_minutes: Annotated[int, Field(ge=60, le=720)]
