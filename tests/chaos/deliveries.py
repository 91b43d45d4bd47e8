"""The way of an entry from Firehose into a table: its buffer, the transform, the conversion to Parquet.

What fails on the way lies under the error prefix as AWS writes it (Firehose Developer Guide, "Data
transformation failure handling" and "Handling errors for data format conversion"), until the command of an
operator, `python -m ops redeliver --execute`, hands it in again.
"""

import base64
import io
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.settings import load_settings
from lambdas.firehose_transform.handler import handler
from ops.redeliver import redeliver
from petrostream.aws.firehose import compressed
from petrostream.aws.undelivered import Undelivered
from petrostream.lake.blocks import RowBlock
from tests.chaos.weather import Weather
from tests.support.event_source import Context
from tests.support.fakes import CRASH_BEFORE, LOST, OK, FakeFirehose
from tests.support.scoring_world import NO_WAIT

TRANSFORM_ATTEMPTS = 4
"""Firehose repeats a failed invocation three times by default (developer guide, "Data transformation")."""

ENTRIES = 4
"""Most entries of an invocation: a trial is short, and has few."""

PROCESSING, CONVERSION = "processing-failed", "format-conversion-failed"
"""Folders under an error prefix."""


class Unplaced(AssertionError):  # noqa: N818 - says what is wrong
    """The transform cannot place an entry."""


@dataclass
class ErrorPrefix:
    """The objects under the error prefix of one Firehose, as far as S3 is asked for them."""

    objects: dict[str, bytes] = field(default_factory=dict)

    def add(self, kind: str, entries: Sequence[bytes]) -> None:
        """Write an object with a line for each entry."""
        lines = [{"attemptsMade": 1, "rawData": base64.b64encode(entry).decode()} for entry in entries]
        body = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
        self.objects[f"errors/{kind}/{len(self.objects)}"] = body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        """An object."""
        assert Bucket
        return {"Body": io.BytesIO(self.objects[Key])}

    def delete_object(self, *, Bucket: str, Key: str) -> None:  # noqa: N803
        """Remove an object."""
        assert Bucket
        del self.objects[Key]


@dataclass
class Deliveries:
    """Delivers what the Firehoses of a trial have accepted.

    Attributes:
        firehose: the Firehoses.
        weather: strikes at "transform", "catalogue" and "delivery".
    """

    firehose: FakeFirehose
    weather: Weather
    errors: defaultdict[str, ErrorPrefix] = field(default_factory=lambda: defaultdict(ErrorPrefix))

    def blocks(self, stream: str) -> list[RowBlock]:
        """All that lands of a Firehose with a transform, what is redelivered in calm weather included."""
        entries = self.firehose.entries[stream]
        landed = list(self._delivered(stream, list(entries)))
        if self.errors[stream].objects:
            # The fault is over: an operator has seen the alarm.
            self.weather.shelter = True
            known = len(entries)
            self._redeliver(stream)
            landed += self._delivered(stream, entries[known:])
            self.weather.shelter = False
        return landed

    def _redeliver(self, stream: str) -> None:
        prefix = self.errors[stream]
        found = Undelivered(stream, "curated", tuple(prefix.objects), 0)
        result = redeliver(found, self.firehose, prefix, backoff=NO_WAIT)  # type: ignore[arg-type]
        self.weather.note("ops", f"redelivered {result.entries} {result.troubles}")

    def _delivered(self, stream: str, entries: Sequence[bytes]) -> Iterator[RowBlock]:
        for records in _buffered(entries):
            results = self._transformed(records)
            if results is None:
                packed = [base64.b64decode(record["data"]) for record in records]
                self.errors[stream].add(PROCESSING, packed)
            else:
                yield from self._converted(stream, results)

    def _converted(self, stream: str, results: Sequence[dict[str, Any]]) -> Iterator[RowBlock]:
        if any(result["result"] != "Ok" for result in results):
            raise Unplaced(json.dumps(results)[:200])
        rows = [base64.b64decode(result["data"]) for result in results]
        if self.weather.strike("catalogue") != OK:
            # Without the table there is no schema to convert by (EntityNotFound).
            self.errors[stream].add(CONVERSION, rows)
            return
        for result, data in zip(results, rows, strict=True):
            block = RowBlock(result["metadata"]["partitionKeys"]["date"], data, data.count(b"\n"))
            yield block
            if self.weather.strike("delivery") != OK:
                # Firehose delivers at least once.
                yield block

    def _transformed(self, records: list[dict[str, str]]) -> list[dict[str, Any]] | None:
        """Results of the first invocation that Firehose hears of; None if it gives up."""
        for _ in range(TRANSFORM_ATTEMPTS):
            outcome = self.weather.strike("transform")
            if outcome == CRASH_BEFORE:
                continue
            results: list[dict[str, Any]] = handler({"records": records}, Context())["records"]
            if outcome != LOST:
                return results
        return None


def _buffered(entries: Sequence[bytes]) -> Iterator[list[dict[str, str]]]:
    """Entries as Firehose hands them to the transform: up to the size of its buffer, as they were sent."""
    limit = float(load_settings().firehose.delivery.transform_buffer_mb) * 1024 * 1024
    records: list[dict[str, str]] = []
    size = 0
    for number, entry in enumerate(entries):
        packed = compressed(entry)
        if records and (size + len(packed) > limit or len(records) == ENTRIES):
            yield records
            records, size = [], 0
        records.append({"recordId": str(number), "data": base64.b64encode(packed).decode()})
        size += len(packed)
    if records:
        yield records
