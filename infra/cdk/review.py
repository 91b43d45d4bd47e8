"""The AWS Solutions rule pack of cdk-nag, and the reviewed exceptions to it, each with its reason."""

from collections.abc import Iterator
from dataclasses import dataclass

from aws_cdk import Acknowledgment, App, Validations
from cdk_nag import AwsSolutionsChecks
from constructs import IConstruct

from infra.cdk.review_guardrails import AS_REPORTED, services_wildcards, spark_wildcards, wildcards
from infra.cdk.review_jobs import exceptions as job_exceptions
from infra.cdk.review_services import STACK as SERVICES
from infra.cdk.review_services import exceptions
from infra.cdk.services import ServicesStack
from infra.cdk.spark import SparkStack


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A rule that does not hold somewhere below `path` (stack and construct ids), and why that is right."""

    path: str
    rule: str
    reason: str


_NO_ACCESS_LOGS = (
    "Server access logs would need a sixth bucket that grows without limit; who reads the data is recorded "
    "by CloudTrail data events in accounts that must keep such a record."
)
_RUNTIME = (
    "The Python version is a setting: the packages hold compiled wheels for exactly that version, so it "
    "moves with a tested change of infra/settings.json, not with the rule pack's idea of the latest."
)
_OWN_PREFIX = (
    "The wildcard covers object keys below the one prefix (and the error prefix) this role writes; "
    "Firehose chooses the names of its objects."
)

_MODELS = "The wildcard covers the files below models/, whose names carry versions unknown at deployment."


_CONSUMER = (
    "The wildcard covers the time of registration, with which AWS ends the ARN of this one consumer; the "
    "statement exists with scoring.enhanced_fan_out only."
)


def _objects(path: str, zone: str, prefixes: tuple[str, ...], reason: str) -> Iterator[Acknowledged]:
    """Exceptions for object wildcards: one for each prefix, so that any other wildcard is still an error."""
    bucket = f"arn:<AWS::Partition>:s3:::petrostream-{zone}-<AWS::AccountId>-<AWS::Region>"
    for prefix in prefixes:
        yield Acknowledged(path, f"AwsSolutions-IAM5[Resource::{bucket}/{prefix}*]", reason)


ACKNOWLEDGED: tuple[Acknowledged, ...] = (
    *(
        Acknowledged(f"PetroStreamLake/{zone}Bucket", "AwsSolutions-S1", _NO_ACCESS_LOGS)
        for zone in ("Raw", "Curated", "Quarantine", "AthenaResults", "Artifacts")
    ),
    Acknowledged("PetroStreamStream/Transform/Function", "AwsSolutions-L1", _RUNTIME),
    Acknowledged("PetroStreamStream/RawCopy/Function", "AwsSolutions-L1", _RUNTIME),
    Acknowledged("PetroStreamScoring/Scoring/Function", "AwsSolutions-L1", _RUNTIME),
    *_objects("PetroStreamStream/Raw/Role", "raw", ("ingest/", "errors/"), _OWN_PREFIX),
    *_objects("PetroStreamStream/Delivery/Role", "curated", ("scored_readings/", "errors/"), _OWN_PREFIX),
    *_objects("PetroStreamStream/Facility/Role", "curated", ("facility_readings/", "errors/"), _OWN_PREFIX),
    *_objects("PetroStreamStream/Alarms/Role", "curated", ("alarms/", "errors/"), _OWN_PREFIX),
    *_objects("PetroStreamStream/Quarantine/Role", "quarantine", ("quarantine/", "errors/"), _OWN_PREFIX),
    *_objects("PetroStreamScoring/Scoring/Role", "artifacts", ("models/",), _MODELS),
    Acknowledged(
        "PetroStreamScoring/Scoring/Role",
        "AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:kinesis:<AWS::Region>:<AWS::AccountId>:"
        "stream/petrostream-ingest/consumer/petrostream-scoring:*]",
        _CONSUMER,
    ),
    Acknowledged(
        "PetroStreamScoring/Failures",
        "AwsSolutions-SQS3",
        "This queue is the dead-letter destination, of an event source mapping, which the rule does not see.",
    ),
    *(Acknowledged(path, rule, reason) for path, rule, reason in job_exceptions(_RUNTIME)),
    *(Acknowledged(path, rule, reason) for path, rule, reason in wildcards()),
)


def review(app: App) -> None:
    """Adds the rule pack to `app` and notes the exceptions; call it once the stacks are there.

    Raises:
        LookupError: an exception names a construct that no longer exists.
    """
    for entry in ACKNOWLEDGED:
        Validations.of(_find(app, entry.path)).acknowledge(Acknowledgment(id=entry.rule, reason=entry.reason))
    for entry in services_acknowledged(app):
        Validations.of(_find(app, entry.path)).acknowledge(Acknowledgment(id=entry.rule, reason=entry.reason))
    spark = app.node.try_find_child("PetroStreamSpark")
    if isinstance(spark, SparkStack):
        for path, rule, reason in spark_wildcards(spark.settings):
            Validations.of(_find(app, path)).acknowledge(Acknowledgment(id=rule, reason=reason))
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def services_acknowledged(app: App) -> Iterator[Acknowledged]:
    """The exceptions of the services in the form that the settings ask for, if they do."""
    stack = app.node.try_find_child(SERVICES)
    if not isinstance(stack, ServicesStack):
        return
    for below, rule, reason in exceptions(stack.deployment.settings, AS_REPORTED):
        node: IConstruct | None = stack
        for part in below.split("/"):
            node = node.node.try_find_child(part) if node else None
        if node is not None:
            yield Acknowledged(f"{SERVICES}/{below}", rule, reason)
    for path, rule, reason in services_wildcards(stack.deployment.settings):
        yield Acknowledged(path, rule, reason)


def _find(app: App, path: str) -> IConstruct:
    node: IConstruct = app
    for part in path.split("/"):
        child = node.node.try_find_child(part)
        if child is None:
            raise LookupError(f"infra/cdk/review.py acknowledges {path}, but there is no {part!r} in it")
        node = child
    return node
