"""One record at a time: every reason there is, and what is left of the record.

This is the full definition of what fails a reading and what only tags it. Blocks take a columnar path
(`petrostream/readings/validation.py`) that sends here whatever is not plainly clean.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from petrostream.readings.decoding import Record, frame_rms
from petrostream.schema import TANK, WELL, Field, Kind
from petrostream.times import parse_ms

MAX_NAME_CHARS = 200
"""Longest well, facility or source name: names become DynamoDB keys, which hold at most 1,024 bytes."""

FUTURE_LIMIT_MS = 3_600_000
"""How far the time of a reading may lie ahead of the clock, in milliseconds: one hour."""

EARLIEST_MS = parse_ms("2011-01-01T00:00:00Z")
"""First instant the lake has a partition for; a reading before it would land where no query looks."""

MAX_UNKNOWN_NAMED = 20
"""How many unknown fields of one record are named one by one."""


@dataclass(slots=True)
class Inspection:
    """What one record is worth.

    Attributes:
        failures: reasons that make the reading unusable; empty for a good one.
        tags: reasons that cost a value, or note a field, and leave the reading.
        clean: what is left, typed: instants in epoch milliseconds, measured values as floats, whole
            numbers as ints, the vibration frame as its root mean square.
        lost: how many measured values (vibration included) were condemned.
    """

    failures: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    clean: Record = field(default_factory=dict)
    lost: int = 0


class _Check(NamedTuple):
    value: object = None
    failure: str | None = None
    tag: str | None = None


def inspect(record: Record, *, now_ms: int, partition_key: str | None, expected: Kind = WELL) -> Inspection:
    """Check every field of a record.

    Args:
        record: a JSON object.
        now_ms: the present, epoch milliseconds.
        partition_key: facility the record must belong to, or None to take any.
        expected: the kind it must be, by whose schema it is checked.
    """
    result = Inspection()
    kind = record.get("kind")
    if isinstance(kind, str) and kind != expected.name:
        # Another kind has other fields: judging them by this one's would only add noise.
        return Inspection(failures=["unknown_kind"])
    for known in expected.schema.fields:
        value = record.get(known.name)
        if value is not None:
            check = _CHECKS[expected.name, known.name](known, value, now_ms)
            _note(result, known, check, costly=known.name in expected.values)
        elif known.required:
            result.failures.append(f"missing:{known.name}")
    facility = result.clean.get("facility_id")
    if partition_key is not None and facility is not None and facility != partition_key:
        result.failures.append("facility_mismatch")
    result.tags.extend(unknown_tags(record, expected))
    return result


def _note(result: Inspection, known: Field, check: _Check, *, costly: bool) -> None:
    if check.failure is not None:
        result.failures.append(f"{check.failure}:{known.name}")
    elif check.tag is not None:
        result.tags.append(f"{check.tag}:{known.name}")
        result.lost += costly
    else:
        result.clean[known.name] = check.value


def unknown_tags(record: Record, kind: Kind = WELL) -> list[str]:
    """Tags for the fields that the kind's schema does not name, in the record's order.

    At most `MAX_UNKNOWN_NAMED` are named, and long names are cut: a hostile record must not grow into a
    row that is too large to deliver.
    """
    unknown = [name for name in record if name not in kind.known]
    tags = [f"unknown_field:{name[:64]}" for name in unknown[:MAX_UNKNOWN_NAMED]]
    if len(unknown) > MAX_UNKNOWN_NAMED:
        tags.append(f"unknown_fields:{len(unknown) - MAX_UNKNOWN_NAMED}_more")
    return tags


def value_reason(known: Field, value: float) -> str | None:
    """Why a measured value is condemned: `non_finite`, `out_of_range`, or None where it stands."""
    if not math.isfinite(value):
        return "non_finite"
    low = -math.inf if known.min is None else known.min
    high = math.inf if known.max is None else known.max
    return None if low <= value <= high else "out_of_range"


def _check_name(_known: Field, value: object, _now_ms: int) -> _Check:
    if not isinstance(value, str):
        return _Check(failure="wrong_type")
    if not value.strip():
        return _Check(failure="missing")
    return _Check(failure="too_long") if len(value) > MAX_NAME_CHARS else _Check(value)


def _check_ts(_known: Field, value: object, now_ms: int) -> _Check:
    if not isinstance(value, str):
        return _Check(failure="wrong_type")
    try:
        ms = parse_ms(value)
    except ValueError:
        return _Check(failure="unparsable_time")
    if ms > now_ms + FUTURE_LIMIT_MS:
        return _Check(failure="time_in_future")
    return _Check(failure="time_too_old") if ms < EARLIEST_MS else _Check(ms)


def _check_source_ts(_known: Field, value: object, _now_ms: int) -> _Check:
    if not isinstance(value, str):
        return _Check(failure="wrong_type")
    try:
        return _Check(parse_ms(value))
    except ValueError:
        return _Check(tag="unparsable_time")


def _check_measured(known: Field, value: object, _now_ms: int) -> _Check:
    # `bool` is an `int` to Python, but true is no pressure: compare the exact types.
    if type(value) not in {int, float}:
        return _Check(failure="wrong_type")
    number = float(value)  # type: ignore[arg-type]
    reason = value_reason(known, number)
    return _Check(tag=reason) if reason else _Check(number)


def _check_whole(known: Field, value: object, _now_ms: int) -> _Check:
    if type(value) not in {int, float}:
        return _Check(failure="wrong_type")
    reason = value_reason(known, value)  # type: ignore[arg-type]
    if reason:
        return _Check(tag=reason)
    number = int(value)  # type: ignore[call-overload]
    return _Check(number) if number == value else _Check(failure="wrong_type")


def _check_frame(_known: Field, value: object, _now_ms: int) -> _Check:
    if not isinstance(value, str):
        return _Check(failure="wrong_type")
    try:
        rms = frame_rms(value)
    except ValueError:
        return _Check(tag="undecodable_base64")
    return _Check(rms) if math.isfinite(rms) else _Check(tag="non_finite")


_Checker = Callable[[Field, object, int], _Check]
_TIMES: dict[str, _Checker] = {"ts": _check_ts, "source_ts": _check_source_ts}


def _checker(kind: Kind, known: Field) -> _Checker:
    if known in kind.measured:
        return _check_measured
    if known in kind.whole:
        return _check_whole
    if known in kind.frames:
        return _check_frame
    return _TIMES.get(known.name, _check_name)


_CHECKS = {
    (kind.name, known.name): _checker(kind, known) for kind in (WELL, TANK) for known in kind.schema.fields
}
