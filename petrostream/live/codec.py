"""The present of a facility as bytes."""

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, astuple, fields
from operator import attrgetter
from typing import Any

from petrostream.live.alerts import Alert
from petrostream.live.changes import AlertPeriod
from petrostream.live.open_alarms import OpenAlarm
from petrostream.live.state import LiveState, WellStatus
from petrostream.packing import damage, pack, unpack

MAGIC = b"PSL"
LATEST_MAGIC = b"PSN"
VERSION = 1
MAX_LATEST_BYTES = 350_000
"""Most bytes of the statuses of a shard, some 7,000 wells: its item has 400 KB."""

_WHAT = "live state"
_STATUS = tuple(column.name for column in fields(WellStatus))
_columns = attrgetter(*_STATUS)
"""A status as a tuple: `astuple`, which copies every value, takes six times as long."""

_DEFAULTS = [column.default for column in fields(WellStatus)]
_NEEDED = [column for column in fields(WellStatus) if column.default is MISSING]
_ALARM = tuple(column.name for column in fields(OpenAlarm))


def encode(state: LiveState) -> bytes:
    """Encode a state: about 100 bytes for each well, 200 for each open alarm."""
    header: dict[str, Any] = {
        # Without names, since every byte is billed. Columns are only ever added, at the end and with a
        # default: an older reader ignores those it does not know, a newer one fills in the default.
        "wells": {name: _columns(status) for name, status in state.wells.items()},
        "alarms": [astuple(alarm) for alarm in state.alarms.values()],
        "returned": [astuple(alarm) for alarm in state.returned.values()],
        "runs": [[*key, period.since_ms, period.last_ms] for key, period in state.periods.items()],
        "waiting": [[a.alert_id, a.kind, a.ts_ms, a.detail] for a in state.unpublished],
        "listed": state.listed,
    }
    return pack(MAGIC, VERSION, header, {})


def decode(data: bytes) -> LiveState:
    """Decode what `encode` returned.

    Raises:
        StateFormatError: the bytes are damaged, are not a live state, or have another version.
    """
    header, _ = unpack(_WHAT, MAGIC, VERSION, data)
    with damage(_WHAT, data):
        return LiveState(
            wells={name: _status(row) for name, row in header["wells"].items()},
            alarms=_alarms(header["alarms"]),
            # Unknown to releases before operators' actions.
            returned=_alarms(header.get("returned", ())),
            periods={(well, scope): AlertPeriod(since, last) for well, scope, since, last in header["runs"]},
            unpublished=tuple(Alert(*row) for row in header["waiting"]),
            listed=bool(header["listed"]),
        )


def _alarms(rows: Iterable[list[Any]]) -> dict[tuple[str, str], OpenAlarm]:
    alarms = (OpenAlarm(**_known(_ALARM, row)) for row in rows)
    return {(alarm.well_id, alarm.alarm_type): alarm for alarm in alarms}


def encode_latest(wells: Mapping[str, Mapping[str, WellStatus]]) -> bytes:
    """Encode the latest statuses of several facilities: some 60 bytes for each well.

    Those over `MAX_LATEST_BYTES` are left out, the wells silent longest first; readers find an older status
    in their facility's memory.

    Args:
        wells: status by facility and well, of each facility the well that reported last at the end.
    """
    rows = {name: [(well, _row(status)) for well, status in of.items()] for name, of in wells.items()}
    while True:
        content = pack(LATEST_MAGIC, VERSION, {name: dict(of) for name, of in rows.items()}, {})
        if len(content) <= MAX_LATEST_BYTES:
            return content
        rows = {name: of[len(of) // 4 + 1 :] for name, of in rows.items()}


def decode_latest(data: bytes) -> dict[str, dict[str, WellStatus]]:
    """Decode what `encode_latest` returned.

    Raises:
        StateFormatError: the bytes are damaged, are not such statuses, or have another version.
    """
    what = "latest statuses"
    header, _ = unpack(what, LATEST_MAGIC, VERSION, data)
    with damage(what, data):
        return {name: {well: _status(row) for well, row in of.items()} for name, of in header.items()}


def _row(status: WellStatus) -> list[Any]:
    """The columns of a status up to the last that has something to say."""
    row = list(_columns(status))
    while len(row) > len(_NEEDED) and row[-1] == _DEFAULTS[len(row) - 1]:
        row.pop()
    return row


def _status(row: list[Any]) -> WellStatus:
    known = _known(_STATUS, row)
    for name in ("top_sensors", "units"):
        known[name] = tuple(known.get(name) or ())
    return WellStatus(**known)


def _known(names: tuple[str, ...], row: list[Any]) -> dict[str, Any]:
    return dict(zip(names, row, strict=False))
