"""Scores readings of a request: validation, scoring and rows are the stream's, and nothing is kept."""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

import numpy as np
import orjson

from lambdas.scoring.api.problems import Problem, reason_error
from petrostream.detection import ModelSet
from petrostream.lake import rows_to_blocks
from petrostream.readings import Readings, Rejected, validate_block
from petrostream.scoring import FacilityState, Scored, score_batch

MAX_READINGS = 10_000
NDJSON = ("application/x-ndjson", "application/ndjson", "application/jsonl")
JSON = ("application/json", "")

StateOf = Callable[[str], FacilityState]
"""Returns the state to score a facility's readings from."""


def lines_of(body: bytes, content_type: str) -> bytes:
    """The readings of a request, one a line.

    Args:
        body: a reading, a list of readings, `{"readings": [...]}`, or one reading a line (NDJSON).
        content_type: of the request.

    Raises:
        Problem: the body is none of these.
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind in NDJSON:
        return body
    if kind not in JSON:
        raise Problem(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            f"content type {kind}: send application/json, or application/x-ndjson with one reading a line",
        )
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}") from error
    if isinstance(found, dict) and "readings" in found and "well_id" not in found:
        found = found["readings"]
    readings = found if isinstance(found, list) else [found]
    wrong = [place for place, reading in enumerate(readings) if not isinstance(reading, dict)]
    if wrong or not readings:
        what = f"reading {wrong[0]} is not an object" if wrong else "there is no reading"
        raise Problem(
            HTTPStatus.UNPROCESSABLE_ENTITY, f"{what}: send a reading or a list of readings, each an object"
        )
    if not isinstance(found, list):
        return body if b"\n" not in body.strip() else orjson.dumps(found)
    return b"\n".join(map(orjson.dumps, readings))


def score_lines(data: bytes, states: StateOf, models: ModelSet | None, now_ms: int) -> bytes:
    """Score readings, one a line, and return the response's body.

    Args:
        data: the readings, at most `MAX_READINGS`.
        states: the state of each facility before them.
        models: the models in use, None if there are none.
        now_ms: the present, epoch ms.

    Raises:
        Problem: there are too many readings, or none is valid; the problem names every reason.
    """
    if data.count(b"\n") > MAX_READINGS:
        raise Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {MAX_READINGS:,} readings: send them in parts"
        )
    validated = validate_block(data, sequence="", now_ms=now_ms)
    readings, rejected = validated.readings, validated.rejected
    if not len(readings):
        raise _nothing_valid(rejected)
    places = _places(len(readings), rejected)
    rows: list[bytes] = [b""] * len(readings)
    for facility_id, at in _by_facility(readings):
        scored = score_batch(states(facility_id), readings.take(at), models, scored_at_ms=now_ms).rows
        for place, row in zip(at.tolist(), _rows(scored), strict=True):
            rows[place] = row
    numbered = (b'{"line":%d,%b' % (line, row[1:]) for line, row in zip(places, rows, strict=True))
    version = None if models is None else models.version
    return b'{"model_version":%b,"readings":[%b],"rejected":%b}' % (
        orjson.dumps(version),
        b",".join(numbered),
        orjson.dumps([_rejection(line) for line in rejected]),
    )


def _rows(scored: Scored) -> list[bytes]:
    """The lake's rows of scored readings, in their order. Blocks are by date, in order within a date."""
    dates = scored.readings.ts_ms // 86_400_000
    order = np.argsort(dates, kind="stable").tolist()
    lines = [line for block in rows_to_blocks(scored) for line in block.data.splitlines()]
    rows = [b""] * len(lines)
    for place, line in zip(order, lines, strict=True):
        rows[place] = line
    return rows


def _by_facility(readings: Readings) -> list[tuple[str, Any]]:
    places: dict[str, list[int]] = {}
    for place, facility_id in enumerate(readings.facility_id):
        places.setdefault(facility_id, []).append(place)
    return [(facility_id, np.array(at, np.int64)) for facility_id, at in places.items()]


def _places(n: int, rejected: list[Rejected]) -> list[int]:
    """Line numbers of the n valid readings."""
    gone = {line.line for line in rejected}
    return [line for line in range(n + len(rejected)) if line not in gone]


def _rejection(rejected: Rejected) -> dict[str, Any]:
    return {"line": rejected.line, "well_id": rejected.well_id, "reasons": list(rejected.reasons)}


def _nothing_valid(rejected: list[Rejected]) -> Problem:
    errors = [reason_error(line.line, reason) for line in rejected[:100] for reason in line.reasons[:20]]
    if not errors:
        return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "there is no reading: send at least one")
    first = errors[0]
    where = f" in field {first['field']}" if first["field"] else ""
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        f"no reading is valid; the first: {first['reason']}{where}. See docs/reference/contracts.md",
        errors,
    )
