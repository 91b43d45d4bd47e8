"""Logs and metrics of the scoring function: JSON lines and CloudWatch's embedded metric format."""

import logging
import os

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from petrostream.errors import ModelInvalid
from petrostream.pipeline import Outcome

SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "petrostream-scoring")
logger = Logger(service=SERVICE)
metrics = Metrics(
    namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "PetroStream"),
    service=SERVICE,
)

COUNTED_ALWAYS = ("ReadingsScored", "ReadingsQuarantined", "Anomalies")
COUNTED_WITH_TANKS = (
    "TankReadings",
    "ReadingsMatched",
    "ReadingsUnmatched",
    "ReadingsLate",
    "DuplicatesDropped",
)
COUNTED_IF_ANY = ("RecordsSkipped", "FacilitiesFailed", "AlarmsAnnunciated", "ModelsRejected")
"""Omitted when zero: CloudWatch bills a metric for every hour in which it has a value."""

# The domain and the adapters use the standard library's logging: send it through the same handler, once.
_petrostream = logging.getLogger("petrostream")
_petrostream.handlers = [logger.registered_handler]
_petrostream.setLevel(logger.log_level)
_petrostream.propagate = False


def report(outcome: Outcome, records: int) -> None:
    """Log a batch and emit its metrics.

    Args:
        outcome: the outcome of the batch.
        records: number of its stream records.
    """
    tally = outcome.tally
    values = {
        "ReadingsScored": tally.readings,
        "ReadingsQuarantined": tally.quarantined,
        "Anomalies": tally.anomalies,
        "RecordsSkipped": tally.records_skipped,
        "FacilitiesFailed": len(outcome.failed),
        "AlarmsAnnunciated": tally.alarms,
        "TankReadings": tally.tanks,
        "ReadingsMatched": tally.matched,
        "ReadingsUnmatched": tally.unmatched,
        "ReadingsLate": tally.late,
        "DuplicatesDropped": tally.duplicates + tally.duplicate_tanks,
    }
    # A lake without tanks does not pay for their metrics.
    with_tanks = COUNTED_WITH_TANKS if tally.tanks + tally.matched + tally.unmatched else ()
    for name in (*COUNTED_ALWAYS, *with_tanks, *(name for name in COUNTED_IF_ANY if values.get(name))):
        _count(name, values[name])
    metrics.add_metadata(key="model_version", value=outcome.model_version or "none")
    logger.info(
        "batch done",
        records=records,
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


def report_rejected_model(invalid: ModelInvalid) -> None:
    """Emit the metric for a published model that cannot be used."""
    _count("ModelsRejected", 1)
    metrics.add_metadata(key="model_rejected", value=str(invalid))


def _count(name: str, value: int) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
