"""Prometheus metrics of the service."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

from petrostream.pipeline import Outcome

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


class Gauges:
    """Counters and histograms of one process, in a registry of their own."""

    MEDIA_TYPE = CONTENT_TYPE_LATEST

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._seconds = Histogram(
            "petrostream_api_seconds", "Time of the work of a request", ["work"],
            registry=self.registry, buckets=_SECONDS,
        )  # fmt: skip
        self._readings = Counter(
            "petrostream_api_readings", "Readings scored on demand", registry=self.registry
        )
        self._errors = Counter(
            "petrostream_api_errors", "Requests whose work failed", ["work"], registry=self.registry
        )

        self._consumed = self._counter("readings_scored", "Readings of the stream scored")
        self._quarantined = self._counter("readings_quarantined", "Lines of the stream rejected")
        self._anomalies = self._counter("anomalies", "Anomalous readings of the stream")
        self._annunciated = self._counter("alarms_annunciated", "Alarms annunciated")
        self._joined = self._counter("readings_joined", "Readings settled by the join", "matched")
        self._join_wait = self._counter(
            "join_wait_seconds", "Time that readings waited to be joined, by their own clocks; all together"
        )
        self._failed = self._counter("facilities_failed", "Facilities to process again")
        self._behind = Gauge(
            "petrostream_behind_seconds",
            "How far behind the newest record a shard is read",
            ["shard"],
            registry=self.registry,
        )

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"petrostream_{name}", text, labels, registry=self.registry)

    @contextmanager
    def timed(self, work: str) -> Iterator[None]:
        """Time a piece of work, and count its failures."""
        with self._seconds.labels(work).time(), self._errors.labels(work).count_exceptions():
            yield

    def scored(self, body: bytes) -> None:
        """Count the readings of a response of `score_lines`."""
        self._readings.inc(body.count(b'{"line":') - body.count(b'"reasons":['))

    def batch(self, outcome: Outcome, records: int) -> None:
        """Count a batch of the stream, of so many records."""
        tally = outcome.tally
        self._consumed.inc(tally.readings)
        self._quarantined.inc(tally.quarantined)
        self._anomalies.inc(tally.anomalies)
        self._annunciated.inc(tally.alarms)
        self._joined.labels("yes").inc(tally.matched)
        self._joined.labels("no").inc(tally.unmatched)
        self._join_wait.inc(tally.join_wait_ms / 1000)
        self._failed.inc(len(outcome.failed))

    def behind(self, shard_id: str, seconds: float) -> None:
        """Set how far behind a shard is read."""
        self._behind.labels(shard_id).set(seconds)

    def page(self) -> bytes:
        """The page of metrics, in Prometheus' text format."""
        return generate_latest(self.registry)
