"""Section `services` of `infra/settings.json`: containers on ECS, and who may reach them."""

import ipaddress
from typing import Annotated, Literal

from pydantic import Field, model_validator

from infra.section import Name, Section

FARGATE_MEMORY_MB = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
}
"""Memory that Fargate offers by CPU units (ECS developer guide, "Task CPU and memory")."""

OPEN_PREFIX = 8
"""A network of a shorter prefix than this counts as the internet: it is larger than any company's own."""

TargetPercent = Annotated[int, Field(ge=10, le=100)]
HttpsUrl = Annotated[str, Field(pattern=r"^https://[a-z0-9.-]+(:443)?(/[^\s?#]*)?$")]
PRINCIPAL = r"^arn:aws[a-z-]*:iam::[0-9]{12}:(role|user)/([A-Za-z0-9_+=,.@-]+/)*[A-Za-z0-9_+=.@-]+$"
CLIENT = r"^[A-Za-z0-9_.-]{1,128}$"


class CognitoSignIn(Section):
    """Sign-in by a Cognito user pool.

    Attributes:
        kind: `cognito`.
        user_pool_id: as Cognito shows it, such as `eu-west-1_AbCdEf123`.
        client_id: an app client of the pool, with a secret and the callback of the load balancer.
        domain: prefix of the pool's sign-in page, or its own domain.
    """

    kind: Literal["cognito"]
    user_pool_id: Annotated[str, Field(pattern=r"^[a-z0-9-]+_[0-9a-zA-Z]+$")]
    client_id: Annotated[str, Field(pattern=CLIENT)]
    domain: Annotated[str, Field(pattern=r"^[a-z0-9.-]{1,253}$")]


class OidcSignIn(Section):
    """Sign-in by another provider of OpenID Connect.

    Attributes:
        kind: `oidc`.
        issuer: as the provider's discovery document names it; so are the three endpoints.
        authorization_endpoint: where a browser is sent.
        token_endpoint: where the load balancer exchanges the code.
        user_info_endpoint: where the load balancer asks who it is.
        client_id: registered with the provider.
        client_secret: name of a secret in Secrets Manager whose text is the client's secret.
    """

    kind: Literal["oidc"]
    issuer: HttpsUrl
    authorization_endpoint: HttpsUrl
    token_endpoint: HttpsUrl
    user_info_endpoint: HttpsUrl
    client_id: Annotated[str, Field(pattern=CLIENT)]
    client_secret: Annotated[str, Field(pattern=r"^[A-Za-z0-9/_+=.@-]+$", max_length=512)]


class ServiceAccess(Section):
    """Who may reach the load balancer.

    Attributes:
        allowed_cidrs: networks that may connect; nobody by default.
        certificate_arn: the certificate in ACM; without one there is plain HTTP only, and no open network.
        domain: name that the certificate is for, which points at the load balancer.
        sign_in: how people sign in to the dashboard; null asks nobody.
    """

    allowed_cidrs: Annotated[list[str], Field(max_length=50)]
    certificate_arn: (
        Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:acm:[a-z0-9-]+:[0-9]{12}:certificate/[0-9a-zA-Z-]+$")]
        | None
    )
    domain: Annotated[str, Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=253)] | None
    sign_in: Annotated[CognitoSignIn | OidcSignIn, Field(discriminator="kind")] | None

    @property
    def is_open(self) -> bool:
        """Whether a network is so large that it counts as the internet."""
        return any(ipaddress.IPv4Network(cidr).prefixlen < OPEN_PREFIX for cidr in self.allowed_cidrs)

    @model_validator(mode="after")
    def _consistent(self) -> "ServiceAccess":
        for cidr in self.allowed_cidrs:
            try:
                ipaddress.IPv4Network(cidr)
            except ValueError as error:
                raise ValueError(
                    f"allowed_cidrs: {cidr} is not an IPv4 network such as 203.0.113.0/24"
                ) from error
        if (self.certificate_arn is None) != (self.domain is None):
            raise ValueError("give certificate_arn and domain together: the certificate is for that name")
        if self.certificate_arn is None and self.sign_in is not None:
            raise ValueError("sign_in needs certificate_arn: a load balancer signs in over HTTPS only")
        if self.certificate_arn is None and self.is_open:
            raise ValueError(
                f"allowed_cidrs: a network wider than /{OPEN_PREFIX} needs certificate_arn, or keys and "
                "readings would cross the internet unencrypted"
            )
        return self


