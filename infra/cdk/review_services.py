"""The reviewed exceptions of the services to the rule pack; the stack exists with `services.enabled` only."""

from collections.abc import Iterator

from infra.cdk.review_guardrails import REASONS
from infra.settings import Settings
from infra.watch import AccountRegion, policy

STACK = "PetroStreamServices"

_NO_FLOW_LOGS = (
    "Nothing in this network accepts a connection but the load balancer, whose rules are two security "
    "groups; a flow log would record the internet's scans of its ports, and cost by the gigabyte."
)
_NO_INSIGHTS = (
    "CPU, memory and the number of tasks are there without Container Insights, and the service counts what "
    "it does itself; insights would cost several dollars a month for the rest."
)
_NO_ACCESS_LOGS = (
    "Access logs would need a sixth bucket that grows without limit, with names of callers in it; the API's "
    "metrics count requests and refusals."
)
_NAMES_ONLY = (
    "The variables are names of resources and numbers, nothing secret; the digests of the API's keys come "
    "from Parameter Store as a secret."
)
_NO_RESOURCE = (
    "IAM offers no resource for ecr:GetAuthorizationToken; a token alone pulls nothing, the rights on the "
    "one repository are beside it."
)
_OPEN = (
    "services.access.allowed_cidrs opens it; the settings refuse that without a certificate, and with a "
    "dashboard without sign-in. The API asks for keys itself."
)
_REJECTED = "The wildcard covers the rows of the quarantine, whose names Firehose makes up."
_MODELS = "The wildcard covers the files below models/, whose names carry versions unknown at deployment."


def exceptions(settings: Settings, account: AccountRegion) -> Iterator[tuple[str, str, str]]:
    """Path below the stack, rule and reason of each exception that some form of the services needs."""
    yield "Vpc", "AwsSolutions-VPC7", _NO_FLOW_LOGS
    yield "Cluster", "AwsSolutions-ECS4", _NO_INSIGHTS
    yield "Balancer", "AwsSolutions-ELB2", _NO_ACCESS_LOGS
    for name in ("Scoring", "Dashboard"):
        yield f"{name}Task", "AwsSolutions-ECS2", _NAMES_ONLY
        yield f"{name}/Start", "AwsSolutions-IAM5[Resource::*]", _NO_RESOURCE
    bucket = f"{settings.project}-artifacts-{account.account}-{account.region}"
    models = f"AwsSolutions-IAM5[Resource::arn:{account.partition}:s3:::{bucket}/models/*]"
    yield "Scoring/Role", models, _MODELS
    # The dashboard runs an analyst's queries.
    for statement in policy("analyst", settings, account)["Statement"]:
        for resource in statement["Resource"]:
            if "*" in resource and resource != "*":
                reason = REASONS["analyst"][statement["Sid"]]
                yield "Dashboard/Role", f"AwsSolutions-IAM5[Resource::{resource}]", reason
    rejected = f"{settings.project}-quarantine-{account.account}-{account.region}/quarantine/*"
    arn = f"arn:{account.partition}:s3:::{rejected}"
    yield "Dashboard/Role", f"AwsSolutions-IAM5[Resource::{arn}]", _REJECTED
    for number, cidr in enumerate(settings.services.access.allowed_cidrs, start=1):
        if cidr.endswith("/0"):
            for port in (80, 443):
                yield f"Allowed{number}Port{port}", "AwsSolutions-EC23", _OPEN
