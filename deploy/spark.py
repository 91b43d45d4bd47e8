"""The Spark application in an account: what there is of it, and how it ends before it is removed."""

import time
from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deploy.names import Names
from deploy.remains_services import Ask
from petrostream.aws.clients import client
from toolchain.errors import ToolError

GONE = "TERMINATED"
_DELETABLE = frozenset({"CREATED", "STOPPED", GONE})
_LIVE_RUNS = ["SUBMITTED", "PENDING", "SCHEDULED", "RUNNING", "QUEUED", "CANCELLING"]
SETTLE_SECONDS = 600.0
_POLL_SECONDS = 5.0


def prefix(names: Names) -> tuple[str, ...]:
    """What the ARN of the application begins with; AWS makes up its id."""
    return (names.arn("emr-serverless", "/applications/"),) if names.settings.spark.enabled else ()


def applications(names: Names, ask: Ask) -> Iterator[tuple[str, str, Fraction]]:
    """ARN, kind and dollars a month of each application; nothing is asked where the settings have none.

    Without capacity of its own an application costs nothing, whatever its state; a run that has not ended
    does, and is stopped before the removal.
    """
    if not names.settings.spark.enabled:
        return
    for row in _listed(names, ask):
        yield str(row["arn"]), f"Spark application, {str(row['state']).lower()}", Fraction(0)


def _listed(names: Names, ask: Ask) -> Iterator[Mapping[str, Any]]:
    more: dict[str, str] = {}
    while True:
        answer = ask("emr-serverless", "list_applications", {"maxResults": 50, **more}) or {}
        for row in answer.get("applications", []):
            if row.get("name") == names.settings.spark.name and row["state"] != GONE:
                yield row
        if not answer.get("nextToken"):
            return
        more = {"nextToken": answer["nextToken"]}


def stop(
    names: Names,
    say: Callable[[str], None],
    *,
    seconds: float = SETTLE_SECONDS,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """End every run and stop the application: EMR Serverless deletes none that is started.

    Raises:
        ToolError: EMR Serverless refuses, or the application has not stopped after that time.
    """
    if not names.settings.spark.enabled:
        return
    end = clock() + seconds
    try:
        for row in list(_listed(names, _call)):
            if row["state"] not in _DELETABLE:
                say(f"Stopping {names.settings.spark.name} …")
                _stop(str(row["id"]), lambda: clock() > end, sleep)
    except (BotoCoreError, ClientError) as error:
        raise ToolError(f"{names.settings.spark.name} could not be stopped: {error}", _AGAIN) from error


_AGAIN = "Run it again: it continues from there."


def _call(service: str, operation: str, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = getattr(client(service), operation)(**arguments)
    return answer


def _stop(application: str, over: Callable[[], bool], sleep: Callable[[float], None]) -> None:
    asked = False
    while True:
        state = _state(application)
        if state in _DELETABLE:
            return
        runs = _runs(application)
        for run in runs:
            if run["state"] != "CANCELLING":
                _call(
                    "emr-serverless", "cancel_job_run", {"applicationId": application, "jobRunId": run["id"]}
                )
        # It is refused while a run has not ended, or while the application starts.
        if state == "STARTED" and not runs and not asked:
            _call("emr-serverless", "stop_application", {"applicationId": application})
            asked = True
        if over():
            raise ToolError(f"The Spark application {application} has not stopped: it is {state}.", _AGAIN)
        sleep(_POLL_SECONDS)


def _state(application: str) -> str:
    answer = _call("emr-serverless", "get_application", {"applicationId": application})
    return str(answer["application"]["state"])


def _runs(application: str) -> list[Mapping[str, Any]]:
    """Runs that have not ended: the first 50, which are enough to go on."""
    asked = {"applicationId": application, "states": _LIVE_RUNS, "maxResults": 50}
    found: list[Mapping[str, Any]] = list(_call("emr-serverless", "list_job_runs", asked)["jobRuns"])
    return found
