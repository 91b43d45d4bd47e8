"""The reviewed exceptions to the AWS Solutions rule pack in the stack of the jobs."""

from collections.abc import Iterator

from infra.cdk.review_guardrails import job_wildcards

_STACK = "PetroStreamJobs"
_MACHINES = ("Nightly", "Weekly", "Backfill")

_NO_LOGS = (
    "A standard execution keeps its whole history, inputs and outputs included, for 90 days in Step "
    "Functions itself; the delivery of logs would need rights on every log group of the account in this role."
)
_NO_TRACES = (
    "A run is one function called step by step: its history shows each call, and X-Ray would need rights "
    "for which IAM offers no resource."
)
_OWN_DAYS = (
    "The wildcard covers the executions that this machine starts itself, one for each day, whose names Step "
    "Functions makes up."
)
_DEAD_LETTERS = "This queue is the dead-letter queue of the schedules, which the rule does not see."


def exceptions(runtime: str) -> Iterator[tuple[str, str, str]]:
    """Path, rule and reason of each exception.

    Args:
        runtime: the reason why a function's Python is not the latest.
    """
    yield f"{_STACK}/Batch/Function", "AwsSolutions-L1", runtime
    for machine in _MACHINES:
        yield f"{_STACK}/{machine}/Machine", "AwsSolutions-SF1", _NO_LOGS
        yield f"{_STACK}/{machine}/Machine", "AwsSolutions-SF2", _NO_TRACES
    here = "arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"
    for machine in ("Nightly", "Backfill"):
        own = f"{here}:execution:petrostream-{machine.lower()}/EachDay:*"
        yield f"{_STACK}/{machine}/Role", f"AwsSolutions-IAM5[Resource::{own}]", _OWN_DAYS
    yield f"{_STACK}/Undelivered", "AwsSolutions-SQS3", _DEAD_LETTERS
    yield from job_wildcards()
