"""What every stack needs: the deployment, names, roles and log groups."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from aws_cdk import (
    Aws,
    CliCredentialsStackSynthesizer,
    DefaultStackSynthesizer,
    Duration,
    RemovalPolicy,
    Size,
    Stack,
    StackSynthesizer,
)
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.settings import Settings, Zone
from infra.settings_functions import FunctionSettings

DeployTarget = Literal["aws", "twin"]

ROOT = Path(__file__).resolve().parents[2]

PACKAGES: Mapping[DeployTarget, Path] = {
    "aws": ROOT / "build" / "lambda",
    "twin": ROOT / "build" / "lambda-local",
}
"""Where `python -m toolchain.package` leaves the function packages of each target."""


class PackageMissingError(FileNotFoundError):
    """A function package has not been built; the message says how to build it."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is deployed.

    Attributes:
        settings: validated settings.
        target: where to.
        packages: folder of the function packages.
        image_tag: tag of the services' images; None makes room for them and runs nothing.
    """

    settings: Settings
    target: DeployTarget
    packages: Path
    image_tag: str | None = None

    @property
    def twin(self) -> bool:
        """True for the local twin."""
        return self.target == "twin"

    @property
    def services(self) -> bool:
        """Whether there are containers; the emulator's ECS runs nothing."""
        return self.settings.services.enabled and not self.twin

    @property
    def spark(self) -> bool:
        """Whether there is a Spark application; the emulator has no EMR."""
        return self.settings.spark.enabled and not self.twin

    @property
    def service_reads(self) -> bool:
        """Whether the scoring service reads the stream.

        Until its image is there, the function goes on.
        """
        owns = self.settings.scoring.consumer == "service"
        return self.services and owns and self.image_tag is not None

    @property
    def tls_only(self) -> bool:
        """Whether resources refuse plain HTTP, which is all the emulator speaks, on loopback only."""
        return not self.twin

    def synthesizer(self) -> StackSynthesizer:
        """How a stack reaches its target: by the roles of `cdk bootstrap`, or by the caller's own rights.

        The emulator behind the twin refuses the bootstrap roles; see docs/adr/0004.
        """
        return CliCredentialsStackSynthesizer() if self.twin else DefaultStackSynthesizer()

    def bucket_name(self, zone: Zone) -> str:
        """Name of a bucket: account and region make it unique in the one name space of S3."""
        return f"{self.settings.project}-{zone}-{Aws.ACCOUNT_ID}-{Aws.REGION}"

    def bucket_arn(self, zone: Zone) -> str:
        """ARN of a bucket, from its name: stacks know each other by name, so none exports to another."""
        return f"arn:{Aws.PARTITION}:s3:::{self.bucket_name(zone)}"

    def architecture(self) -> lambda_.Architecture:
        """The settings' processor; the twin runs functions on the machine it is on."""
        if self.twin:
            arm = platform.machine().lower() in {"arm64", "aarch64"}
            return lambda_.Architecture.ARM_64 if arm else lambda_.Architecture.X86_64
        return lambda_.Architecture.custom(self.settings.runtime.architecture)

    def package(self, name: str) -> lambda_.AssetCode:
        """The code of a function.

        Raises:
            PackageMissingError: the package has not been built.
        """
        path = self.packages / f"{name}.zip"
        if not path.is_file():
            raise PackageMissingError(
                f"{path} is missing: build it with `python -m toolchain.package --target {self.target}`"
            )
        return lambda_.Code.from_asset(str(path))


def statement(actions: Sequence[str], resources: Sequence[str]) -> iam.PolicyStatement:
    """An Allow statement."""
    return iam.PolicyStatement(actions=list(actions), resources=list(resources))


def role(  # noqa: PLR0913 - each is a part of the trust or of the rights
    scope: Construct,
    construct_id: str,
    *,
    name: str,
    service: str,
    policies: Mapping[str, Sequence[iam.PolicyStatement]],
    external_id: str | None = None,
    own_account: bool = False,
    source_arn: str | None = None,
) -> iam.Role:
    """A role of one service whose rights are all written inline.

    Inline rights exist the moment the role does, so a stream or mapping that checks them at creation finds
    them; and nothing can widen them by attaching a policy elsewhere in the app. The role's name ends with
    the region because role names are global to an account. With `own_account` the service may assume it on
    behalf of this account only, with `source_arn` on behalf of resources that match it only.
    """
    asked = {"sts:ExternalId": external_id} if external_id else {}
    if own_account:
        asked["aws:SourceAccount"] = Aws.ACCOUNT_ID
    conditions = {"StringEquals": asked} if asked else {}
    if source_arn:
        conditions["ArnLike"] = {"aws:SourceArn": source_arn}
    principal = iam.ServicePrincipal(service, conditions=conditions or None)
    return iam.Role(
        scope,
        construct_id,
        role_name=f"{name}-{Aws.REGION}",
        assumed_by=principal,
        inline_policies={key: iam.PolicyDocument(statements=list(rows)) for key, rows in policies.items()},
    )


