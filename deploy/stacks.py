"""CloudFormation stacks: state, parameters, outputs, template, and waiting until a change has ended."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from petrostream.aws.clients import client
from toolchain.errors import ToolError

GONE = None
UNMADE = frozenset({"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "REVIEW_IN_PROGRESS"})
"""States of a stack whose first creation failed: it can only be deleted and created again."""

STUCK = frozenset({"UPDATE_ROLLBACK_FAILED", "UPDATE_FAILED", "IMPORT_ROLLBACK_FAILED"})
"""States that only a person can resolve."""

SETTLE_SECONDS = 1800.0
_POLL_SECONDS = 3.0


def state(name: str) -> str | None:
    """CloudFormation's status of a stack; None if there is none.

    Raises:
        ToolError: CloudFormation does not answer.
    """
    stack = _describe(name)
    return None if stack is None else str(stack["StackStatus"])


def parameters(name: str) -> Mapping[str, str]:
    """Parameter values of the deployed stack; empty if there is no stack."""
    stack = _describe(name) or {}
    return {row["ParameterKey"]: row.get("ParameterValue", "") for row in stack.get("Parameters", [])}


def outputs(name: str) -> Mapping[str, str]:
    """Outputs of a stack; empty if there is no stack.

    Raises:
        ToolError: CloudFormation does not answer.
    """
    stack = _describe(name) or {}
    return {row["OutputKey"]: row["OutputValue"] for row in stack.get("Outputs", [])}


def _describe(name: str) -> Mapping[str, Any] | None:
    try:
        stack: Mapping[str, Any] = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise ToolError(f"CloudFormation could not describe {name}: {error}") from error
    except BotoCoreError as error:
        raise ToolError(f"CloudFormation does not answer: {error}", "Check the network.") from error
    return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack


def template(name: str) -> Mapping[str, Any] | None:
    """The template of a deployed stack; None if there is no stack, or nothing in it."""
    if state(name) in {GONE, *UNMADE}:
        return None
    try:
        body: Any = client("cloudformation").get_template(StackName=name)["TemplateBody"]
    except ClientError as error:
        raise ToolError(f"CloudFormation did not return the template of {name}: {error}") from error
    document: Mapping[str, Any] = json.loads(body) if isinstance(body, str) else body
    return document


def settle(
    names: Sequence[str],
    say: Callable[[str], None],
    *,
    seconds: float = SETTLE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
) -> Mapping[str, str | None]:
    """Wait until no stack is being changed: a deployment interrupted here goes on in CloudFormation.

    Returns:
        The state of each stack.

    Raises:
        ToolError: one is still being changed after that time, or is stuck.
    """
    end = time.monotonic() + seconds
    reported: set[str] = set()
    while True:
        states = {name: state(name) for name in names}
        busy = {name: now for name, now in states.items() if now and _busy(now)}
        if not busy:
            break
        for name, now in busy.items():
            if name not in reported:
                say(f"{name} is {now}: waiting for an earlier run to end …")
                reported.add(name)
        if time.monotonic() > end:
            raise ToolError(f"{', '.join(busy)}: still being changed after {seconds:.0f} s.")
        sleep(_POLL_SECONDS)
    for name in names:
        if states[name] in STUCK:
            hint = f"aws cloudformation continue-update-rollback --stack-name {name}, then run this again."
            raise ToolError(f"{name} is {states[name]}: its last update could not be rolled back.", hint)
    return states


def _busy(now: str) -> bool:
    return now.endswith("_IN_PROGRESS") and now != "REVIEW_IN_PROGRESS"


def remove(name: str, say: Callable[[str], None], *, sleep: Callable[[float], None] = time.sleep) -> None:
    """Delete a stack and wait until it is gone. A stack that does not exist is not an error.

    Raises:
        ToolError: CloudFormation could not delete a resource of it; the message names it.
    """
    if settle([name], say, sleep=sleep)[name] is GONE:
        return
    say(f"Removing {name} …")
    try:
        client("cloudformation").delete_stack(StackName=name)
    except ClientError as error:
        raise ToolError(f"{name} could not be deleted: {error}") from error
    if settle([name], say, sleep=sleep)[name] is not GONE:
        raise ToolError(f"{name} could not be deleted:\n" + "\n".join(_undeleted(name)))


def _undeleted(name: str) -> list[str]:
    answer = client("cloudformation").list_stack_resources(StackName=name)
    return [
        f"  {row['LogicalResourceId']} ({row['ResourceType']}): {row.get('ResourceStatusReason', '')}"
        for row in answer["StackResourceSummaries"]
        if row["ResourceStatus"] == "DELETE_FAILED"
    ]
