"""The reviewed wildcards of the policies in infra/policies: a reason for each statement that has one."""

from collections.abc import Iterator, Mapping

from infra.settings import Settings, load_settings
from infra.watch import AccountRegion, policy

AS_REPORTED = AccountRegion(account="<AWS::AccountId>", region="<AWS::Region>", partition="<AWS::Partition>")

_NO_RESOURCE = "IAM offers no resource for these actions, and none of them reads data or changes anything."
_OWN_NAMES = (
    "The wildcard covers the resources whose names begin with the project's: in an account that other "
    "projects share, theirs are out of reach."
)
_METADATA = (
    "The wildcard covers the tables and views of the one database: their columns, not their rows, which "
    "are in S3 and need a right of their own."
)

_SPARK_ID = "EMR Serverless makes up the id of an application."

REASONS: Mapping[str, Mapping[str, str]] = {
    "analyst": {
        "Chooser": "SQL clients list catalogues and work groups for a person to choose from; " + _NO_RESOURCE,
        "Catalogue": _METADATA,
        "Read": "The wildcard covers the objects below the prefixes of the curated tables, and no others.",
        "Results": "The wildcard covers the results below results/, whose names Athena makes up.",
    },
    "plan": {
        "ReadStacks": "CloudFormation adds an id of its own to the name of each stack of the project.",
        "ReadBuckets": _OWN_NAMES + " Only how a bucket is set up can be read, and which keys it has.",
        "ReadCatalogue": _METADATA,
        "ReadStreams": _OWN_NAMES,
        "ReadScoring": _OWN_NAMES,
        "ReadJobs": _OWN_NAMES,
        "ReadPackages": "The wildcard covers the packages of functions: code of this repository only.",
        "ReadMappings": "The name of an event source mapping is made up by Lambda when it is created.",
        "ReadOps": _OWN_NAMES,
        "ListAlarms": (
            "DescribeAlarms filters its answer by name, but CloudWatch weighs the call against alarm:*, "
            "as its refusals say; it shows how alarms are set up, not what they measure."
        ),
        "ReadRoles": _OWN_NAMES,
        "ReadBudgets": _OWN_NAMES,
        "ReadWithoutAName": (
            "Anomaly monitors, subscriptions and keys have names that AWS makes up, and lists and limits "
            "have none; nothing here reads data or changes anything."
        ),
    },
    "plan_services": {
        "ReadServices": _OWN_NAMES,
        "ReadScaling": "The name of a scalable target is made up by Application Auto Scaling.",
        "ReadClientSecret": "Secrets Manager adds six characters of its own to the name of the one secret.",
        "ReadServicesWithoutAName": (
            "IAM offers no resource for the Describe actions of EC2, load balancers and scaling, nor for "
            "task definitions; none of them reads data or changes anything."
        ),
    },
    "deploy_services": {
        "DeleteServicesStack": "CloudFormation adds an id of its own to the name of the one stack.",
        "SignInToRegistry": "IAM offers no resource for GetAuthorizationToken; a token alone moves no image.",
        "WriteImages": _OWN_NAMES,
        "MakeNetwork": "EC2 makes up names; the condition allows what is created with the project's tag.",
        "TagNetwork": "EC2 makes up names; the condition allows tags that say whose it is, the project's.",
        "WriteNetwork": "EC2 makes up names; the condition allows what carries the project's tag.",
        "WriteServices": _OWN_NAMES,
        "TaskDefinitions": (
            "IAM offers no resource for these. A task definition runs nothing by itself, its roles must be "
            "passed, and tasks whose definition is taken away go on."
        ),
        "WriteBalancer": _OWN_NAMES,
        "WriteScaling": "The name of a scalable target is made up by Application Auto Scaling.",
        "WriteServiceLogs": _OWN_NAMES,
        "FirstUse": (
            "AWS names the roles of its own services; the condition allows those of the three services that "
            "the first deployment uses."
        ),
    },
    "plan_spark": {
        "ReadSpark": _SPARK_ID + " The condition allows what carries the project's tag.",
        "FindSpark": "Lists applications to find the one by its name; " + _NO_RESOURCE,
    },
    "deploy_spark": {
        "DeleteSparkStack": "CloudFormation adds an id of its own to the name of the one stack.",
        "MakeSpark": _SPARK_ID
        + " The conditions allow what is created with the project's tag, and no other's.",
        "WriteSpark": _SPARK_ID + " The condition allows what carries the project's tag.",
        "WriteSparkLogs": "The wildcard covers the log streams of the one log group.",
        "FirstUse": "AWS names the roles of its own services; the condition allows that of EMR Serverless.",
    },
    "spark": {
        "read": (
            "The wildcard covers the objects below the prefixes of raw records, models and packages; "
            "Firehose and the model registry choose the names."
        ),
        "write": "The wildcard covers the objects below backfills/, whose names Spark makes up.",
        "groups": "EMR Serverless looks for the log group by its name; " + _NO_RESOURCE,
        "logs": "The wildcard covers the log streams of the one log group.",
    },
    "batch": {
        "read": (
            "The wildcard covers the objects below the prefixes of the zones a job reads; Firehose and the "
            "model registry choose the names."
        ),
        "catalogue": _METADATA,
        "gold": "The wildcard covers the objects below gold/, whose names carry dates and runs.",
        "results": "The wildcard covers the results below results/, whose names Athena makes up.",
    },
    "deploy_jobs": {
        "DeleteJobsStack": "CloudFormation adds an id of its own to the name of the one stack.",
        "PublishPackages": "The wildcard covers the packages of functions in the one bucket of artifacts.",
    },
    "deploy": {
        "DeleteStacks": "CloudFormation adds an id of its own to the name of each stack, which is named.",
        "PublishModels": "The wildcard covers the objects of the one bucket that holds models.",
        "EmptyBuckets": (
            "Switching the lake off empties the five buckets first, old versions too, after an approval."
        ),
        "SmokeTestRows": "The wildcard covers the results below results/, whose names Athena makes up.",
        "SmokeTestData": "The wildcard covers the rows of the one table the test after a deployment asks.",
        "WriteCatalogue": _METADATA,
        "WriteStreams": _OWN_NAMES,
        "WriteScoring": _OWN_NAMES,
        "WriteMappings": (
            "The name of an event source mapping is made up by Lambda when it is created; the condition "
            "allows mappings of the project's functions only."
        ),
        "TagMappings": "The name of an event source mapping is made up by Lambda when it is created.",
        "WriteOps": _OWN_NAMES,
        "EndSubscriptions": (
            "IAM offers no resource for Unsubscribe. It ends subscriptions of topics, which a deployment "
            "creates again; it cannot read or write a message."
        ),
    },
}
"""Why a statement has wildcards, by policy and statement id."""

