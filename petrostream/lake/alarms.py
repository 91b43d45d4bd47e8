"""Alarm transitions as rows of the table `alarms`."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from petrostream.alarms import ALARM_TYPES, Action, AlarmEvent, Transition
from petrostream.lake.blocks import MAX_BLOCK_BYTES, Column, RowBlock, columns_to_blocks, sql_times
from petrostream.readings import NO_TIME


def alarm_rows_to_blocks(
    events: Sequence[AlarmEvent], *, recorded_at_ms: int, max_bytes: int = MAX_BLOCK_BYTES
) -> list[RowBlock]:
    """Encode alarm transitions as rows of the table `alarms`.

    Args:
        events: the transitions.
        recorded_at_ms: the time to write into the rows, epoch ms.
        max_bytes: most bytes of a block. A single longer row still makes a block of its own.

    Returns:
        Blocks of one UTC date of `ts` each, by date; none if there are no transitions.
    """
    rows = [_row(event) for event in events]
    return _blocks(rows, [event.change.ts_ms for event in events], recorded_at_ms, max_bytes)


def action_rows_to_blocks(
    actions: Sequence[Action],
    facility_of: dict[str, str],
    *,
    recorded_at_ms: int,
    max_bytes: int = MAX_BLOCK_BYTES,
) -> list[RowBlock]:
    """Encode operators' actions as rows of the table `alarms`.

    Args:
        actions: the actions.
        facility_of: facility by well.
        recorded_at_ms: the time to write into the rows, epoch ms.
        max_bytes: most bytes of a block. A single longer row still makes a block of its own.

    Returns:
        Blocks of one UTC date of `ts` each, by date; none if there are no actions.
    """
    rows = [
        {
            **_shared(action),
            "facility_id": facility_of.get(action.well_id),
            "actor": action.actor,
            "comment": action.comment or None,
            "shelved_until": _time(action.shelved_until_ms),
        }
        for action in actions
    ]
    return _blocks(rows, [action.ts_ms for action in actions], recorded_at_ms, max_bytes)


def _row(event: AlarmEvent) -> dict[str, Any]:
    change = event.change
    return {
        **_shared(change),
        "facility_id": event.facility_id,
        "source": change.source,
        "source_ts": None if event.source_ts_ms == NO_TIME else _time(event.source_ts_ms),
        "cause": change.cause,
        "start_ts": _time(change.start_ms),
        "active_ts": _time(change.active_ms),
        "sentence": event.sentence,
        "likely_class": event.likely and event.likely.event_class,
        "likely_event": event.likely and event.likely.event,
        "evidence": event.likely and event.likely.evidence,
        "anomaly_score": event.score,
        "rule_ids": list(event.rule_ids),
        "class": event.label,
        "operating_state": event.operating_state,
        "model_version": event.model_version,
        "model_kind": event.model_kind,
        "kinesis_sequence": event.sequence or None,
    }


def _shared(change: Transition | Action) -> dict[str, Any]:
    """Columns that transitions of the stream and operators' actions share."""
    known = ALARM_TYPES.get(change.alarm_type)
    return {
        "transition_id": change.transition_id,
        "alarm_id": change.alarm_id,
        "well_id": change.well_id,
        "ts": _time(change.ts_ms),
        "alarm_type": change.alarm_type,
        "alarm_group": known.group if known else None,
        "priority": change.priority,
        "event": change.event,
        "state": change.state,
    }


def _time(ts_ms: int | None) -> str | None:
    return None if ts_ms is None else sql_times(np.array([ts_ms]))[0]


def _blocks(
    rows: list[dict[str, Any]], ts_ms: list[int], recorded_at_ms: int, max_bytes: int
) -> list[RowBlock]:
    if not rows:
        return []
    columns: dict[str, Column] = {name: [row[name] for row in rows] for name in rows[0]}
    columns["recorded_at"] = [_time(recorded_at_ms)] * len(rows)
    known = {name: column for name, column in columns.items() if any(value is not None for value in column)}
    return columns_to_blocks("alarms", known, np.array(ts_ms, np.int64), max_bytes)
