"""Lambda handler of the jobs over stored data: runs the job that an event names, and answers what it did."""

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from batch import BatchSettings, JobContext, JobRequest, JobResult, run_job
from petrostream.backoff import Deadline
from petrostream.errors import PetroStreamError

MARGIN_SECONDS = 30.0
"""Time between the last start of a day's work and the function's time-out, to finish or report it."""


class JobIncomplete(PetroStreamError):  # noqa: N818  says what happened
    """Days failed or were not reached, which the caller would not see in an answer; the text names them."""

    def __init__(self, result: JobResult) -> None:
        reasons = [f"{day}: {reason}" for day, reason in result.failed.items()]
        reasons += [f"{day}: not reached in time" for day in result.left]
        super().__init__(f"{result.job}: {'; '.join(reasons)}")


logger = Logger(service=os.environ.get("POWERTOOLS_SERVICE_NAME", "petrostream-batch"))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Run the job of an event: `{"job": "compact", "date": "2026-11-20"}`.

    Raises:
        RequestInvalid: the event names no job, or an unusable date.
        JobIncomplete: a day failed or was not reached; those before it are done.
        PetroStreamError: a service does not respond; the caller may repeat the event.
    """
    seconds = max(0.0, context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS)
    surroundings = JobContext(
        settings=BatchSettings.from_environment(os.environ),
        say=logger.info,
        deadline=Deadline.after(seconds),
    )
    result = run_job(surroundings, JobRequest.from_event(event))
    if result.failed or result.left:
        raise JobIncomplete(result)
    return result.as_dict()
