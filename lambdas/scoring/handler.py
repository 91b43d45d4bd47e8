"""Lambda handler of the scoring function: processes a Kinesis event and reports what is not committed."""

import os
from functools import cache
from typing import Any

from aws_lambda_powertools.utilities.typing import LambdaContext

from lambdas.scoring import telemetry
from lambdas.scoring.telemetry import logger, report_rejected_model
from petrostream.aws.record_data import decoded
from petrostream.aws.settings import ConsumerSettings
from petrostream.aws.worker import Worker
from petrostream.backoff import Deadline
from petrostream.errors import BatchIncomplete, cause_of
from petrostream.pipeline import Outcome, StreamRecord, process_batch

MARGIN_SECONDS = 3.0
"""Time between the deadline of all work and the function's time-out, to return the response."""

RESERVE_SHARE = 0.3
MAX_RESERVE_SECONDS = 30.0


@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Score a batch.

    Returns:
        A partial batch response naming the lowest sequence number not committed, if any.

    Raises:
        BatchIncomplete: something is not committed and the event source ignores partial batch responses.
    """
    worker = _worker()
    seconds = max(0.0, context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS)
    deadline = Deadline.after(seconds)
    records = [to_record(record) for record in event["Records"]]
    reserve = min(MAX_RESERVE_SECONDS, seconds * RESERVE_SHARE)
    outcome = process_batch(records, worker.ports(deadline), deadline, reserve, shard_of(event["Records"][0]))
    telemetry.summary.add(outcome, len(records))
    worker.settle(deadline)
    telemetry.flush()
    return response_to(outcome, worker.settings.partial_batch_response)


@cache
def _worker() -> Worker:
    return Worker(ConsumerSettings.from_environment(os.environ), on_rejected=report_rejected_model)


def prepare() -> None:
    """Create clients and load models ahead of the first batch, while the function is initialised.

    Lambda has a burst of CPU for that phase, while an invocation with 512 MB has three tenths of a core. What
    fails here is only logged: the first batch tries again, and reports it as every batch does.
    """
    try:
        _worker().models.current()
    except Exception:
        logger.exception("not prepared: the first batch will be slower")


def to_record(record: dict[str, Any]) -> StreamRecord:
    """Convert a record of a Kinesis event. Data that is not base64 is passed on, to be quarantined."""
    kinesis = record["kinesis"]
    data, broken = decoded(str(kinesis.get("data") or ""))
    return StreamRecord(
        sequence=str(kinesis["sequenceNumber"]),
        partition_key=str(kinesis["partitionKey"]),
        data=data,
        arrival_ms=round(float(kinesis["approximateArrivalTimestamp"]) * 1000),
        broken=broken,
    )


def shard_of(record: dict[str, Any]) -> str:
    """The shard of a record of a Kinesis event, as `<stream>/<shard>`."""
    # The ARN of a consumer with enhanced fan-out goes on after the stream's name.
    stream = str(record["eventSourceARN"]).partition(":stream/")[2].partition("/")[0]
    shard = str(record["eventID"]).partition(":")[0]
    return f"{stream}/{shard}"


def response_to(outcome: Outcome, partial: bool) -> dict[str, Any]:
    """The partial batch response of an outcome.

    Raises:
        BatchIncomplete: something is not committed and `partial` is false.
    """
    lowest = outcome.lowest_failed
    if lowest is None:
        return {"batchItemFailures": []}
    if not partial:
        first = outcome.errors[0]
        raise BatchIncomplete(lowest, len(outcome.failed), cause_of(first)) from first
    return {"batchItemFailures": [{"itemIdentifier": lowest}]}


if "AWS_LAMBDA_INITIALIZATION_TYPE" in os.environ:
    prepare()
