"""The instances of a replay: which exist, when they play, which facility their wells belong to."""

import re
from collections import OrderedDict, defaultdict
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from ml.data.dataset import (
    CLASS,
    NO_LABEL,
    TIMESTAMP,
    DatasetError,
    InstanceFile,
    read_instance,
)
from ml.data.units import UnitMap
from petrostream.arrays import IntArray
from petrostream.fleet import facility_of
from petrostream.readings import Rows
from producer.errors import FleetInvalid
from producer.facility_plan import Labels
from producer.players import Load
from producer.schedule import Span, length_ms, trim

KEPT_BYTES = 512 * 1024 * 1024
"""Rows held in memory at once (some 250 bytes each); where more play together, files are read again."""

NO_UNITS = UnitMap()

_FACILITY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def spans_of(
    files: Collection[InstanceFile], fleet: dict[str, str], start_ms: int, duration_ms: int | None
) -> list[Span]:
    """What plays of each instance, when `start_ms` of every well is skipped and `duration_ms` is played.

    Raises:
        DatasetError: two files are the same instance, a file's times can't be read, or nothing is left.
    """
    paths: dict[str, InstanceFile] = {}
    wells: dict[str, list[Span]] = defaultdict(list)
    for file in files:
        if file.source in paths:
            raise DatasetError(file.path, f"is instance {file.source}, and so is {paths[file.source].path}")
        paths[file.source] = file
        times = _times(file)
        facility = fleet.get(file.well_id) or facility_of(file.well_id)
        first, last = int(times[0]), int(times[-1])
        wells[file.well_id].append(Span(file.source, file.well_id, facility, first, last, 0, len(times)))
    spans = [
        span
        for whole in wells.values()
        for span in trim(whole, start_ms, duration_ms, lambda span: _times(paths[span.source]))
    ]
    if not spans:
        folder = next(iter(paths.values())).path.parent.parent
        raise DatasetError(folder, _nothing_left(wells, start_ms, duration_ms))
    return spans


def _nothing_left(wells: dict[str, list[Span]], start_ms: int, duration_ms: int | None) -> str:
    lengths = {well_id: length_ms(whole) for well_id, whole in wells.items()}
    longest = max(lengths, key=lambda well_id: lengths[well_id])
    if start_ms > lengths[longest]:
        return (
            f"no well has readings {_period(start_ms)} after its first one (--start): "
            f"the longest, {longest}, lasts {_period(lengths[longest])}"
        )
    end = _period(start_ms + (duration_ms or 0))
    return f"no well has readings from {_period(start_ms)} to {end} after its first one (--start, --duration)"


def _period(ms: int) -> str:
    return str(timedelta(seconds=ms // 1000))


def loader(
    files: Collection[InstanceFile], *, units: UnitMap = NO_UNITS, kept_bytes: int = KEPT_BYTES
) -> Load:
    """A function that reads the rows of spans and caches the most recently used ones, up to `kept_bytes`.

    Values are converted from the units of the fleet file to those of the schema.

    The returned function raises DatasetError: a file is not in the 3W layout, or has changed meanwhile.
    """
    by_source = {file.source: file for file in files}
    kept: OrderedDict[Span, Rows] = OrderedDict()

    def load(span: Span) -> Rows:
        rows = kept.pop(span, None) or _read(by_source[span.source], span, units)
        kept[span] = rows
        while len(kept) > 1 and sum(other.values.nbytes for other in kept.values()) > kept_bytes:
            kept.popitem(last=False)
        return rows

    return load


def _read(file: InstanceFile, span: Span, units: UnitMap) -> Rows:
    instance = read_instance(file)
    part = slice(span.low, span.high)
    times = instance.ts_ms[part]
    if len(times) != span.readings or (int(times[0]), int(times[-1])) != (span.first_ms, span.last_ms):
        raise DatasetError(instance.path, "has changed since the replay was planned")
    # Copies, so that a short part does not keep a whole instance in memory.
    values, label, state = (
        instance.values[part].copy(),
        instance.label[part].copy(),
        instance.state[part].copy(),
    )
    return Rows(times.copy(), units.convert(file.well_id, values), label, state)


def labels_of(files: Collection[InstanceFile]) -> Labels:
    """A function that reads times and classes of whole instances, and no other column.

    The returned function raises DatasetError: a file is not in the 3W layout.
    """
    by_source = {file.source: file for file in files}

    def labels(span: Span) -> tuple[IntArray, IntArray]:
        file = by_source[span.source]
        try:
            table = pq.read_table(file.path, columns=[TIMESTAMP, CLASS], partitioning=None)
            times = table[TIMESTAMP].to_numpy().astype("datetime64[ms]").astype(np.int64)
            raw = table[CLASS].cast(pa.float64()).to_numpy(zero_copy_only=False)
        except (pa.ArrowException, OSError, KeyError, ValueError, TypeError):
            # The full reader reports exactly what is wrong with a file.
            whole = read_instance(file)
            return whole.ts_ms, whole.label
        return times, np.where(np.isnan(raw), NO_LABEL, raw).astype(np.int64)

    return labels


def read_fleet(path: Path) -> dict[str, str]:
    """Facility of each well a fleet file names; wells it does not name keep `petrostream.fleet.facility_of`.

    The file is a mapping of wells to facilities, or an object like `producer/fleet.json` with `wells`,
    `units` or both; a well there needs no facility.

    Raises:
        FleetInvalid: no such file, not JSON, or neither of the two.
    """
    try:
        raw = orjson.loads(path.read_bytes())
    except OSError as error:
        raise FleetInvalid(path, f"can't be read ({error.strerror})") from error
    except orjson.JSONDecodeError as error:
        raise FleetInvalid(path, f"is not JSON ({error})") from error
    if not isinstance(raw, dict) or not raw:
        raise FleetInvalid(path, "is not a mapping of wells to facilities")
    if isinstance(raw.get("wells"), dict) or isinstance(raw.get("units"), dict):
        raw = _facilities(path, raw.get("wells", {}))
    for well, facility in raw.items():
        if isinstance(facility, dict):
            raise FleetInvalid(path, f'well {well!r} is an object: put it into an object "wells"')
        if not isinstance(facility, str) or not _FACILITY.fullmatch(facility):
            raise FleetInvalid(
                path, f"well {well!r} has facility {facility!r}, which is not 1 to 64 letters, digits or _.-"
            )
    return dict(raw)


def _facilities(path: Path, wells: object) -> dict[str, Any]:
    if not isinstance(wells, dict):
        raise FleetInvalid(path, f"wells is {wells!r}, not an object of wells")
    for well, entry in wells.items():
        if not isinstance(entry, dict):
            raise FleetInvalid(
                path, f'well {well!r} is {entry!r}, not an object such as {{"units": {{...}}}}'
            )
    return {well: entry["facility"] for well, entry in wells.items() if "facility" in entry}


def _times(file: InstanceFile) -> IntArray:
    """Source times of a whole instance, epoch milliseconds, shape (rows,), ascending."""
    try:
        table = pq.read_table(file.path, columns=[TIMESTAMP], partitioning=None)
        times: IntArray = table[TIMESTAMP].to_numpy().astype("datetime64[ms]").astype(np.int64)
        usable = len(times) > 0 and bool((np.diff(times) > 0).all())
    except (pa.ArrowException, OSError, KeyError, ValueError, TypeError):
        usable = False
    # The full reader reports exactly what is wrong with a file.
    return times if usable else read_instance(file).ts_ms
