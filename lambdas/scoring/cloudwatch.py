"""The service's metrics for CloudWatch, as lines of its log in the embedded metric format.

CloudWatch Logs makes metrics of such lines by itself ("Embedding metrics within logs" in its user guide), so
the service needs no right and no call for them. They are named as the function's, under the same dimension:
alarms and dashboard are for whoever scores.
"""

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping

from lambdas.scoring.counts import counts
from petrostream.pipeline import Outcome, Tally

SECONDS = 60.0
"""Time between two lines: CloudWatch keeps metrics by the minute."""

BEHIND = "BehindMilliseconds"
"""How far behind the newest record the shard is read that is furthest behind."""

READ = "RecordsRead"
"""Records of the stream that were processed; zero says that the service lives and has nothing to do."""

OF_THE_SERVICE = (BEHIND, READ)
"""Metrics that the function does not have: Lambda counts the same for it."""


def _print(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


class CloudWatch:
    """Metrics of one task, written once a minute while shards are read.

    Args:
        namespace: namespace of the metrics; without one nothing is written.
        service: value of their dimension, `service`.
        write: takes a line.
        clock: returns epoch seconds.
    """

    def __init__(
        self,
        namespace: str,
        service: str,
        write: Callable[[str], None] = _print,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._namespace = namespace
        self._service = service
        self._write = write
        self._clock = clock
        self._lock = threading.Lock()
        self._next = clock() + SECONDS
        self._clear()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "CloudWatch":
        """With METRICS_NAMESPACE and METRICS_SERVICE; without the first nothing is written."""
        service = environment.get("METRICS_SERVICE", "petrostream-scoring")
        return cls(environment.get("METRICS_NAMESPACE", "").strip(), service)

    def _clear(self) -> None:
        self._tally, self._failed, self._records, self._rejected = Tally(), 0, 0, 0
        self._behind_ms: float | None = None

    def batch(self, outcome: Outcome, records: int) -> None:
        """Count a batch of the stream, of so many records."""
        with self._lock:
            self._tally.add(outcome.tally)
            self._failed += len(outcome.failed)
            self._records += records
        self._write_if_due()

    def behind(self, shard_id: str, seconds: float) -> None:
        """Note how far behind a shard is read."""
        del shard_id
        with self._lock:
            self._behind_ms = max(self._behind_ms or 0.0, seconds * 1000)
        self._write_if_due()

    def rejected(self) -> None:
        """Count a published model that cannot be used."""
        with self._lock:
            self._rejected += 1

    def _write_if_due(self) -> None:
        with self._lock:
            now = self._clock()
            if now < self._next:
                return
            values: dict[str, float] = {**counts(self._tally, self._failed), READ: self._records}
            if self._rejected:
                values["ModelsRejected"] = self._rejected
            if self._behind_ms is not None:
                values[BEHIND] = round(self._behind_ms)
            self._clear()
            self._next = now + SECONDS
        if self._namespace:
            self._write(self._line(values, int(now * 1000)))

    def _line(self, values: Mapping[str, float], timestamp_ms: int) -> str:
        units = [{"Name": name, "Unit": "Milliseconds" if name == BEHIND else "Count"} for name in values]
        described = {"Namespace": self._namespace, "Dimensions": [["service"]], "Metrics": units}
        document = {
            "_aws": {"Timestamp": timestamp_ms, "CloudWatchMetrics": [described]},
            "service": self._service,
            **values,
        }
        return json.dumps(document, separators=(",", ":"))
