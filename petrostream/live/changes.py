"""Changes of a well's status to ALERT and back to NORMAL, without flicker.

A status belongs to a reading, and at one reading a second it may flicker around a limit. The status therefore
changes to ALERT with the first reading that has it, and back with the first other reading at least a minute
after the last one that had it. A silent well keeps its status: missing data is not an all-clear. The changes
are a function of the stream alone, so a retry produces the same ones with the same identities.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np

from petrostream.arrays import BoolArray, IntArray

ALERT = "ALERT"
NORMAL = "NORMAL"
OFF_DELAY_MS = 60_000

WELL = "well"
"""Scope of a status that follows from the well's own emission and process risk."""
TANK = "tank"
"""Scope of a status that is ALERT only because of the vapor in the facility's tank."""

Key = tuple[str, str]
"""Well and scope."""


@dataclass(frozen=True, slots=True)
class AlertPeriod:
    """A period of the status ALERT that is not over.

    Attributes:
        since_ms: time of its first reading, epoch ms.
        last_ms: time of the last reading that had the status, epoch ms.
    """

    since_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A change of a well's status to ALERT, or back to NORMAL.

    Attributes:
        change_id: 32 hexadecimal digits, a pure function of the other attributes but `position`.
        well_id: the well.
        scope: `well` or `tank`.
        status: the new status.
        ts_ms: time of the reading that changed it, epoch ms.
        since_ms: time of the first reading of the ALERT, epoch ms.
        position: index in the columns of the reading that changed it.
    """

    change_id: str
    well_id: str
    scope: str
    status: str
    ts_ms: int
    since_ms: int
    position: int


def status_changes(
    periods: Mapping[Key, AlertPeriod], scope: str, well_id: Sequence[str], ts_ms: IntArray, alert: BoolArray
) -> tuple[dict[Key, AlertPeriod], list[StatusChange]]:
    """Update the periods of ALERT of one scope with n readings.

    Args:
        periods: the open periods before these readings.
        scope: `well` or `tank`.
        well_id: n wells.
        ts_ms: shape (n,), times in stream order, epoch ms.
        alert: shape (n,), True where the status is ALERT.

    Returns:
        The open periods afterwards, those of the other scope included, and the changes in the order of the
        readings.
    """
    after = dict(periods)
    concerned = {well_id[i] for i in np.flatnonzero(alert).tolist()}
    concerned |= {well for well, its_scope in periods if its_scope == scope}
    if not concerned:
        return after, []
    changes = []
    for i, (well, ts, on) in enumerate(zip(well_id, ts_ms.tolist(), alert.tolist(), strict=True)):
        if well not in concerned:
            continue
        period = after.get((well, scope))
        if on:
            after[well, scope] = AlertPeriod(ts if period is None else period.since_ms, ts)
            if period is None:
                changes.append(_change(well, scope, ALERT, ts, ts, i))
        elif period is not None and abs(ts - period.last_ms) >= OFF_DELAY_MS:
            # Also when earlier by that much: another feed of the well began, with readings of another time.
            del after[well, scope]
            changes.append(_change(well, scope, NORMAL, ts, period.since_ms, i))
    return after, changes


def _change(well: str, scope: str, status: str, ts: int, since: int, at: int) -> StatusChange:
    key = "".join(f"{len(part)}|{part}" for part in (well, scope, status, str(ts), str(since)))
    return StatusChange(blake2b(key.encode(), digest_size=16).hexdigest(), well, scope, status, ts, since, at)
