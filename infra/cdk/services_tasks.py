"""What a service runs: its image's repository, its roles and log, and its task definition."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aws_cdk import Aws, Stack
from aws_cdk import aws_ecr as ecr
from aws_cdk import aws_ecs as ecs
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.cdk.common import Deployment, arn, log_group, role, statement, write_logs
from infra.settings_services import ContainerSettings

NOBODY = "10001:10001"
ECS_TASKS = "ecs-tasks.amazonaws.com"
STOP_SECONDS = 120
"""The most that Fargate grants: batches in work are finished, memories stored, leases given back."""


@dataclass(frozen=True, slots=True)
class Container:
    """A container.

    Attributes:
        key: its name in the settings.
        settings: its names and sizes.
        port: where it listens.
        alive: path that says whether its process lives.
        ready: path that says whether it can serve.
        command: what it runs instead of its image's entry point; empty for that.
        environment: its environment.
        secrets: variables that ECS fills in from Parameter Store: names of parameters.
        rights: what its code may do.
    """

    key: str
    settings: ContainerSettings
    port: int
    alive: str
    ready: str
    environment: Mapping[str, str]
    rights: Mapping[str, Sequence[iam.PolicyStatement]]
    command: Sequence[str] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The first part of the ids of its constructs."""
        return self.key.capitalize()


def repository(stack: Stack, container: Container, images_kept: int) -> ecr.CfnRepository:
    """The repository of a container's image. Its images are built again from the code: they go with it."""
    replaced = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days"}
    rules = [
        {
            "rulePriority": 1,
            "description": "Parts of images that were replaced",
            "selection": {**replaced, "countNumber": 1},
            "action": {"type": "expire"},
        },
        {
            "rulePriority": 2,
            "description": "The latest images are kept, for a way back",
            "selection": {
                "tagStatus": "any",
                "countType": "imageCountMoreThan",
                "countNumber": images_kept,
            },
            "action": {"type": "expire"},
        },
    ]
    return ecr.CfnRepository(
        stack,
        f"{container.name}Images",
        repository_name=container.settings.repository,
        # A tag is the code it was built from.
        image_tag_mutability="IMMUTABLE",
        empty_on_delete=True,
        image_scanning_configuration=ecr.CfnRepository.ImageScanningConfigurationProperty(scan_on_push=True),
        encryption_configuration=ecr.CfnRepository.EncryptionConfigurationProperty(encryption_type="AES256"),
        lifecycle_policy=ecr.CfnRepository.LifecyclePolicyProperty(
            lifecycle_policy_text=json.dumps({"rules": rules})
        ),
    )


@dataclass(frozen=True, slots=True)
class TaskParts:
    """What a task definition needs, there before the image is.

    Attributes:
        role: role of the code.
        start: role by which ECS starts the task.
        log: name of the log group.
    """

    role: iam.Role
    start: iam.Role
    log: str


def parts(stack: Stack, container: Container, deployment: Deployment) -> TaskParts:
    """The roles and the log of a container."""
    scope = Construct(stack, container.name)
    settings = container.settings
    group = log_group(scope, "Logs", f"/ecs/{settings.service}", deployment.settings)
    pulls = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    start = {
        "image": [statement(pulls, [arn(stack, "ecr", f"repository/{settings.repository}")])],
        "logs": [write_logs(group)],
        # IAM offers no resource for it.
        "without-resource": [statement(["ecr:GetAuthorizationToken"], ["*"])],
    }
    if container.secrets:
        held = [arn(stack, "ssm", f"parameter{name}") for name in container.secrets.values()]
        start["secrets"] = [statement(["ssm:GetParameters"], held)]
    return TaskParts(
        role=role(
            scope,
            "Role",
            name=settings.service,
            service=ECS_TASKS,
            policies=container.rights,
            own_account=True,
        ),
        # Nothing that ECS needs to start a task is a right of the code in it.
        start=role(
            scope,
            "Start",
            name=f"{settings.service}-start",
            service=ECS_TASKS,
            policies=start,
            own_account=True,
        ),
        log=group.log_group_name,
    )


def task_definition(
    stack: Stack, container: Container, deployment: Deployment, found: TaskParts
) -> ecs.CfnTaskDefinition:
    """The task definition of a container whose image is there."""
    settings = container.settings
    arm = deployment.settings.runtime.architecture == "arm64"
    return ecs.CfnTaskDefinition(
        stack,
        f"{container.name}Task",
        family=settings.service,
        requires_compatibilities=["FARGATE"],
        network_mode="awsvpc",
        cpu=str(settings.cpu),
        memory=str(settings.memory_mb),
        execution_role_arn=found.start.role_arn,
        task_role_arn=found.role.role_arn,
        runtime_platform=ecs.CfnTaskDefinition.RuntimePlatformProperty(
            cpu_architecture="ARM64" if arm else "X86_64", operating_system_family="LINUX"
        ),
        container_definitions=[_definition(stack, container, deployment, found)],
    )


def _definition(
    stack: Stack, container: Container, deployment: Deployment, found: TaskParts
) -> ecs.CfnTaskDefinition.ContainerDefinitionProperty:
    definition = ecs.CfnTaskDefinition
    registry = f"{Aws.ACCOUNT_ID}.dkr.ecr.{Aws.REGION}.{Aws.URL_SUFFIX}"
    url = f"http://127.0.0.1:{container.port}{container.alive}"
    check = f"import urllib.request as u; u.urlopen('{url}', timeout=2)"
    return definition.ContainerDefinitionProperty(
        name=container.key,
        image=f"{registry}/{container.settings.repository}:{deployment.image_tag}",
        essential=True,
        user=NOBODY,
        readonly_root_filesystem=True,
        linux_parameters=definition.LinuxParametersProperty(
            capabilities=definition.KernelCapabilitiesProperty(drop=["ALL"]), init_process_enabled=True
        ),
        stop_timeout=STOP_SECONDS,
        entry_point=list(container.command) or None,
        port_mappings=[definition.PortMappingProperty(container_port=container.port, protocol="tcp")],
        environment=[
            definition.KeyValuePairProperty(name=name, value=value)
            for name, value in container.environment.items()
        ],
        secrets=[
            definition.SecretProperty(name=name, value_from=arn(stack, "ssm", f"parameter{parameter}"))
            for name, parameter in container.secrets.items()
        ]
        or None,
        health_check=definition.HealthCheckProperty(
            command=["CMD", "python3", "-c", check], interval=15, timeout=5, retries=3, start_period=60
        ),
        log_configuration=definition.LogConfigurationProperty(
            log_driver="awslogs",
            options={
                "awslogs-group": found.log,
                "awslogs-region": Aws.REGION,
                "awslogs-stream-prefix": "task",
            },
        ),
    )
