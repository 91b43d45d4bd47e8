"""A facility's state as bytes: compact, and exact to the last bit, so that a retry repeats its results.

Layout: `PSS` and a version byte, then zlib (level 1) of: length of a JSON header (4 bytes, little-endian),
the header, and for each well of the header its arrays: the first time (int64), the steps between times and
the changes between counts (int32, their bytes grouped by significance, which halves the size after zlib), and
its memory as encoded by `petrostream.scoring.memory_codec`.
"""

import math
import zlib
from typing import Any

import numpy as np
import orjson

from petrostream.alarms import codec as alarm_codec
from petrostream.arrays import IntArray
from petrostream.gauges import COUNT_LIMIT, MISSING, QUANTA
from petrostream.packing import damage, payload
from petrostream.schema import SENSOR_NAMES
from petrostream.scoring import memory_codec as well_memory_codec
from petrostream.scoring.feeds import Clock, Feed, Track
from petrostream.scoring.history import FacilityState, WellState

MAGIC = b"PSS"
VERSION = 6
_WHAT = "scoring state"


def encode(state: FacilityState) -> bytes:
    """The state as bytes: about 3 kB per well with five sensors at 1 Hz."""
    header: dict[str, Any] = {"facility_id": state.facility_id, "last_sequence": state.last_sequence}
    if state.partial is not None:
        header["partial"] = state.partial
    memories = [well_memory_codec.to_parts(well.memory) for well in state.wells.values()]
    header["wells"] = [
        # Sensors by name and quantum: another release may order them differently or widen their bounds.
        [
            name,
            [well.feed.source, well.feed.offset_ms, well.feed.feed_id, well.feed.replaced],
            [_track_to_plain(track) for track in (well.clock.track, well.clock.left, well.clock.other)],
            len(well.ts_ms),
            [[SENSOR_NAMES[i], QUANTA[i].item()] for i in well.sensors.tolist()],
            alarm_codec.to_plain(well.alarms),
            [plain, len(content)],
        ]
        for (name, well), (plain, content) in zip(state.wells.items(), memories, strict=True)
    ]
    text = orjson.dumps(header)
    parts = [len(text).to_bytes(4, "little"), text]
    for well, (_, content) in zip(state.wells.values(), memories, strict=True):
        parts.append(int(well.ts_ms[0]).to_bytes(8, "little", signed=True))
        parts.append(_pack(np.diff(well.ts_ms)))
        changes = well.counts.copy()
        changes[1:] -= well.counts[:-1]
        parts.append(_pack(changes.T))
        parts.append(content)
    return MAGIC + bytes([VERSION]) + zlib.compress(b"".join(parts), 1)


def decode(data: bytes) -> FacilityState:
    """Decode what `encode` returned.

    Raises:
        StateFormatError: the bytes are damaged, are not a scoring state, or have another version.
    """
    raw = payload(_WHAT, MAGIC, VERSION, data)
    with damage(_WHAT, data):
        return _decode(raw)


def _decode(raw: bytes) -> FacilityState:
    at = 4 + int.from_bytes(raw[:4], "little")
    header = orjson.loads(raw[4:at])
    wells = {}
    for name, (*feed, replaced), clock, rows, gauges, alarms, (plain, size) in header["wells"]:
        sensors = np.array([SENSOR_NAMES.index(sensor) for sensor, _ in gauges], np.int64)
        if QUANTA[sensors].tolist() != [quantum for _, quantum in gauges]:
            raise ValueError(f"well {name} has other quanta than this release: {gauges}")
        sizes = (8, 4 * (rows - 1), 4 * rows * len(gauges), size)
        if rows < 1 or size < 0 or at + sum(sizes) > len(raw):
            raise ValueError(f"well {name} has {rows} readings, more than the data holds")
        first = int.from_bytes(raw[at : at + 8], "little", signed=True)
        steps = _unpack(raw, at + 8, (rows - 1,))
        changes = _unpack(raw, at + 8 + sizes[1], (len(gauges), rows))
        at += sum(sizes)
        memory = well_memory_codec.from_parts(plain, raw[at - size : at])
        counts = np.cumsum(changes.T, axis=0, dtype=np.int64)
        if (steps < 1).any() or ((np.abs(counts) > COUNT_LIMIT) & (counts != MISSING)).any():
            raise ValueError(f"well {name} has times that do not increase or values out of range")
        ts_ms = first + np.concatenate([[0], np.cumsum(steps, dtype=np.int64)])
        wells[name] = WellState(
            ts_ms,
            sensors,
            counts.astype(np.int32),
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
