"""Stack `PetroStreamGuardrails`: what a month may cost, and who may do what from outside.

Deployed by a person, not by the pipeline: the role of the pipeline is in here, and cannot change itself.
"""

import json
from collections.abc import Mapping
from typing import Any

from aws_cdk import (
    Aws,
    CfnCondition,
    CfnOutput,
    CfnParameter,
    CfnResource,
    Duration,
    Fn,
    ICfnRuleConditionExpression,
    Stack,
)
from aws_cdk import aws_budgets as budgets
from aws_cdk import aws_ce as ce
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.cdk.common import Deployment, statement
from infra.cdk.ops import cdk_place, email_parameter
from infra.watch import policy

GITHUB = "token.actions.githubusercontent.com"
"""The host of GitHub's OIDC provider, which is also the prefix of its condition keys."""

REPOSITORY_PATTERN = r"[A-Za-z0-9](-?[A-Za-z0-9]){0,38}/[A-Za-z0-9._-]{1,100}"
"""An owner and a repository as GitHub allows them; no wildcard passes."""

PROVIDER_PATTERN = r"arn:aws[a-z-]*:iam::\d{12}:oidc-provider/token\.actions\.githubusercontent\.com"


class GuardrailsStack(Stack):
    """Budgets and their hard stop, the anomaly monitor, the roles for GitHub and for analysts."""

    def __init__(self, scope: Construct, construct_id: str, *, deployment: Deployment) -> None:
        super().__init__(
            scope,
            construct_id,
            synthesizer=deployment.synthesizer(),
            description="PetroStream: budgets, roles for deployment and analysts",
        )
        self._deployment = deployment
        self._settings = deployment.settings
        self.email = email_parameter(self)
        self.analyst = self._analyst()
        self._budget("Budget", "monthly", self._settings.budget.monthly_limit_usd, self._alerts())
        self._hard_stop()
        self._anomalies()
        self._github()

    def _document(self, name: str) -> iam.PolicyDocument:
        return iam.PolicyDocument.from_json(policy(name, self._settings, cdk_place()))

    def _role_name(self, name: str) -> str:
        return f"{self._settings.project}-{name}-{Aws.REGION}"

    def _analyst(self) -> iam.Role:
        """Read-only, for SQL clients and Power BI: people assume it with rights of their own account."""
        role = iam.Role(
            self,
            "Analyst",
            role_name=self._role_name("analyst"),
            description="Reads the curated readings through the Athena work group",
            assumed_by=iam.AccountPrincipal(Aws.ACCOUNT_ID),
            max_session_duration=Duration.hours(12),
            inline_policies={"read": self._document("analyst")},
        )
        CfnOutput(self, "AnalystRoleArn", value=role.role_arn)
        return role

    # --- the bill ---------------------------------------------------------------------------------------

    def _alerts(self) -> list[budgets.CfnBudget.NotificationWithSubscribersProperty]:
        return [
            budgets.CfnBudget.NotificationWithSubscribersProperty(
                notification=budgets.CfnBudget.NotificationProperty(
                    comparison_operator="GREATER_THAN",
                    notification_type="ACTUAL",
                    threshold=percent,
                    threshold_type="PERCENTAGE",
                ),
                subscribers=[
                    budgets.CfnBudget.SubscriberProperty(
                        subscription_type="EMAIL", address=self.email.value_as_string
                    )
                ],
            )
            for percent in self._settings.budget.alert_percent
        ]

    def _budget(
        self,
        construct_id: str,
        name: str,
        limit: float,
        alerts: list[budgets.CfnBudget.NotificationWithSubscribersProperty],
    ) -> budgets.CfnBudget:
        tagged = {"TagKeyValue": [f"user:project${self._settings.tags['project']}"]}
        return budgets.CfnBudget(
            self,
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
            self,
            "HardStop",
            managed_policy_name=self._role_name("hard-stop"),
            description="Attached by the budget action at the hard stop: nothing goes in, nothing is read",
            document=self._document("hard_stop"),
        )
        roles = [
            f"{self._settings.scoring.function}-{Aws.REGION}",
            f"{self._settings.firehose.raw.name}-{Aws.REGION}",
            self.analyst.role_name,
            *settings.hard_stop_roles,
        ]
        executor = self._executor(deny.managed_policy_arn, roles)
        action = budgets.CfnBudgetsAction(
            self,
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
                budgets.CfnBudgetsAction.SubscriberProperty(type="EMAIL", address=self.email.value_as_string)
            ],
        )
        action.add_resource_dependency(budget)

    def _executor(self, deny_arn: str, roles: list[str]) -> iam.Role:
        """What AWS Budgets acts as: it may attach and detach that one policy, on those roles."""
        attach = statement(
            ["iam:AttachRolePolicy", "iam:DetachRolePolicy"],
            [
                self.analyst.role_arn
                if name == self.analyst.role_name
                else f"arn:{Aws.PARTITION}:iam::{Aws.ACCOUNT_ID}:role/{name}"
                for name in roles
            ],
        )
        attach.add_conditions({"ArnEquals": {"iam:PolicyARN": deny_arn}})
        return iam.Role(
            self,
            "HardStopRole",
            role_name=self._role_name("hard-stop"),
            assumed_by=iam.ServicePrincipal(
                "budgets.amazonaws.com",
                conditions={"StringEquals": {"aws:SourceAccount": Aws.ACCOUNT_ID}},
            ),
            inline_policies={"attach": iam.PolicyDocument(statements=[attach])},
        )

    def _anomalies(self) -> None:
        """A monitor of what carries the project's tag: an account may have one monitor by service only."""
        monitor = ce.CfnAnomalyMonitor(
            self,
            "AnomalyMonitor",
            monitor_name=self._settings.project,
            monitor_type="CUSTOM",
            monitor_specification=json.dumps(
                {"Tags": {"Key": "project", "Values": [self._settings.tags["project"]]}}
            ),
        )
        ce.CfnAnomalySubscription(
            self,
            "AnomalySubscription",
            subscription_name=self._settings.project,
            frequency="DAILY",
            monitor_arn_list=[monitor.attr_monitor_arn],
            subscribers=[
                ce.CfnAnomalySubscription.SubscriberProperty(type="EMAIL", address=self.email.value_as_string)
            ],
            threshold_expression=json.dumps(
                {
                    "Dimensions": {
                        "Key": "ANOMALY_TOTAL_IMPACT_ABSOLUTE",
                        "MatchOptions": ["GREATER_THAN_OR_EQUAL"],
                        "Values": [f"{self._settings.budget.anomaly_usd:g}"],
                    }
                }
            ),
        )

    # --- GitHub -----------------------------------------------------------------------------------------

    def _github(self) -> None:
        """Two roles without keys: one that plans from the branch, one that deploys with an approval."""
        repository = CfnParameter(
            self,
            "GitHubRepository",
            type="String",
            default="",
            description="The GitHub repository that may deploy, as owner/name; empty makes no roles for it",
            allowed_pattern=f"^({REPOSITORY_PATTERN})?$",
            constraint_description="must be owner/name, without wildcards, or empty",
        )
        named = Fn.condition_not(Fn.condition_equals(repository, ""))
        given = CfnCondition(self, "FromGitHub", expression=named)
        provider = self._provider(named)
        read = iam.ManagedPolicy(
            self,
            "PlanPolicy",
            managed_policy_name=self._role_name("plan"),
            description="Reads how everything of PetroStream is set up, and no data",
            document=self._document("plan"),
        )
        _only_if(given, read)
        access = self._settings.access
        ref = f"refs/heads/{access.branch}"
        subjects = {
            "plan": f"repo:{repository.value_as_string}:ref:{ref}",
            "deploy": f"repo:{repository.value_as_string}:environment:{access.environment}",
        }
        for name, subject in subjects.items():
            role = iam.Role(
                self,
                name.capitalize(),
                role_name=self._role_name(name),
                assumed_by=iam.FederatedPrincipal(
                    provider, _trust(subject, ref), "sts:AssumeRoleWithWebIdentity"
                ),
                max_session_duration=Duration.minutes(access.session_minutes),
                managed_policies=[read],
                inline_policies={} if name == "plan" else {"deploy": self._document("deploy")},
            )
            _only_if(given, role)
            CfnOutput(self, f"{name.capitalize()}RoleArn", value=role.role_arn, condition=given)

    def _provider(self, named: ICfnRuleConditionExpression) -> str:
        """GitHub's provider. An account can have it once, so one that is there can be named."""
        known = CfnParameter(
            self,
            "GitHubProviderArn",
            type="String",
            default="",
            description="ARN of GitHub's OIDC provider if the account has it already; empty creates it",
            allowed_pattern=f"^({PROVIDER_PATTERN})?$",
            constraint_description="must be the ARN of GitHub's OIDC provider, or empty",
        )
        missing = Fn.condition_and(named, Fn.condition_equals(known, ""))
        create = CfnCondition(self, "CreateGitHubProvider", expression=missing)
        created = iam.CfnOIDCProvider(
            self, "GitHubProvider", url=f"https://{GITHUB}", client_id_list=["sts.amazonaws.com"]
        )
        created.cfn_options.condition = create
        return Fn.condition_if(create.logical_id, created.attr_arn, known.value_as_string).to_string()


def _only_if(condition: CfnCondition, construct: iam.Role | iam.ManagedPolicy) -> None:
    resource = construct.node.default_child
    assert isinstance(resource, CfnResource)
    resource.cfn_options.condition = condition


def _trust(subject: str, ref: str) -> Mapping[str, Any]:
    """What a token must say: for AWS, of that branch, and from that branch or environment exactly."""
    return {
        "StringEquals": {
            f"{GITHUB}:aud": "sts.amazonaws.com",
            f"{GITHUB}:sub": subject,
            f"{GITHUB}:ref": ref,
        }
    }