def log_group(scope: Construct, construct_id: str, name: str, settings: Settings) -> logs.LogGroup:
    """A log group with the settings' retention, removed with its stack."""
    return logs.LogGroup(
        scope,
        construct_id,
        log_group_name=name,
        retention=RETENTION[settings.runtime.log_retention_days],
        removal_policy=RemovalPolicy.DESTROY,
    )


def write_logs(group: logs.LogGroup) -> iam.PolicyStatement:
    """The right to write to one log group (its ARN ends with `:*`, the log streams in it)."""
    return statement(["logs:CreateLogStream", "logs:PutLogEvents"], [group.log_group_arn])


def function(
    scope: Construct,
    deployment: Deployment,
    *,
    package: str,
    settings: FunctionSettings,
    policies: Mapping[str, Sequence[iam.PolicyStatement]],
    environment: Mapping[str, str],
    reserved_concurrency: int | None = None,
) -> lambda_.Function:
    """A Python function with a log group and a role of its own.

    Its handler is `lambdas.<package>.handler.handler`, its code `<package>.zip`.
    """
    runtime = deployment.settings.runtime
    group = log_group(scope, "Logs", f"/aws/lambda/{settings.function}", deployment.settings)
    execution_role = role(
        scope,
        "Role",
        name=settings.function,
        service="lambda.amazonaws.com",
        policies={"logs": [write_logs(group)], **policies},
    )
    return lambda_.Function(
        scope,
        "Function",
        function_name=settings.function,
        runtime=lambda_.Runtime(f"python{runtime.python}", lambda_.RuntimeFamily.PYTHON),
        architecture=deployment.architecture(),
        handler=f"lambdas.{package}.handler.handler",
        code=deployment.package(package),
        memory_size=settings.memory_mb,
        timeout=Duration.seconds(settings.timeout_seconds),
        ephemeral_storage_size=_disk(settings),
        reserved_concurrent_executions=reserved_concurrency,
        role=execution_role,
        log_group=group,
        logging_format=lambda_.LoggingFormat.JSON,
        system_log_level_v2=lambda_.SystemLogLevel(runtime.system_log_level),
        # Lambda takes a line without a level, as metrics are, for INFO: the functions themselves leave out
        # what is below their own level.
        application_log_level_v2=lambda_.ApplicationLogLevel(
            "DEBUG" if runtime.log_level == "DEBUG" else "INFO"
        ),
        environment={
            "LOG_LEVEL": runtime.log_level,
            "POWERTOOLS_SERVICE_NAME": settings.function,
            "POWERTOOLS_METRICS_NAMESPACE": "PetroStream",
            **environment,
        },
    )


def _disk(settings: FunctionSettings) -> Size | None:
    """The disk below /tmp that a function's settings ask for."""
    wanted = getattr(settings, "temporary_mb", None)
    return Size.mebibytes(wanted) if wanted else None


RETENTION: Mapping[int, logs.RetentionDays] = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    120: logs.RetentionDays.FOUR_MONTHS,
    150: logs.RetentionDays.FIVE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
    400: logs.RetentionDays.THIRTEEN_MONTHS,
    545: logs.RetentionDays.EIGHTEEN_MONTHS,
    731: logs.RetentionDays.TWO_YEARS,
    1827: logs.RetentionDays.FIVE_YEARS,
    3653: logs.RetentionDays.TEN_YEARS,
}
"""`RetentionDays` by number of days: the keys are `infra.settings_functions.LOG_RETENTION_DAYS`."""


def arn(scope: Construct, service: str, resource: str) -> str:
    """ARN of a resource of this stack's account and region, from its name."""
    return Stack.of(scope).format_arn(service=service, resource=resource)
