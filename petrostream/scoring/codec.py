"""A facility's state as bytes: compact, and exact to the last bit, so that a retry repeats its results.

Layout: `PSS` and a version byte, then zlib, with `WORDS` as its preset dictionary, of: length of a JSON
header (4 bytes, little-endian), the header, and for each well of the header its arrays: the first time
(int64), the steps between times (int32, their bytes grouped by significance), the counts as encoded by
`petrostream.scoring.series_codec`, and its memory as encoded by `petrostream.scoring.memory_codec`.

States of version 6 are read, too: they have no dictionary, and changes between counts in place of series.
"""

import math
import zlib
from functools import lru_cache
from typing import Any

import numpy as np
import orjson

from petrostream.alarms import codec as alarm_codec
from petrostream.arrays import IntArray, anywhere
from petrostream.gauges import COUNT_LIMIT, MISSING, QUANTA, CountArray
from petrostream.packing import damage, payload
from petrostream.schema import SENSOR_NAMES
from petrostream.scoring import memory_codec as well_memory_codec
from petrostream.scoring import series_codec
from petrostream.scoring.codec_words import WORDS
from petrostream.scoring.feeds import Clock, Feed, Track
from petrostream.scoring.history import FacilityState, WellState

MAGIC = b"PSS"
VERSION = 7
_WITHOUT_WORDS = 6
_LEVEL = 6
_WHAT = "scoring state"


def encode(state: FacilityState) -> bytes:
    """The state as bytes: 1 to 2 kB per well at 1 Hz (`cost.figures` has what was measured)."""
    header: dict[str, Any] = {"facility_id": state.facility_id, "last_sequence": state.last_sequence}
    if state.partial is not None:
        header["partial"] = state.partial
    memories = [well_memory_codec.to_parts(well.memory) for well in state.wells.values()]
    series = [series_codec.to_bytes(well.counts.T) for well in state.wells.values()]
    header["wells"] = [
        # Sensors by name and quantum: another release may order them differently or widen their bounds.
        [
            name,
            [well.feed.source, well.feed.offset_ms, well.feed.feed_id, well.feed.replaced],
            [_track_to_plain(track) for track in (well.clock.track, well.clock.left, well.clock.other)],
            [len(well.ts_ms), forms],
            _gauges(well.sensors.tobytes()),
            alarm_codec.to_plain(well.alarms),
            [plain, len(content)],
        ]
        for (name, well), (forms, _), (plain, content) in zip(
            state.wells.items(), series, memories, strict=True
        )
    ]
    text = orjson.dumps(header)
    parts = [len(text).to_bytes(4, "little"), text]
    for well, (_, counts), (_, content) in zip(state.wells.values(), series, memories, strict=True):
        parts.append(int(well.ts_ms[0]).to_bytes(8, "little", signed=True))
        parts.append(_pack(well.ts_ms[1:] - well.ts_ms[:-1]))
        parts += [counts, content]
    packer = zlib.compressobj(_LEVEL, zdict=WORDS)
    return MAGIC + bytes([VERSION]) + packer.compress(b"".join(parts)) + packer.flush()


def decode(data: bytes) -> FacilityState:
    """Decode what `encode` returned.

    Raises:
        StateFormatError: the bytes are damaged, are not a scoring state, or have another version.
    """
    older = data[3:4] == bytes([_WITHOUT_WORDS])
    raw = payload(_WHAT, MAGIC, _WITHOUT_WORDS if older else VERSION, data, b"" if older else WORDS)
    with damage(_WHAT, data):
        return _decode(raw)


