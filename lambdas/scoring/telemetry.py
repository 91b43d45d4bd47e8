"""Logs and metrics of the scoring function: JSON lines and CloudWatch's embedded metric format."""

import logging
import os
import time
from collections.abc import Callable

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from lambdas.scoring.counts import counts
from petrostream.errors import ModelInvalid
from petrostream.pipeline import Outcome, Tally

SERVICE = os.environ.get("POWERTOOLS_SERVICE_NAME", "petrostream-scoring")
logger = Logger(service=SERVICE)
# Lambda's level for applications would take precedence, which must be low enough for metrics.
logger.setLevel(os.environ.get("LOG_LEVEL", "INFO"))
metrics = Metrics(
    namespace=os.environ.get("POWERTOOLS_METRICS_NAMESPACE", "PetroStream"),
    service=SERVICE,
)

SUMMARY_SECONDS = 20.0
"""Time between two reports of a process, unless something out of the ordinary happens."""

# The domain and the adapters use the standard library's logging: send it through the same handler, once.
_petrostream = logging.getLogger("petrostream")
_petrostream.handlers = [logger.registered_handler]
_petrostream.setLevel(logger.log_level)
_petrostream.propagate = False


class Summary:
    """Batches that are not reported yet.

    One report covers some seconds, since every line that CloudWatch takes in is billed. A batch out of the
    ordinary is reported at once, with those before it. A process that dies takes what is not reported along:
    counts of at most `SUMMARY_SECONDS`.

    Args:
        clock: returns seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._next = -float("inf")
        self._clear()

    def _clear(self) -> None:
        self._tally, self._batches, self._records, self._failed = Tally(), 0, 0, 0

    def add(self, outcome: Outcome, records: int) -> None:
        """Add a batch of that many stream records, and log and emit what is due."""
        self._tally.add(outcome.tally)
        self._batches += 1
        self._records += records
        self._failed += len(outcome.failed)
        tally = outcome.tally
        unusual = outcome.failed or tally.alarms or tally.quarantined or tally.records_skipped
        if unusual or self._clock() >= self._next:
            self._report(outcome)
            self._next = self._clock() + SUMMARY_SECONDS
            self._clear()

    def _report(self, outcome: Outcome) -> None:
        tally = self._tally
        for name, value in counts(tally, self._failed).items():
            _count(name, value)
        metrics.add_metadata(key="model_version", value=outcome.model_version or "none")
        logger.info(
            "batches done",
            batches=self._batches,
            records=self._records,
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


summary = Summary()
"""What this process has not reported yet."""


def flush() -> None:
    """Emit the metrics of this invocation, if there are any."""
    if metrics.metric_set:
        metrics.flush_metrics()


def report_rejected_model(invalid: ModelInvalid) -> None:
    """Emit the metric for a published model that cannot be used."""
    _count("ModelsRejected", 1)
    metrics.add_metadata(key="model_rejected", value=str(invalid))


def _count(name: str, value: int) -> None:
    metrics.add_metric(name=name, unit=MetricUnit.Count, value=value)
