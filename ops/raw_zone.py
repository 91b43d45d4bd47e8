"""Reads the raw zone: every stream record as it arrived, in order for each facility.

The name of an object holds the time at which its first record arrived, to the second (Firehose Developer
Guide, "Configure Amazon S3 object name format"). On AWS an object holds a buffer of records in the order of
their shard, on the local twin one record. Objects of the same second are ordered by the time at which they
were written, and by the event time of their first reading where that is the same.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from sys import intern
from typing import TYPE_CHECKING, Any

import numpy as np

from petrostream.arrays import IntArray
from petrostream.facility import COLUMN, WellEvents
from petrostream.lake import lines_of
from petrostream.readings import NO_TIME, Readings, Rejected, TankReadings, Validated, validate_block

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_s3 import S3Client

CHUNK_BYTES = 256 * 1024
"""Lines validated at once: about a stream record, to which limits of a record apply."""

LEAP_MS = 10_000
"""A reading further ahead of its arrival does not move its facility's newest time (`petrostream.scoring`)."""

_ARRIVED = re.compile(r"\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d")


RawPlace = tuple[int, int]
"""An object's place in a list of objects, and a line in it."""


@dataclass(frozen=True, slots=True)
class RawObject:
    """An object of the raw zone.

    Attributes:
        key: its key.
        arrived: when its first record arrived, to the second.
        written: when it was written.
    """

    key: str
    arrived: datetime
    written: datetime


@dataclass(frozen=True, slots=True)
class RawZone:
    """Where the Firehose of the raw zone writes.

    Attributes:
        bucket: its bucket.
        prefix: what all keys begin with.
        s3: reads it.
    """

    bucket: str
    prefix: str
    s3: "S3Client"

    @classmethod
    def of(cls, stream: str, firehose: "FirehoseClient", s3: "S3Client") -> "RawZone":
        """The zone that a Firehose writes.

        Raises:
            botocore.exceptions.ClientError: it is not there, or must not be described.
        """
        description = firehose.describe_delivery_stream(DeliveryStreamName=stream)
        (destination,) = description["DeliveryStreamDescription"]["Destinations"]
        s3_destination = destination["ExtendedS3DestinationDescription"]
        prefix = s3_destination.get("Prefix", "").partition("!{")[0]
        return cls(s3_destination["BucketARN"].rpartition(":")[2], prefix, s3)

    def objects(self, hours: float) -> list[RawObject]:
        """Objects of the last `hours` before the newest one, oldest first; reads none.

        Raises:
            botocore.exceptions.ClientError: the bucket is not there, or must not be listed.
        """
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.prefix)
        found = [_object(item) for page in pages for item in page.get("Contents", [])]
        newest = max((item.arrived for item in found), default=datetime.now(UTC))
        recent = [item for item in found if item.arrived > newest - timedelta(hours=hours)]
        return sorted(recent, key=lambda item: (item.arrived, item.written, item.key))

    def lines(self, key: str) -> list[bytes]:
        """The lines of an object that are not blank, as they arrived.

        Raises:
            botocore.exceptions.ClientError: the object is not there, or must not be read.
        """
        body = self.s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return lines_of(body)


def _object(item: Any) -> RawObject:  # noqa: ANN401 - boto3's own type is there for type checkers only
    named = _ARRIVED.search(item["Key"].rpartition("/")[2])
    arrived = (
        datetime.strptime(named[0], "%Y-%m-%d-%H-%M-%S").replace(tzinfo=UTC)
        if named
        else item["LastModified"]
    )
    return RawObject(item["Key"], arrived, item["LastModified"])


@dataclass(frozen=True, slots=True)
class Part:
    """Readings of one facility in some lines of one object.

    Attributes:
        wells: n well readings, without the values that the join carries along.
        tanks: m tank readings.
        tank_at: shape (m,), for each tank reading the number of `wells` before it.
        well_lines: shape (n,), where each well reading stands in the object.
        tank_lines: shape (m,), the same for tank readings.
        at: place of the object in the list of objects.
    """

    wells: WellEvents
    tanks: TankReadings
    tank_at: IntArray
    well_lines: IntArray
    tank_lines: IntArray
    at: int


