"""Prometheus metrics of the service."""

from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

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

    @contextmanager
    def timed(self, work: str) -> Iterator[None]:
        """Time a piece of work, and count its failures."""
        with self._seconds.labels(work).time(), self._errors.labels(work).count_exceptions():
            yield

    def scored(self, body: bytes) -> None:
        """Count the readings of a response of `score_lines`."""
        self._readings.inc(body.count(b'{"line":') - body.count(b'"reasons":['))

    def page(self) -> bytes:
        """The page of metrics, in Prometheus' text format."""
        return generate_latest(self.registry)
