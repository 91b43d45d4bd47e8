"""The scoring function's front door: a Kinesis event in, the first record not committed out."""

import base64
import binascii
import logging
import os
import time
from collections.abc import Callable
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from petrostream.aws.alerts import AlertTopic
from petrostream.aws.clients import client
from petrostream.aws.firehose import FirehoseSink
from petrostream.aws.live_writer import LiveWriter
from petrostream.aws.models import ModelStore
from petrostream.aws.settings import ScoringSettings
from petrostream.aws.state import StateStore
from petrostream.backoff import Backoff, Deadline
from petrostream.errors import BatchIncomplete, ModelInvalid
from petrostream.pipeline.batch import Outcome, Ports, Record, Tally
from petrostream.pipeline.process import process

MARGIN_SECONDS = 3.0
"""Time between the deadline of all work and the moment Lambda ends the function: the answer must be out."""

RESERVE_SHARE = 0.3
MAX_RESERVE_SECONDS = 30.0

SERVICE = "petrostream-scoring"
logger = Logger(service=os.environ.get("POWERTOOLS_SERVICE_NAME", SERVICE))
metrics = Metrics(
    namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "PetroStream"),
    service=os.environ.get("POWERTOOLS_SERVICE_NAME", SERVICE),
)

# The adapters log through the standard library: same form, same place, once.
_adapters = logging.getLogger("petrostream")
_adapters.handlers = [logger.registered_handler]
_adapters.setLevel(logger.log_level)
_adapters.propagate = False


@metrics.log_metrics(raise_on_empty_metrics=False)
@logger.inject_lambda_context
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Score a batch.

    Returns:
        A partial batch response naming the lowest sequence number not committed, if any.

    Raises:
        BatchIncomplete: something is not committed and the event source does not act on a response.
    """
    worker = _worker()
    seconds = max(0.0, context.get_remaining_time_in_millis() / 1000 - MARGIN_SECONDS)
    deadline = Deadline.after(seconds)
    records = [to_record(record) for record in event["Records"]]
    outcome = process(
        records, worker.ports(deadline), deadline, min(MAX_RESERVE_SECONDS, seconds * RESERVE_SHARE)
    )
    _report(outcome, records)
    return answer(outcome, worker.settings.partial_batch_response)


class Worker:
    """What outlives an invocation: settings, states kept warm, models.

    Args:
        settings: where everything is.
        clients: gives the client of a service.
        backoff: how the sinks repeat; theirs if None.
    """

    def __init__(
        self,
        settings: ScoringSettings,
        clients: Callable[[str], Any] = client,
        backoff: Backoff | None = None,
    ) -> None:
        self.settings = settings
        self._clients = clients
        self._backoff = backoff
        self._states = StateStore(settings.live_table, clients("dynamodb"))
        self._live = LiveWriter(settings.live_table, clients("dynamodb"), settings.live_window_hours)
        self._alerts = AlertTopic(
            settings.alert_topic, settings.live_table, clients("sns"), clients("dynamodb"), _now_ms, backoff
        )
        self._models = ModelStore(
            settings.artifacts_bucket, clients("s3"), settings.model_refresh_seconds, on_rejected=_rejected
        )

    def ports(self, deadline: Deadline) -> Ports:
        """Ports of one invocation."""
        firehose = self._clients("firehose")
        return Ports(
            states=self._states,
            models=self._models,
            delivery=FirehoseSink(self.settings.delivery_stream, firehose, deadline, self._backoff),
            quarantine=FirehoseSink(self.settings.quarantine_stream, firehose, deadline, self._backoff),
            facility=FirehoseSink(self.settings.facility_stream, firehose, deadline, self._backoff),
            alarms=FirehoseSink(self.settings.alarm_stream, firehose, deadline, self._backoff),
            live=self._live,
            alerts=self._alerts.until(deadline),
            now_ms=_now_ms,
            join=self.settings.facility_join,
        )


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


@cache
def _worker() -> Worker:
    return Worker(ScoringSettings.from_environment(os.environ))


def to_record(record: dict[str, Any]) -> Record:
    """One element of a Kinesis event. Data that is not base64 is carried on as it is, to be quarantined."""
    kinesis = record["kinesis"]
    text = str(kinesis.get("data") or "")
    broken = None
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        data, broken = text.encode(), "undecodable_base64:data"
    return Record(
        sequence=str(kinesis["sequenceNumber"]),
        partition_key=str(kinesis["partitionKey"]),
        data=data,
        arrival_ms=round(float(kinesis["approximateArrivalTimestamp"]) * 1000),
        broken=broken,
    )


def answer(outcome: Outcome, partial: bool) -> dict[str, Any]:
    """The partial batch response of an outcome.

    Raises:
        BatchIncomplete: something failed and `partial` is false.
    """
    lowest = outcome.lowest_failed
    if lowest is None:
        return {"batchItemFailures": []}
    if not partial:
        raise BatchIncomplete(lowest, len(outcome.failed), str(outcome.troubles[0])) from outcome.troubles[0]
    return {"batchItemFailures": [{"itemIdentifier": lowest}]}


def _report(outcome: Outcome, records: list[Record]) -> None:
    tally = outcome.tally
    count = MetricUnit.Count
    metrics.add_metric(name="ReadingsScored", unit=count, value=tally.readings)
    metrics.add_metric(name="ReadingsQuarantined", unit=count, value=tally.quarantined)
    metrics.add_metric(name="Anomalies", unit=count, value=tally.anomalies)
    # CloudWatch charges for the hours in which a metric gets a value: what is zero as a rule is left out.
    if tally.records_skipped:
        metrics.add_metric(name="RecordsSkipped", unit=count, value=tally.records_skipped)
    if outcome.failed:
        metrics.add_metric(name="FacilitiesFailed", unit=count, value=len(outcome.failed))
    _report_facility(tally)
    if tally.alarms:
        metrics.add_metric(name="AlarmsAnnunciated", unit=count, value=tally.alarms)
    metrics.add_metadata(key="model_version", value=outcome.model_version or "none")
    logger.info(
        "batch done",
        records=len(records),
        committed=tally.records,
        readings=tally.readings,
        quarantined=tally.quarantined,
        anomalies=tally.anomalies,
        alarms=tally.alarms,
        tanks=tally.tanks,
        matched=tally.matched,
        unmatched=tally.unmatched,
        lowest_failed=outcome.lowest_failed,
        model_version=outcome.model_version,
    )


def _report_facility(tally: Tally) -> None:
    if not tally.tanks + tally.matched + tally.unmatched:
        # A lake without tanks pays for none of these.
        return
    counts = {
        "TankReadings": tally.tanks,
        "ReadingsMatched": tally.matched,
        "ReadingsUnmatched": tally.unmatched,
        "ReadingsLate": tally.late,
        "DuplicatesDropped": tally.duplicates + tally.duplicate_tanks,
    }
    for name, value in counts.items():
        metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)


def _rejected(invalid: ModelInvalid) -> None:
    metrics.add_metric(name="ModelsRejected", unit=MetricUnit.Count, value=1)
    metrics.add_metadata(key="model_rejected", value=str(invalid))
