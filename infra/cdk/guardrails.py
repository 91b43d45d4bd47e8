"""Stack `PetroStreamGuardrails`: what a month may cost, and who may do what from outside.

Deployed by a person, not by the pipeline: the role of the pipeline is in here, and cannot change itself.
"""

from aws_cdk import Aws, CfnOutput, Duration, Stack
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.cdk.bill import BillGuards
from infra.cdk.common import Deployment
from infra.cdk.github import GitHubRoles
from infra.cdk.ops import cdk_place, email_parameter
from infra.settings import Settings
from infra.watch import policy


class GuardrailsStack(Stack):
    """Budgets and their hard stop, the watch for anomalies, the roles for GitHub and for analysts."""

    def __init__(self, scope: Construct, construct_id: str, *, deployment: Deployment) -> None:
        super().__init__(
            scope,
            construct_id,
            synthesizer=deployment.synthesizer(),
            description="PetroStream: budgets, roles for deployment and analysts",
        )
        self.email = email_parameter(self)
        self.analyst = self._analyst(deployment.settings)
        BillGuards(self, deployment.settings, self.email, self.analyst)
        GitHubRoles(self, deployment.settings)

    def _analyst(self, settings: Settings) -> iam.Role:
        """Read-only, for SQL clients and Power BI: people assume it with rights of their own account."""
        role = iam.Role(
            self,
            "Analyst",
            role_name=f"{settings.project}-analyst-{Aws.REGION}",
            description="Reads the curated readings through the Athena work group",
            assumed_by=iam.AccountPrincipal(Aws.ACCOUNT_ID),
            max_session_duration=Duration.hours(12),
            inline_policies={"read": iam.PolicyDocument.from_json(policy("analyst", settings, cdk_place()))},
        )
        CfnOutput(self, "AnalystRoleArn", value=role.role_arn)
        return role
