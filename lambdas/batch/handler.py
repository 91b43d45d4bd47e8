"""Lambda handler of the jobs over stored data: runs the job that an event names, and answers what it did."""

import os
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from batch import BatchSettings, JobContext, JobRequest, run_job
from petrostream.backoff import Deadline

MARGIN_SECONDS = 30.0
"""Time between the last start of a day's work and the function's time-out, to finish or report it."""

logger = Logger(service=os.environ.get("POWERTOOLS_SERVICE_NAME", "petrostream-batch"))


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Run the job of an event: `{"job": "compact", "date": "2026-11-20"}`.

    Raises:
        RequestInvalid: the event names no job, or an unusable date.
        PetroStreamError: a service does not respond; the caller may repeat the event.
    """
    seconds = max(0.0, context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS)
    surroundings = JobContext(
        settings=BatchSettings.from_environment(os.environ),
        say=logger.info,
        deadline=Deadline.after(seconds),
    )
    return run_job(surroundings, JobRequest.from_event(event)).as_dict()
