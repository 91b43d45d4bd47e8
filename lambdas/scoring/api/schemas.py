"""What the API's own description (OpenAPI) says of requests and answers, taken from what they are made of.

Columns come from petrostream/schema, wells and minutes from their classes; nothing is written twice, and
schemathesis compares what the API answers with it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, Literal, get_args, get_origin, get_type_hints

from lambdas.scoring.api import examples
from lambdas.scoring.api.problems import MEDIA_TYPE
from petrostream.live import Minute, WellStatus
from petrostream.schema import Field, schema

Document = dict[str, Any]

_GLUE: dict[str, Document] = {
    "string": {"type": "string"},
    "timestamp": {"type": "string"},
    "date": {"type": "string", "format": "date"},
    "double": {"type": "number"},
    "float": {"type": "number"},
    "int": {"type": "integer"},
    "bigint": {"type": "integer"},
    "array<string>": {"type": "array", "items": {"type": "string"}},
}
_PYTHON: dict[Any, Document] = {
    str: {"type": "string"},
    float: {"type": "number"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
}
_TIME: Document = {"type": "string", "format": "date-time"}
_PROBLEM_TEXTS = {
    400: "The request cannot be read",
    401: "No key, or an unknown one",
    403: "The caller is known, and not allowed",
    404: "There is no such well, alarm or path",
    408: "The body did not arrive in time",
    409: "The alarm's state does not allow the action",
    413: "Too long",
    415: "Not JSON and not NDJSON",
    422: "What was sent is not valid; each field and reason is named",
    429: "Too many requests",
    503: "A service behind the API does not answer, or too many requests are worked on; try again",
}
_EVERYWHERE = (400, 401, 403, 408, 413, 429, 503)
"""Answers of access control and of services behind, which every route but /health and /ready may have."""


def nullable(found: Document) -> Document:
    """The same, or null."""
    return {"anyOf": [found, {"type": "null"}]}


def an_object(properties: Mapping[str, Document], required: Sequence[str] | None = None) -> Document:
    """An object of these properties and no others, all of them required unless some are named."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties) if required is None else list(required),
        "additionalProperties": False,
    }


def a_list(items: Document) -> Document:
    """A list."""
    return {"type": "array", "items": items}


def answers(
    found: Document | None, *others: int, media_type: str = "application/json", open_to_all: bool = False
) -> dict[int | str, dict[str, Any]]:
    """Responses of a route.

    Args:
        found: schema of its answer; None for any text.
        others: statuses of its own problems, besides those of every route.
        media_type: of its answer.
        open_to_all: whether it needs no key and has no limits.
    """
    problem = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    statuses = sorted({*others, *(() if open_to_all else _EVERYWHERE)})
    content = {media_type: {"schema": {"type": "string"} if found is None else found}}
    return {
        200: {"description": "What was asked for", "content": content},
        **{status: {"description": _PROBLEM_TEXTS[status], "content": problem} for status in statuses},
    }


def _column(field: Field) -> Document:
    return {**nullable(_GLUE[field.type]), "description": _described(field)}


def _sent(field: Field) -> Document:
    if field.name == "kind":
        return {"const": "well"}
    # What is not required and no time, say, is left out and named: only ts itself must be one.
    found = _TIME if field.required and field.type == "timestamp" else _GLUE[field.type]
    return {**(found if field.required else nullable(found)), "description": _described(field)}


def _described(field: Field) -> str:
    return field.description if field.unit is None else f"{field.description}, {field.unit}"


def _python(hint: Any) -> Document:  # noqa: ANN401 - a type
    if hint in _PYTHON:
        return _PYTHON[hint]
    if get_origin(hint) is Literal:
        return {"enum": list(get_args(hint))}
    if get_origin(hint) is tuple:
        return a_list(_python(get_args(hint)[0]))
    return {"anyOf": [_python(one) for one in get_args(hint) if one is not type(None)] + [{"type": "null"}]}


def _class(of: type, *without: str) -> dict[str, Document]:
    """Properties of a dataclass, with its times as text."""
    hints = get_type_hints(of)
    found: dict[str, Document] = {}
    for one in fields(of):
        if one.name.endswith("_ms"):
            time = _TIME if hints[one.name] is int else nullable(_TIME)
            found[one.name.removesuffix("_ms")] = time
        elif one.name not in without:
            found[one.name] = _python(hints[one.name])
    return found


