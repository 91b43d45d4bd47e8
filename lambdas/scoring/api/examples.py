"""Examples of the API's own description (OpenAPI), and the form of its errors."""

from typing import Any, Literal

ActionName = Literal["acknowledge", "shelve", "unshelve", "remove", "return", "comment"]
"""What an operator may ask for, as a part of a path."""

STATE = (
    "none: each request stands alone, and a well's first 30 s have no score; live: readings follow the "
    "well's own latest ones, as they would in the stream. Nothing is kept in either case."
)

WELL_ID = "WELL-00001"

READING: dict[str, Any] = {
    "kind": "well",
    "well_id": WELL_ID,
    "facility_id": "FAC-01",
    "ts": "2026-11-20T09:00:00.000Z",
    "source": "api/example",
    "p_tpt": 1.42e7,
    "t_tpt": 117.3,
    "p_mon_ckp": 8.1e6,
    "methane_ppm": 12.0,
}

ACTION: dict[str, Any] = {"actor": "ana", "comment": "calibration gas", "hours": 2}

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "Problem details (RFC 9457)",
    "required": ["type", "title", "status", "detail", "instance"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "instance": {"type": "string"},
        "errors": {"type": "array", "items": {"type": "object"}},
    },
}