_PLACES = {
    "analyst": "Analyst",
    "plan": "PlanPolicy",
    "deploy": "Deploy",
    "deploy_jobs": "DeployJobsPolicy",
}
_SERVICES_PLACES = {"plan_services": "PlanServicesPolicy", "deploy_services": "DeployServicesPolicy"}
_SPARK_PLACES = {
    "plan_spark": "PlanSparkPolicy",
    "deploy_spark": "DeploySparkPolicy",
    "spark": "PetroStreamSpark/Role",
}


def services_wildcards(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """The same of the access policies that exist with the services only."""
    yield from _wildcards(_SERVICES_PLACES, settings)


def spark_wildcards(settings: Settings) -> Iterator[tuple[str, str, str]]:
    """The same of the policies that exist with Spark only, that of its jobs among them."""
    yield from _wildcards(_SPARK_PLACES, settings)


def wildcards() -> Iterator[tuple[str, str, str]]:
    """Path, rule and reason of each wildcard in the access policies.

    Raises:
        KeyError: a statement has a wildcard and no reason.
    """
    yield from _wildcards(_PLACES, load_settings())


def job_wildcards() -> Iterator[tuple[str, str, str]]:
    """The same of the policy of the jobs' function."""
    yield from _wildcards({"batch": "PetroStreamJobs/Batch/Role"}, load_settings())


def _wildcards(places: Mapping[str, str], settings: Settings) -> Iterator[tuple[str, str, str]]:
    for name, construct in places.items():
        found: dict[str, list[str]] = {}
        for statement in policy(name, settings, AS_REPORTED)["Statement"]:
            for resource in statement["Resource"]:
                if "*" in resource:
                    found.setdefault(resource, []).append(REASONS[name][statement["Sid"]])
        for resource, reasons in found.items():
            path = construct if "/" in construct else f"PetroStreamGuardrails/{construct}"
            yield path, f"AwsSolutions-IAM5[Resource::{resource}]", " ".join(dict.fromkeys(reasons))
