"""Names of everything that is deployed: a function of the settings, the account and the region.

Both definitions produce the same names, so whatever comes after a deployment needs neither of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from deploy import terraform_state
from deploy.place import Place
from infra.settings import Settings, Zone
from infra.settings_services import ContainerSettings
from toolchain.package import FUNCTIONS

LAKE_STACK = "PetroStreamLake"
STACKS = (LAKE_STACK, "PetroStreamStream", "PetroStreamScoring", "PetroStreamJobs")
"""Stacks of every lake, in the order of their dependencies."""

SERVICES_STACK = "PetroStreamServices"
"""The stack of containers, where `services.enabled` of the settings asks for it."""

SPARK_STACK = "PetroStreamSpark"
"""The stack of Spark, where `spark.enabled` of the settings asks for it."""

OPS_STACK = "PetroStreamOps"
GUARDRAILS_STACK = "PetroStreamGuardrails"
"""The stack of operations alarms, and that of budgets and outside roles, exist on AWS only."""


@dataclass(frozen=True, slots=True)
class Names:
    """Names in one account and region."""

    settings: Settings
    place: Place

    def bucket(self, zone: Zone) -> str:
        """Name of a zone's bucket."""
        return f"{self.settings.project}-{zone}-{self.place.account}-{self.place.region}"

    @property
    def buckets(self) -> Mapping[Zone, str]:
        """Every bucket by zone."""
        return {zone: self.bucket(zone) for zone in self.settings.lake.buckets}

    @property
    def functions(self) -> Mapping[str, str]:
        """Function by the name of its package."""
        return {package: str(getattr(self.settings, package).function) for package in FUNCTIONS}

    @property
    def deliveries(self) -> tuple[str, ...]:
        """Every Firehose."""
        hoses = self.settings.firehose
        sections = [getattr(hoses, field) for field in type(hoses).model_fields]
        return tuple(str(section.name) for section in sections if hasattr(section, "name"))

    @property
    def containers(self) -> tuple[ContainerSettings, ...]:
        """The services that the settings ask for."""
        return self.settings.services.running

    @property
    def log_prefixes(self) -> tuple[str, ...]:
        """What the names of the log groups begin with."""
        return (
            *(f"/aws/lambda/{name}" for name in self.functions.values()),
            *(f"/aws/kinesisfirehose/{name}" for name in self.deliveries),
            *(f"/ecs/{container.service}" for container in self.containers),
            *((f"/aws/emr-serverless/{self.settings.spark.name}",) if self.settings.spark.enabled else ()),
        )

    @property
    def state_bucket(self) -> str:
        """Bucket of Terraform's state, of the bootstrap and not of the lake."""
        return terraform_state.bucket_name(self.place.account, self.place.region)

    @property
    def assets_bucket(self) -> str:
        """Bucket of the CDK's own bootstrap, shared by every CDK app of the account and region."""
        return f"cdk-hnb659fds-assets-{self.place.account}-{self.place.region}"

    def arn(self, service: str, resource: str) -> str:
        """ARN of a resource."""
        place = self.place
        if service == "s3":
            return f"arn:{place.partition}:s3:::{resource}"
        return f"arn:{place.partition}:{service}:{place.region}:{place.account}:{resource}"
