"""When a well's status turns to ALERT, and when it is over: one change each, however the readings flicker.

A status belongs to a reading, and at one reading a second it may flicker around a limit. So a change to ALERT
is the first reading that is one, and the change back is the first reading that is none at least a minute
after the last that was. A well that falls silent stays as it was: no data is no all-clear. The changes are a
function of the stream alone, so a retry finds the same ones with the same identities.
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
"""Scope of a status by the well's own parts: emission and process."""
TANK = "tank"
"""Scope of a status that is ALERT only with the vapor in the tank beside the well."""

Key = tuple[str, str]
"""Well and scope."""


@dataclass(frozen=True, slots=True)
class AlertRun:
    """A status ALERT that is not over.

    Attributes:
        since_ms: its first reading, epoch ms.
        last_ms: the last reading that had it.
    """

    since_ms: int
    last_ms: int


@dataclass(frozen=True, slots=True)
class StatusChange:
    """A well's status became ALERT, or NORMAL again.

    Attributes:
        change_id: 32 hexadecimal digits, a pure function of the other attributes but `position`.
        well_id: the well.
        scope: `well` or `tank`.
        status: the new status.
        ts_ms: time of the reading that changed it, epoch ms.
        since_ms: first reading of the ALERT.
        position: of that reading in the columns.
    """

    change_id: str
    well_id: str
    scope: str
    status: str
    ts_ms: int
    since_ms: int
    position: int


def status_changes(
    runs: Mapping[Key, AlertRun], scope: str, well_id: Sequence[str], ts_ms: IntArray, alert: BoolArray
) -> tuple[dict[Key, AlertRun], list[StatusChange]]:
    """Take the runs of ALERT of one scope over n readings.

    Args:
        runs: after the readings before.
        scope: the scope.
        well_id: n wells.
        ts_ms: shape (n,), times in stream order, epoch ms.
        alert: shape (n,), which have the status ALERT.

    Returns:
        The runs afterwards, those of the other scope included, and the changes in the order of the columns.
    """
    after = dict(runs)
    concerned = {well_id[i] for i in np.flatnonzero(alert).tolist()}
    concerned |= {well for well, of in runs if of == scope}
    if not concerned:
        return after, []
    changes = []
    for i, (well, ts, on) in enumerate(zip(well_id, ts_ms.tolist(), alert.tolist(), strict=True)):
        if well not in concerned:
            continue
        run = after.get((well, scope))
        if on:
            after[well, scope] = AlertRun(ts if run is None else run.since_ms, ts)
            if run is None:
                changes.append(_change(well, scope, ALERT, ts, ts, i))
        elif run is not None and abs(ts - run.last_ms) >= OFF_DELAY_MS:
            # Before it, too: another feed of the well began, whose readings are of another time.
            del after[well, scope]
            changes.append(_change(well, scope, NORMAL, ts, run.since_ms, i))
    return after, changes


def _change(well: str, scope: str, status: str, ts: int, since: int, at: int) -> StatusChange:
    key = "".join(f"{len(part)}|{part}" for part in (well, scope, status, str(ts), str(since)))
    return StatusChange(blake2b(key.encode(), digest_size=16).hexdigest(), well, scope, status, ts, since, at)