@dataclass(slots=True)
class Contents:
    """What the raw zone has.

    Attributes:
        objects: the objects that were read, oldest first.
        parts: by facility, in order of arrival.
        rejected: lines without a usable reading, each with its place.
    """

    objects: Sequence[RawObject]
    parts: dict[str, list[Part]] = field(default_factory=lambda: defaultdict(list))
    rejected: list[tuple[RawPlace, Rejected]] = field(default_factory=list)


def read(zone: RawZone, objects: Sequence[RawObject]) -> Contents:
    """Read and validate objects.

    Raises:
        botocore.exceptions.ClientError: an object is not there, or must not be read.
    """
    found = Contents(objects)
    for at, item in enumerate(objects):
        now_ms = int(item.written.timestamp() * 1000)
        for first, lines in _chunks(zone.lines(item.key)):
            _add(found, at, first, validate_block(b"\n".join(lines), sequence="", now_ms=now_ms, tanks=True))
    for parts in found.parts.values():
        # Only objects of the same second and the same writing time may change places.
        parts.sort(key=lambda part: (objects[part.at].arrived, objects[part.at].written, _first_ms(part)))
    return found


def texts(zone: RawZone, contents: Contents, places: Iterable[RawPlace]) -> dict[RawPlace, bytes]:
    """The lines at some places; reads each object once.

    Raises:
        botocore.exceptions.ClientError: an object is not there any more, or must not be read.
    """
    wanted: dict[int, list[int]] = defaultdict(list)
    for at, line in places:
        wanted[at].append(line)
    found: dict[RawPlace, bytes] = {}
    for at, numbers in wanted.items():
        lines = zone.lines(contents.objects[at].key)
        found |= {(at, number): lines[number] for number in numbers}
    return found


def _chunks(lines: Sequence[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """Runs of lines that together are about a stream record, each with the number of its first line."""
    start = size = 0
    for number, line in enumerate(lines):
        if size and size + len(line) > CHUNK_BYTES:
            yield start, list(lines[start:number])
            start, size = number, 0
        size += len(line)
    if start < len(lines):
        yield start, list(lines[start:])


def _add(found: Contents, at: int, first: int, content: Validated) -> None:
    n, m = len(content.readings), len(content.tanks)
    gone = {rejected.line for rejected in content.rejected}
    usable = np.array([i for i in range(n + m + len(gone)) if i not in gone], np.int64) + first
    well_lines = usable[np.arange(n) + np.searchsorted(content.tank_at, np.arange(n), side="right")]
    tank_lines = usable[content.tank_at + np.arange(m)]
    found.rejected += [((at, first + rejected.line), rejected) for rejected in content.rejected]
    wells, tanks = np.array(content.readings.facility_id), np.array(content.tanks.facility_id)
    for facility in dict.fromkeys([*content.readings.facility_id, *content.tanks.facility_id]):
        own_wells, own_tanks = np.flatnonzero(wells == facility), np.flatnonzero(tanks == facility)
        tank_at = np.searchsorted(well_lines[own_wells], tank_lines[own_tanks])
        found.parts[facility].append(
            Part(
                _events(content.readings, own_wells),
                content.tanks.take(own_tanks),
                tank_at,
                well_lines[own_wells],
                tank_lines[own_tanks],
                at,
            )
        )


def _events(readings: Readings, at: IntArray) -> WellEvents:
    """Some readings as the join of wells and tanks takes them. Names are shared: there are few."""
    order = at.tolist()
    ts_ms, arrival_ms = readings.ts_ms[at], readings.arrival_ms[at]
    return WellEvents(
        [intern(readings.well_id[i]) for i in order],
        [intern(readings.source[i]) for i in order],
        [readings.event_id[i] for i in order],
        [""] * len(order),
        ts_ms,
        np.where(ts_ms > arrival_ms + LEAP_MS, NO_TIME, np.minimum(ts_ms, arrival_ms)),
        np.full((len(order), len(COLUMN)), np.nan),
    )


def _first_ms(part: Part) -> int:
    times = np.concatenate([part.wells.ts_ms[:1], part.tanks.ts_ms[:1]])
    return int(times.min())
