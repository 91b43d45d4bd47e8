"""Stack `PetroStreamSpark`: where `batch/spark.py` runs, and the role that it runs with.

An application of EMR Serverless without capacity of its own: it starts with a job, stops when it has been
idle, and costs nothing in between.
"""

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_emrserverless as emrserverless
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.cdk.common import Deployment, arn, log_group, role, statement
from infra.cdk.ops import cdk_place
from infra.settings import Settings
from infra.watch import policy

ARCHITECTURE = "ARM64"


class SparkStack(Stack):
    """The Spark application, its log group, and the role of its jobs."""

    def __init__(self, scope: Construct, construct_id: str, *, deployment: Deployment) -> None:
        super().__init__(
            scope,
            construct_id,
            synthesizer=deployment.synthesizer(),
            description="PetroStream: Spark for backfills of months, idle at no cost",
        )
        self.settings = deployment.settings
        spark = self.settings.spark
        self.application = self._application()
        # Jobs are started with this group: an application of this kind has none of its own.
        group = log_group(self, "Logs", f"/aws/emr-serverless/{spark.name}", self.settings)
        self.role = role(
            self,
            "Role",
            name=spark.name,
            service="emr-serverless.amazonaws.com",
            own_account=True,
            source_arn=arn(self, "emr-serverless", "/applications/*"),
            policies=_rights(self.settings),
        )
        CfnOutput(self, "SparkApplicationId", value=self.application.attr_application_id)
        CfnOutput(self, "SparkRoleArn", value=self.role.role_arn)
        CfnOutput(self, "SparkLogGroup", value=group.log_group_name)

    def _application(self) -> emrserverless.CfnApplication:
        spark = self.settings.spark
        kind = emrserverless.CfnApplication
        return kind(
            self,
            "Application",
            name=spark.name,
            type="SPARK",
            release_label=spark.release,
            architecture=ARCHITECTURE,
            auto_start_configuration=kind.AutoStartConfigurationProperty(enabled=True),
            auto_stop_configuration=kind.AutoStopConfigurationProperty(
                enabled=True, idle_timeout_minutes=spark.idle_minutes
            ),
            maximum_capacity=kind.MaximumAllowedResourcesProperty(
                cpu=f"{spark.max_vcpu} vCPU",
                memory=f"{spark.max_memory_gb} GB",
                disk=f"{spark.max_disk_gb} GB",
            ),
        )


def _rights(settings: Settings) -> dict[str, list[iam.PolicyStatement]]:
    document = policy("spark", settings, cdk_place())
    return {row["Sid"]: [statement(row["Action"], row["Resource"])] for row in document["Statement"]}
