"""Encodes the open windows of a facility as bytes."""

from typing import Any

import numpy as np

from petrostream.minutes.windows import WellWindows, Window, WindowState
from petrostream.packing import Arrays, damage, pack, unpack

MAGIC = b"PSW"
VERSION = 2
_WHAT = "window state"


def encode(state: WindowState) -> bytes:
    """Encode a state: about 100 to 300 bytes for a well at 1 Hz."""
    open_ = [window for well in state.wells.values() for window in well.open]
    header: dict[str, Any] = {
        "wells": [[name, well.newest_ms, len(well.open)] for name, well in state.wells.items()]
    }
    arrays: Arrays = {
        "start": np.array([window.start_ms for window in open_], np.int64),
        "readings": np.array([window.readings for window in open_], np.int64),
        # Differences of successive times: regular readings repeat one number, which compresses well.
        "steps": np.concatenate(
            [
                np.empty(0, np.int64),
                *(np.diff(window.ts_ms - window.start_ms, prepend=0) for window in open_),
            ]
        ),
        "known": np.array([window.known for window in open_], np.int64).reshape(-1, 2),
        "sums": np.array([[w.total, w.low, w.high] for w in open_], np.float64).reshape(-1, 3, 2),
        "counts": np.array([[w.anomalies, w.max_risk] for w in open_], np.int64).reshape(-1, 2),
    }
    return pack(MAGIC, VERSION, header, arrays)


def decode(data: bytes) -> WindowState:
    """Decode what `encode` returned.

    Raises:
        StateFormatError: the bytes are damaged, are not a window state, or have another version.
    """
    header, arrays = unpack(_WHAT, MAGIC, VERSION, data)
    with damage(_WHAT, data):
        return _decode(header, arrays)


def _decode(header: dict[str, Any], arrays: Arrays) -> WindowState:
    ends = np.cumsum(arrays["readings"])
    if (arrays["readings"] < 1).any() or len(arrays["steps"]) != (ends[-1] if len(ends) else 0):
        raise ValueError("its windows and readings differ in number")
    wells: dict[str, WellWindows] = {}
    at = 0
    for name, newest_ms, count in header["wells"]:
        open_ = tuple(_window(name, arrays, ends, i) for i in range(at, at + count))
        wells[name] = WellWindows(newest_ms, open_)
        at += count
    if at != len(ends):
        raise ValueError(f"{len(ends) - at} windows belong to no well")
    return WindowState(wells)


def _window(name: str, arrays: Arrays, ends: np.ndarray[Any, Any], i: int) -> Window:
    start = int(arrays["start"][i])
    steps = arrays["steps"][ends[i] - arrays["readings"][i] : ends[i]]
    total, low, high = arrays["sums"][i]
    anomalies, max_risk = arrays["counts"][i].tolist()
    known = arrays["known"][i]
    return Window(name, start, start + np.cumsum(steps), known, total, low, high, anomalies, max_risk)
