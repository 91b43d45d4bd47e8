"""Inspects one decoded line: every reason against it, and the values that remain.

This is the full definition of what rejects a reading and what only tags it. Blocks are validated by columns
(`petrostream.readings.validation`); only lines that are not plainly clean are inspected here.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from petrostream.names import has_control, shown
from petrostream.readings.decoding import JsonObject, frame_rms
from petrostream.schema import TANK, WELL, Field, Kind
from petrostream.times import parse_ms

MAX_NAME_CHARS = 200
"""Longest well, facility or source name: names become DynamoDB keys, which hold at most 1,024 bytes."""

FUTURE_LIMIT_MS = 3_600_000
"""How far the event time of a reading may lie ahead of the clock: one hour."""

EARLIEST_MS = parse_ms("2011-01-01T00:00:00Z")
"""Start of the lake's first partition; no query would find an earlier reading."""

MAX_DATES = 50
"""Most UTC dates of the well readings of one record. Each date is a partition of the lake and of Firehose's
buffer, which holds 500 (docs/reference/aws-limits.md): a damaged clock must not fill it."""

MAX_UNKNOWN_NAMED = 20
"""How many unknown fields of one line get a tag of their own."""


@dataclass(slots=True)
class Inspection:
    """The result for one line.

    Attributes:
        failures: reasons that reject the reading; empty for a usable one.
        tags: reasons that condemn a value or note a field, and keep the reading.
        clean: usable values by field: instants in epoch ms, measured values as floats, whole numbers as ints,
            the vibration frame as its root mean square.
        lost: number of condemned measured values, vibration included.
    """

    failures: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    clean: JsonObject = field(default_factory=dict)
    lost: int = 0


class _Check(NamedTuple):
    value: object = None
    failure: str | None = None
    tag: str | None = None


def inspect(
    decoded: JsonObject, *, now_ms: int, partition_key: str | None, expected: Kind = WELL
) -> Inspection:
    """Check every field of a decoded line.

    Args:
        decoded: the line's JSON object.
        now_ms: the present, epoch ms.
        partition_key: facility the reading must belong to, None to accept any.
        expected: the kind the reading must be of; its schema is applied.
    """
    result = Inspection()
    kind = decoded.get("kind")
    if isinstance(kind, str) and kind != expected.name:
        # Another kind has other fields: checking them against this schema would only add noise.
        return Inspection(failures=["unknown_kind"])
    for known in expected.schema.fields:
        value = decoded.get(known.name)
        if value is not None:
            check = _CHECKS[expected.name, known.name](known, value, now_ms)
            _note(result, known, check, costly=known.name in expected.values)
        elif known.required:
            result.failures.append(f"missing:{known.name}")
    facility = result.clean.get("facility_id")
    if partition_key is not None and facility is not None and facility != partition_key:
        result.failures.append("facility_mismatch")
    result.tags.extend(unknown_tags(decoded, expected))
    return result


def _note(result: Inspection, known: Field, check: _Check, *, costly: bool) -> None:
    if check.failure is not None:
        result.failures.append(f"{check.failure}:{known.name}")
    elif check.tag is not None:
        result.tags.append(f"{check.tag}:{known.name}")
        result.lost += costly
    else:
        result.clean[known.name] = check.value


def unknown_tags(decoded: JsonObject, kind: Kind = WELL) -> list[str]:
    """Return a tag for each field that the kind's schema does not name, in the line's order.

    At most `MAX_UNKNOWN_NAMED` are named, long names are cut, and control characters are escaped: a hostile
    line must not grow into a row too large to deliver, nor reach the terminal of whoever reads the tags.
    """
    unknown = [name for name in decoded if name not in kind.known]
    tags = [f"unknown_field:{shown(name[:64])}" for name in unknown[:MAX_UNKNOWN_NAMED]]
    if len(unknown) > MAX_UNKNOWN_NAMED:
        tags.append(f"unknown_fields:{len(unknown) - MAX_UNKNOWN_NAMED}_more")
    return tags


def value_reason(known: Field, value: float) -> str | None:
    """Return why a measured value is condemned, `non_finite` or `out_of_range`; None if it is usable."""
    if not math.isfinite(value):
        return "non_finite"
    return None if known.low <= value <= known.high else "out_of_range"


def _check_name(_known: Field, value: object, _now_ms: int) -> _Check:
    if not isinstance(value, str):
        return _Check(failure="wrong_type")
    if not value.strip():
        return _Check(failure="missing")
    if len(value) > MAX_NAME_CHARS:
        return _Check(failure="too_long")
    return _Check(failure="control_character") if has_control(value) else _Check(value)


def _check_optional_name(known: Field, value: object, now_ms: int) -> _Check:
    # As a missing one: a blank name says nothing.
    return _Check(None) if isinstance(value, str) and not value.strip() else _check_name(known, value, now_ms)


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
    # `bool` is a subclass of `int`, but true is not a pressure: compare exact types.
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
    if known in kind.optional_names:
        return _check_optional_name
    return _TIMES.get(known.name, _check_name)


_CHECKS = {
    (kind.name, known.name): _checker(kind, known) for kind in (WELL, TANK) for known in kind.schema.fields
}