READING: Document = {
    "type": "object",
    "description": "A reading of a well (docs/reference/contracts.md). A gauge's value that cannot be used "
    "is left out and named in `validation_reasons`; other properties are ignored.",
    "properties": {field.name: _sent(field) for field in schema("well_reading").fields},
    "required": [field.name for field in schema("well_reading").fields if field.required],
}

_ROW = an_object(
    {"line": {"type": "integer", "description": "Place in the request, from 0"}}
    | {field.name: _column(field) for field in schema("scored_readings").fields},
    required=["line", "event_id", "well_id", "facility_id", "ts", "source", "validation_status", "scored_at"],
)
_REJECTED = an_object(
    {
        "line": {"type": "integer"},
        "well_id": nullable({"type": "string"}),
        "reasons": a_list({"type": "string"}),
    }
)
SCORED = an_object(
    {
        "model_version": nullable({"type": "string"}),
        "readings": a_list(_ROW),
        "rejected": a_list(_REJECTED),
    }
)
WELL = an_object(
    {"well_id": _PYTHON[str], "facility_id": _PYTHON[str], **_class(WellStatus), "open_alarms": _PYTHON[int]}
)
FLEET = an_object(
    {
        "facilities": a_list(
            an_object(
                {
                    "facility_id": _PYTHON[str],
                    "readable": _PYTHON[bool],
                    "status": nullable(_PYTHON[str]),
                    "newest": nullable(_TIME),
                    "wells": a_list(WELL),
                }
            )
        )
    }
)
WELLS = an_object({"wells": a_list(WELL)})
MINUTES = an_object({"well_id": _PYTHON[str], "minutes": a_list(an_object(_class(Minute)))})

_ALARM_TEXTS = ("id", "facility_id", "well_id", "alarm_type", "priority", "state")
_ALARM_TIMES = ("active", "returned", "acknowledged", "shelved_until")
_ALARM_NULLABLE = (
    "alarm_id", "acknowledged_by", "shelved_by", "shelved_why", "out_of_service_by", "out_of_service_why",
    "sentence", "likely_event", "evidence",
)  # fmt: skip
ALARM = an_object(
    dict.fromkeys(_ALARM_TEXTS, _PYTHON[str])
    | dict.fromkeys(_ALARM_TIMES, nullable(_TIME))
    | dict.fromkeys(_ALARM_NULLABLE, nullable(_PYTHON[str]))
)
ALARMS = an_object({"alarms": a_list(ALARM)})
ACTED = an_object(
    {
        "transition_id": _PYTHON[str],
        "event": _PYTHON[str],
        "state": _PYTHON[str],
        "ts": _TIME,
        "shelved_until": nullable(_TIME),
        "in_history": {**_PYTHON[bool], "description": "Whether the row has been delivered already"},
    }
)
CHANGE = an_object(
    {
        "event": {"const": "alarm"},
        "data": {"type": "string", "contentMediaType": "application/json", "contentSchema": ALARM},
    }
)
HEALTH = an_object({"status": {"const": "ok"}})
READY = an_object({"status": {"const": "ready"}, "model_version": nullable(_PYTHON[str])})

SCORE_BODY: Document = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "anyOf": [
                        READING,
                        {
                            **a_list({"type": "object"}),
                            "minItems": 1,
                            "description": "Readings: those that are not valid are listed in `rejected`",
                        },
                        an_object({"readings": {**a_list({"type": "object"}), "minItems": 1}}),
                    ]
                },
                "examples": {
                    "one": {"summary": "One reading", "value": examples.READING},
                    "list": {"summary": "A list", "value": [examples.READING]},
                },
            },
            "application/x-ndjson": {"schema": {"type": "string", "description": "One reading a line"}},
        },
    }
}


def security(*, keys: bool, signed: bool) -> dict[str, Document]:
    """How a caller says who it is: by a key, by a signed token, or not at all."""
    header = {"type": "apiKey", "in": "header", "name": "X-Api-Key"}
    bearer = {"type": "http", "scheme": "bearer"}
    found: dict[str, Document] = {}
    if keys:
        found |= {"key": header, "bearer": {**bearer, "description": "The same key"}}
    if signed:
        found["iam"] = {**bearer, "description": "A token of petrostream.aws.caller_token"}
    return found