def _decode(raw: bytes) -> FacilityState:
    at = 4 + int.from_bytes(raw[:4], "little")
    header = orjson.loads(raw[4:at])
    wells = {}
    for name, (*feed, replaced), clock, length, gauges, alarms, (plain, size) in header["wells"]:
        # An older state has no forms of series.
        rows, forms = length if isinstance(length, list) else (length, None)
        sensors = _sensors(tuple(sensor for sensor, _ in gauges))
        if QUANTA[sensors].tolist() != [quantum for _, quantum in gauges]:
            raise ValueError(f"well {name} has other quanta than this release: {gauges}")
        of_counts = 4 * rows * len(gauges) if forms is None else series_codec.size(forms, rows)
        sizes = (8, 4 * (rows - 1), of_counts, size)
        if rows < 1 or size < 0 or at + sum(sizes) > len(raw):
            raise ValueError(f"well {name} has {rows} readings, more than the data holds")
        first = int.from_bytes(raw[at : at + 8], "little", signed=True)
        steps = _unpack(raw, at + 8, (rows - 1,))
        at += sum(sizes)
        memory = well_memory_codec.from_parts(plain, raw[at - size : at])
        counts = _counts(raw[at - size - of_counts : at - size], forms, (rows, len(gauges)))
        if anywhere(steps < 1) or _out_of_range(counts):
            raise ValueError(f"well {name} has times that do not increase or values out of range")
        ts_ms = np.empty(rows, np.int64)
        ts_ms[0], ts_ms[1:] = first, steps
        np.add.accumulate(ts_ms, out=ts_ms)
        wells[name] = WellState(
            ts_ms,
            sensors,
            counts,
            Feed(feed[0], feed[1], feed[2], tuple(replaced)),
            _clock(clock),
            alarm_codec.from_plain(alarms),
            memory,
        )
    if at != len(raw):
        raise ValueError(f"{len(raw) - at} bytes follow the last well")
    partial = header.get("partial")
    return FacilityState(
        header["facility_id"],
        header["last_sequence"],
        wells,
        None if partial is None else (partial[0], int(partial[1])),
    )


@lru_cache(maxsize=256)
def _gauges(sensors: bytes) -> list[tuple[str, float]]:
    """Name and quantum of each gauge, given as the bytes of their array; not to be changed."""
    return [(SENSOR_NAMES[i], QUANTA[i].item()) for i in np.frombuffer(sensors, np.int64).tolist()]


@lru_cache(maxsize=256)
def _sensors(names: tuple[str, ...]) -> IntArray:
    """Indices of sensors."""
    sensors = np.array([SENSOR_NAMES.index(name) for name in names], np.int64)
    # Shared by every state with these gauges.
    sensors.setflags(write=False)
    return sensors


def _out_of_range(counts: CountArray) -> bool:
    """Whether any count is beyond `COUNT_LIMIT`, and not `MISSING`."""
    # One comparison for both limits: below the lower one, unsigned numbers are large.
    beyond = (counts + np.int32(COUNT_LIMIT)).view(np.uint32) > 2 * COUNT_LIMIT
    return anywhere(beyond) and anywhere(beyond & (counts != MISSING))


def _counts(data: bytes, forms: list[int] | None, shape: tuple[int, int]) -> CountArray:
    """The counts of a well: shape (rows, gauges)."""
    rows, gauges = shape
    if forms is None:
        changes = _unpack(data, 0, (gauges, rows))
        return np.cumsum(changes.T, axis=0, dtype=np.int32)
    if len(forms) != gauges:
        raise ValueError(f"{len(forms)} series of {gauges} gauges")
    return np.ascontiguousarray(series_codec.from_bytes(forms, data, rows).T)


def _track_to_plain(track: Track | None) -> list[int] | None:
    return None if track is None else [track.first_ms, track.last_ms, track.arrival_ms]


def _clock(plain: list[list[int] | None]) -> Clock:
    track, left, other = (None if times is None else Track(*times) for times in plain)
    if track is None:
        raise ValueError("a clock without readings")
    return Clock(track, left, other)


def _pack(values: np.ndarray[Any, Any]) -> bytes:
    plain = np.ascontiguousarray(values, "<i4").reshape(-1)
    return plain.view(np.uint8).reshape(-1, 4).T.tobytes()


def _unpack(raw: bytes, at: int, shape: tuple[int, ...]) -> IntArray:
    count = math.prod(shape)
    planes = np.frombuffer(raw, np.uint8, 4 * count, at).reshape(4, count)
    return np.ascontiguousarray(planes.T).view("<i4").reshape(shape).astype(np.int64)
