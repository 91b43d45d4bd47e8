"""The join's state as bytes.

Identities are left out, since they are computed from names and times. So is what no pair needs: the tank
readings' reasons, quality and sequence numbers, and the measurements of readings that no longer wait.
"""

from typing import Any

import numpy as np

from petrostream.arrays import BoolArray, IntArray
from petrostream.facility.events import CARRIED, WellEvents
from petrostream.facility.state import JoinState
from petrostream.packing import Arrays, damage, pack, unpack
from petrostream.readings import TANK_VALUES, TankReadings, event_id, tank_event_id

MAGIC = b"PSJ"
VERSION = 1
_WHAT = "join state"


def encode(state: JoinState) -> bytes:
    """Encode a state: about 100 bytes for each waiting reading, 40 for each tank reading."""
    wells, tanks = state.wells, state.tanks
    header: dict[str, Any] = {
        "newest_ms": state.newest_ms,
        "wells_seen": state.wells_seen,
        "tanks_seen": state.tanks_seen,
        # By name: another release may have other columns.
        "carried": CARRIED,
        "values": TANK_VALUES,
    }
    arrays: Arrays = {}
    waiting = np.flatnonzero(state.waiting)
    for name, column in (
        ("well_id", wells.well_id),
        ("source", wells.source),
        ("sequence", [wells.sequence[i] for i in waiting.tolist()]),
        ("tank_id", tanks.tank_id),
        ("facility_id", tanks.facility_id),
    ):
        header[name] = list(dict.fromkeys(column))
        place = {text: i for i, text in enumerate(header[name])}
        arrays[name] = np.array([place[text] for text in column], np.int64)
    arrays["ts"] = np.diff(wells.ts_ms, prepend=0)
    arrays["number"] = np.diff(state.number, prepend=0)
    arrays["waiting"] = state.waiting
    arrays["carried"] = wells.carried[waiting]
    arrays["tank_ts"] = np.diff(tanks.ts_ms, prepend=0)
    arrays["tank_values"] = tanks.values
    return pack(MAGIC, VERSION, header, arrays)


def decode(data: bytes) -> JoinState:
    """Decode what `encode` returned: a state equal to the original as far as the join uses it.

    Raises:
        StateFormatError: the bytes are damaged, are not a join state, or have another version.
    """
    header, arrays = unpack(_WHAT, MAGIC, VERSION, data)
    with damage(_WHAT, data):
        return _decode(header, arrays)


def _decode(header: dict[str, Any], arrays: Arrays) -> JoinState:
    if tuple(header["carried"]) != CARRIED or tuple(header["values"]) != TANK_VALUES:
        raise ValueError(f"its columns are {header['carried']} and {header['values']}")
    wells, waiting, number = _decode_wells(header, arrays)
    return JoinState(
        newest_ms=int(header["newest_ms"]),
        wells=wells,
        waiting=waiting,
        number=number,
        wells_seen=int(header["wells_seen"]),
        tanks=_decode_tanks(header, arrays),
        tanks_seen=int(header["tanks_seen"]),
    )


def _decode_wells(header: dict[str, Any], arrays: Arrays) -> tuple[WellEvents, BoolArray, IntArray]:
    well_id, source = _names("well_id", header, arrays), _names("source", header, arrays)
    waiting, ts, number = arrays["waiting"], np.cumsum(arrays["ts"]), np.cumsum(arrays["number"])
    n = len(well_id)
    if not len(source) == len(ts) == len(number) == len(waiting) == n:
        raise ValueError("columns of its well readings differ in length")
    carried, sequence = np.full((n, len(CARRIED)), np.nan), np.full(n, "", object)
    carried[waiting] = arrays["carried"]
    sequence[waiting] = _names("sequence", header, arrays)
    identity = list(map(event_id, well_id, source, ts.tolist()))
    return WellEvents(well_id, source, identity, sequence.tolist(), ts, ts, carried), waiting, number


def _decode_tanks(header: dict[str, Any], arrays: Arrays) -> TankReadings:
    tank_id, facility_id = _names("tank_id", header, arrays), _names("facility_id", header, arrays)
    ts, values = np.cumsum(arrays["tank_ts"]), arrays["tank_values"]
    m = len(tank_id)
    if not len(facility_id) == len(ts) == m or values.shape != (m, len(TANK_VALUES)):
        raise ValueError("columns of its tank readings differ in length")
    identity = list(map(tank_event_id, tank_id, facility_id, ts.tolist()))
    quality = np.full(m, np.nan)
    # Only a new reading's arrival is looked at.
    return TankReadings(tank_id, facility_id, ts, values, [()] * m, quality, identity, [""] * m, ts)


def _names(column: str, header: dict[str, Any], arrays: Arrays) -> list[str]:
    return [header[column][place] for place in arrays[column].tolist()]
