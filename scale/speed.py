"""What was measured: processor time and bytes of the path, as `bench/scale.py` writes them."""

import json
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from cost.basis import MEASURED, Basis
from petrostream.errors import PetroStreamError

BENCH = "python bench/scale.py --json build/scale/measured.json"


class MeasurementsUnreadable(PetroStreamError):  # noqa: N818 - says what happened
    """A file of measurements can't be used; the message names it and the field."""

    def __init__(self, where: str, problem: object) -> None:
        super().__init__(f"{where}: {problem}; write it with {BENCH}")


@dataclass(frozen=True, slots=True)
class Speed:
    """Processor milliseconds of the scoring function on one core, fitted to measured batches.

    Attributes:
        batch, record, facility, well, reading: of a batch, and of each of these in it.
        well_hz: of each well for each hertz at which it sends.
        minute: of a closed minute of a well.
        stored: of each well in a facility's snapshot.
        call: of each call of an AWS client, by its name.
    """

    batch: float
    record: float
    facility: float
    well: float
    well_hz: float
    reading: float
    minute: float
    stored: float
    call: Mapping[str, float]

    @property
    def fixed(self) -> float:
        """Of a batch, with its calls: the shard's owner is read, its place written, rows are sent."""
        return self.batch + self.call["get_item"] + self.call["put_item"] + self.call["put_record_batch"]

    def batch_ms(self, records: float, facilities: float, wells: float, readings: float, hz: float) -> float:
        """Processor time of a batch, without the minutes and snapshots that it writes.

        Args:
            records: its stream records.
            facilities: how many have a record in it.
            wells: how many have a reading in it.
            readings: its readings.
            hz: readings a second of each well.
        """
        work = self.record * records + self.facility * facilities + self.reading * readings
        return self.fixed + work + (self.well + self.well_hz * hz) * wells

    def snapshot_ms(self, wells: float) -> float:
        """Processor time of a snapshot of a facility with so many wells, with its call."""
        return self.stored * wells + self.call["put_item"]

    def basis(
        self, hz: float, records_of_a_facility: float, wells: int, reading_bytes: Fraction | None = None
    ) -> Basis:
        """The basis of a bill with this speed.

        Args:
            hz: readings a second of each well.
            records_of_a_facility: stream records of a facility in a batch that has any.
            wells: of a facility.
            reading_bytes: a reading in the stream; that of `cost/figures.py` if None.
        """
        return Basis(
            reading_bytes=MEASURED.reading_bytes if reading_bytes is None else reading_bytes,
            fixed_ms=_exact(self.fixed),
            facility_ms=_exact(self.facility + self.record * records_of_a_facility),
            well_ms=_exact(self.well + self.well_hz * hz),
            reading_ms=_exact(self.reading),
            minute_ms=_exact(self.minute + self.call["update_item"]),
            snapshot_ms=_exact(self.snapshot_ms(wells)),
        )


def _exact(ms: float) -> Fraction:
    return Fraction(str(round(ms, 5)))


@dataclass(frozen=True, slots=True)
class Measurements:
    """A run of the bench.

    Attributes:
        speed: the fitted processor times.
        gzip_share: size of a record compressed by gzip, as a share of its lines, in blocks of 100 readings.
        core_us: how fast the core was: microseconds in which orjson parses and writes a reading.
        raw: everything as it was written.
    """

    speed: Speed
    gzip_share: float
    core_us: float
    raw: dict[str, Any]


def load_measurements(path: Path | None = None) -> Measurements:
    """The measurements of a file, by default those that came with the code.

    Raises:
        MeasurementsUnreadable: the file is missing, is not JSON or lacks a field.
    """
    where = "scale/measured.json" if path is None else str(path)
    try:
        data = pkgutil.get_data("scale", "measured.json") if path is None else path.read_bytes()
        raw: dict[str, Any] = json.loads(data or b"")
        fitted = raw["speed"]
        names = ("batch", "record", "facility", "well", "well_hz", "reading", "minute", "stored")
        speed = Speed(**{name: float(fitted[f"{name}_ms"]) for name in names}, call=raw["client_ms"])
        block = next(one for one in raw["shapes"] if one["block"] == 100)
        gzip_share, core_us = block["stream_gzip_bytes"] / block["stream_bytes"], raw["machine"]["orjson_us"]
        return Measurements(speed, gzip_share, float(core_us), raw)
    except OSError as error:
        raise MeasurementsUnreadable(where, error.strerror) from error
    except (ValueError, StopIteration) as error:
        raise MeasurementsUnreadable(where, f"not measurements ({error})") from error
    except KeyError as error:
        raise MeasurementsUnreadable(where, f"{error} is missing") from error
