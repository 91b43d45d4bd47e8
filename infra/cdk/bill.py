"""What a month may cost: the budgets, the hard stop, and the subscription to anomalies."""

import json

from aws_cdk import Aws, CfnCondition, CfnParameter, Fn, Stack
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_ce as ce
from aws_cdk import aws_iam as iam

from infra.cdk.common import statement
from infra.cdk.ops import cdk_place
from infra.settings import Settings, SettingsError
from infra.watch import policy

MONITOR_PATTERN = r"arn:aws[a-z-]*:ce::\d{12}:anomalymonitor/[a-zA-Z0-9-]+"

NO_MONITOR = "arn:aws:ce::000000000000:anomalymonitor/none"
"""Stands for none: CloudFormation's own check takes no empty text where an ARN belongs."""

Notification = budgets.CfnBudget.NotificationWithSubscribersProperty


class BillGuards:
    """Budgets, hard stop and anomalies in the stack of the guardrails.

    Args:
        scope: the stack.
        settings: the settings; the monthly limit must be filled in.
        email: who is told.
        analyst: the analysts' role, which the hard stop reaches.

    Raises:
        SettingsError: there is no monthly limit.
    """

    def __init__(self, scope: Stack, settings: Settings, email: CfnParameter, analyst: iam.Role) -> None:
        limit = settings.budget.monthly_limit_usd
        if limit is None:
            raise SettingsError(
                "budget.monthly_limit_usd is null, the computed bill with room: give it as the context "
                "monthlyLimitUsd; `python -m deploy` does, and `python -m cost.limit` prints it"
            )
        self._scope = scope
        self._settings = settings
        self._email = email
        self._analyst = analyst
        self._budget("Budget", "monthly", limit, self._alerts())
        self._hard_stop()
        if settings.budget.anomaly_usd is not None:
            self._anomalies(settings.budget.anomaly_usd)

    def _name(self, name: str) -> str:
        return f"{self._settings.project}-{name}-{Aws.REGION}"

    def _alerts(self) -> list[Notification]:
        budget = self._settings.budget
        first = [] if budget.first_alert_usd is None else [(budget.first_alert_usd, "ABSOLUTE_VALUE")]
        shares = [(float(percent), "PERCENTAGE") for percent in budget.alert_percent]
        return [self._alert(threshold, kind) for threshold, kind in (*first, *shares)]

    def _alert(self, threshold: float, kind: str) -> Notification:
        return Notification(
            notification=budgets.CfnBudget.NotificationProperty(
                comparison_operator="GREATER_THAN",
                notification_type="ACTUAL",
                threshold=threshold,
                threshold_type=kind,
            ),
            subscribers=[
                budgets.CfnBudget.SubscriberProperty(
                    subscription_type="EMAIL", address=self._email.value_as_string
                )
            ],
        )

    def _budget(
        self, construct_id: str, name: str, limit: float, alerts: list[Notification]
    ) -> budgets.CfnBudget:
        tagged = {"TagKeyValue": [f"user:project${self._settings.tags['project']}"]}
        return budgets.CfnBudget(
            self._scope,
            construct_id,
            budget=budgets.CfnBudget.BudgetDataProperty(
                budget_name=f"{self._settings.project}-{name}",
                budget_type="COST",
                time_unit="MONTHLY",
                budget_limit=budgets.CfnBudget.SpendProperty(amount=limit, unit="USD"),
                cost_filters=tagged if self._settings.budget.scope == "project" else None,
            ),
            notifications_with_subscribers=alerts or None,
        )

    def _hard_stop(self) -> None:
        """A budget whose action forbids reading and writing the stream, and queries. It deletes nothing."""
        settings = self._settings.budget
        budget = self._budget("HardStopBudget", "hard-stop", settings.hard_stop_usd, [])
        deny = iam.ManagedPolicy(
            self._scope,
            "HardStop",
            managed_policy_name=self._name("hard-stop"),
            description="Attached by the budget action at the hard stop: nothing goes in, nothing is read",
            document=iam.PolicyDocument.from_json(policy("hard_stop", self._settings, cdk_place())),
        )
        roles = [
            f"{self._settings.scoring.function}-{Aws.REGION}",
            f"{self._settings.raw_copy.function}-{Aws.REGION}",
            self._analyst.role_name,
            *(f"{one.service}-{Aws.REGION}" for one in self._settings.services.running),
            *settings.hard_stop_roles,
        ]
        executor = self._executor(deny.managed_policy_arn, roles)
        action = budgets.CfnBudgetsAction(
            self._scope,
            "HardStopAction",
            budget_name=f"{self._settings.project}-hard-stop",
            action_type="APPLY_IAM_POLICY",
            notification_type="ACTUAL",
            approval_model=settings.hard_stop_approval,
            action_threshold=budgets.CfnBudgetsAction.ActionThresholdProperty(type="PERCENTAGE", value=100),
            execution_role_arn=executor.role_arn,
            definition=budgets.CfnBudgetsAction.DefinitionProperty(
                iam_action_definition=budgets.CfnBudgetsAction.IamActionDefinitionProperty(
                    policy_arn=deny.managed_policy_arn, roles=roles
                )
            ),
            subscribers=[
                budgets.CfnBudgetsAction.SubscriberProperty(type="EMAIL", address=self._email.value_as_string)
            ],
        )
        action.add_resource_dependency(budget)

    def _executor(self, deny_arn: str, roles: list[str]) -> iam.Role:
        """What AWS Budgets acts as: it may attach and detach that one policy, on those roles."""
        attach = statement(
            ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
            [
                self._analyst.role_arn
                if name == self._analyst.role_name
                else f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/{name}"
                for name in roles
            ],
        )
        attach.add_conditions({"ArnEquals": {"iam:PolicyARN": deny_arn}})
        return iam.Role(
            self._scope,
            "HardStopRole",
            role_name=self._name("hard-stop"),
            assumed_by=iam.ServicePrincipal(
                "budgets.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            ),
            inline_policies={"attach": iam.PolicyDocument(statements=[attach])},
        )

    def _anomalies(self, usd: float) -> None:
        """A subscription to the monitor by service: the account's, or one of its own where it has none.

        A monitor by tag would see the lake alone, but exists in management accounts only (AWS Cost Management
        User Guide, "Getting started with AWS Cost Anomaly Detection"); by service an account can have one.
        """
        known = CfnParameter(
            self._scope,
            "AnomalyMonitorArn",
            type="String",
            default=NO_MONITOR,
            description="ARN of the account's anomaly monitor by service if it has one; else one is created",
            allowed_pattern=f"^{MONITOR_PATTERN}$",
            constraint_description="must be the ARN of an anomaly monitor",
        )
        create = CfnCondition(
            self._scope, "CreateAnomalyMonitor", expression=Fn.condition_equals(known, NO_MONITOR)
        )
        monitor = ce.CfnAnomalyMonitor(
            self._scope,
            "ServiceMonitor",
            monitor_name=self._settings.project,
            monitor_type="DIMENSIONAL",
            monitor_dimension="SERVICE",
        )
        monitor.cfn_options.condition = create
        watched = Fn.condition_if(create.logical_id, monitor.attr_monitor_arn, known.value_as_string)
        ce.CfnAnomalySubscription(
            self._scope,
            "AnomalySubscription",
            subscription_name=self._settings.project,
            frequency="DAILY",
            monitor_arn_list=[watched.to_string()],
            subscribers=[
                ce.CfnAnomalySubscription.SubscriberProperty(
                    type="EMAIL", address=self._email.value_as_string
                )
            ],
            threshold_expression=json.dumps(
                {
                    "Dimensions": {
                        "Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
                        "MatchOptions": ["GREATER_THAN_OR_EQUAL"],
                        "Values": [f"{usd:g}"],
                    }
                }
            ),
        )