class ContainerSettings(Section):
    """One service: its image, the size of a task, and how many there are.

    Attributes:
        service: name of the ECS service, its task definition and its roles.
        repository: name of its ECR repository.
        cpu: CPU units of a task; 1024 are a vCPU.
        memory_mb: memory of a task.
        least_tasks: tasks that always run.
        most_tasks: most that scaling adds up to.
    """

    service: Name
    repository: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{2,39}$")]
    cpu: Literal[256, 512, 1024, 2048, 4096]
    memory_mb: int
    least_tasks: Annotated[int, Field(ge=1, le=100)]
    most_tasks: Annotated[int, Field(ge=1, le=100)]

    @model_validator(mode="after")
    def _offered(self) -> "ContainerSettings":
        offered = FARGATE_MEMORY_MB[self.cpu]
        if self.memory_mb not in offered:
            raise ValueError(
                f"memory_mb = {self.memory_mb}: with cpu {self.cpu} Fargate offers "
                f"{', '.join(map(str, offered))}"
            )
        if self.most_tasks < self.least_tasks:
            raise ValueError("most_tasks must not be less than least_tasks")
        return self


class ScoringContainerSettings(ContainerSettings):
    """The scoring service.

    Attributes:
        most_shards: most shards that one task reads.
        key_digests: SecureString parameter of Parameter Store with the digests of the API's keys.
        callers: ARNs of the IAM roles and users who may call the API with a token that they sign.
    """

    most_shards: Annotated[int, Field(ge=1, le=64)]
    key_digests: Annotated[str, Field(pattern=r"^(/[A-Za-z0-9_.-]+){1,15}$", max_length=200)]
    callers: Annotated[list[Annotated[str, Field(pattern=PRINCIPAL)]], Field(max_length=50)]


class DashboardContainerSettings(ContainerSettings):
    """The dashboard.

    Attributes:
        enabled: whether it runs besides the scoring service.
    """

    enabled: bool


class ServicesSettings(Section):
    """Containers on ECS; none by default.

    Attributes:
        enabled: whether there are any.
        name: name of the cluster, the network and the load balancer.
        network: IPv4 range of their VPC, which no other network needs to reach.
        zones: Availability Zones that they spread over.
        capacity: spare capacity that AWS may take back with two minutes' notice, or not.
        images_kept: images of each repository that are kept.
        cpu_percent, memory_percent: average of the tasks that scaling aims at.
        behind_seconds: how late readings of the stream may be before scaling adds a task.
        scoring: the scoring service.
        dashboard: the dashboard.
        access: who may reach them.
    """

    enabled: bool
    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{2,27}$")]
    network: str
    zones: Annotated[int, Field(ge=2, le=3)]
    capacity: Literal["FARGATE_SPOT", "FARGATE"]
    images_kept: Annotated[int, Field(ge=2, le=100)]
    cpu_percent: TargetPercent
    memory_percent: TargetPercent
    behind_seconds: Annotated[int, Field(ge=5, le=3600)]
    scoring: ScoringContainerSettings
    dashboard: DashboardContainerSettings
    access: ServiceAccess

    @property
    def running(self) -> tuple[ContainerSettings, ...]:
        """The services that the settings ask for."""
        if not self.enabled:
            return ()
        return (self.scoring, self.dashboard) if self.dashboard.enabled else (self.scoring,)

    @model_validator(mode="after")
    def _consistent(self) -> "ServicesSettings":
        try:
            network = ipaddress.IPv4Network(self.network)
        except ValueError as error:
            raise ValueError(f"network: {self.network} is not an IPv4 network: {error}") from error
        if not network.is_private or not 16 <= network.prefixlen <= 25:
            raise ValueError(f"network: {self.network} must be private IPv4, /16 to /25")
        if self.access.is_open and self.dashboard.enabled and self.access.sign_in is None:
            raise ValueError(
                "access.sign_in is required with dashboard.enabled where allowed_cidrs are open: anybody "
                "could act on alarms"
            )
        if self.dashboard.enabled and not self.access.allowed_cidrs:
            raise ValueError("dashboard.enabled needs access.allowed_cidrs: nobody could open the dashboard")
        if self.scoring.repository == self.dashboard.repository:
            raise ValueError("scoring.repository and dashboard.repository must differ")
        if self.scoring.service == self.dashboard.service:
            raise ValueError("scoring.service and dashboard.service must differ")
        return self
