"""Reconciles rows with the lines they come from, by rules of its own rather than the pipeline's code.

A line that is in the quarantine must not be anywhere else. Any other line must parse, and be a well reading
with exactly one scored row, or a tank reading that the join has counted.
"""

import hashlib
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import orjson

from petrostream.pipeline import StreamRecord
from petrostream.readings import event_id
from petrostream.schema import SENSOR_NAMES, Field, schema

Row = dict[str, Any]

KPL_MAGIC = b"\xf3\x89\x9a\xc2"
VALUES = (*SENSOR_NAMES, "methane_ppm", "co2_ppm", "class", "state")
_RANGES = {"int": 2**31, "bigint": 2**63}


class Broken(AssertionError):  # noqa: N818 - says what the promise is
    """A promise does not hold. `what` names the promise, the text has the details."""

    def __init__(self, what: str, detail: object = "") -> None:
        super().__init__(f"{what}: {detail}"[:2_000])
        self.what = what


def demand(holds: bool, what: str, detail: object = "") -> None:
    """Raise `Broken` unless it holds."""
    if not holds:
        raise Broken(what, detail)


def lines_of(record: StreamRecord) -> list[bytes]:
    """The lines a record must be accounted for by; a record that is no block counts as one."""
    if record.broken or record.data.startswith(KPL_MAGIC):
        return [record.data]
    return [line for line in record.data.split(b"\n") if line.strip(b" \t\r")]


def reconcile(
    records: Sequence[StreamRecord], scored: Iterable[Row], quarantined: Iterable[Row]
) -> Counter[str]:
    """Hold every line of a batch to one row.

    Args:
        records: the batch.
        scored: the rows it made in `scored_readings`.
        quarantined: the rows it made in `quarantine`.

    Returns:
        How many lines there were, scored, quarantined and tank readings.

    Raises:
        Broken: a line has no row or two, or a row no line, or its values are not the line's.
    """
    rows: dict[str, list[Row]] = defaultdict(list)
    rejected: dict[str, list[Row]] = defaultdict(list)
    for row in scored:
        rows[row["kinesis_sequence"]].append(row)
    for row in quarantined:
        rejected[row["kinesis_sequence"]].append(row)
    counts: Counter[str] = Counter()
    for record in records:
        counts += _record(record, rows.pop(record.sequence, []), rejected.pop(record.sequence, []))
    demand(not rows and not rejected, "a row comes from no record", [*rows, *rejected])
    return counts


def _record(record: StreamRecord, scored: list[Row], rejected: list[Row]) -> Counter[str]:
    lines = lines_of(record)
    places = [row["line"] for row in rejected]
    demand(len(set(places)) == len(places), "a line is quarantined twice", places)
    demand(all(0 <= place < len(lines) for place in places), "a quarantined row has no line", places)
    for row in rejected:
        _check_rejected(row, lines[row["line"]], record.partition_key)
    waiting: dict[str, list[Row]] = defaultdict(list)
    for row in scored:
        waiting[row["event_id"]].append(row)
    left = [line for place, line in enumerate(lines) if place not in set(places)]
    tanks = 0
    for line in left:
        reading = _parsed(line)
        if reading.get("kind") == "tank":
            tanks += 1
            continue
        named = all(type(reading.get(name)) is str for name in ("well_id", "source", "ts"))
        demand(named, "a line has no row", line[:500])
        identity = event_id(reading["well_id"], reading["source"], _epoch_ms(reading["ts"]))
        demand(bool(waiting[identity]), "a line has no row", line[:500])
        _check_values(waiting[identity].pop(0), reading)
    demand(not any(waiting.values()), "a row comes from no line", [*waiting.values()])
    return Counter(inputs=len(lines), scored=len(left) - tanks, quarantined=len(rejected), tanks=tanks)


def _parsed(line: bytes) -> dict[str, Any]:
    try:
        reading = json.loads(line, parse_int=lambda digits: int(digits) if len(digits) < 400 else math.inf)
    except RecursionError:
        reading = orjson.loads(line)
    except ValueError as error:
        raise Broken("a line passed that is not JSON", f"{error}: {line[:500]!r}") from error
    demand(isinstance(reading, dict), "a line passed that is no object", line[:500])
    return dict(reading)


def _epoch_ms(text: str) -> int:
    since = datetime.fromisoformat(text) - datetime.fromisoformat("1970-01-01T00:00:00+00:00")
    return since // timedelta(milliseconds=1)


def _check_rejected(row: Row, line: bytes, partition_key: str) -> None:
    demand(bool(row["reasons"]), "a line is quarantined without a reason", row)
    demand(row["raw_bytes"] == len(line), "a quarantined line has another length", row["raw_bytes"])
    digest = hashlib.sha256(line).hexdigest()
    demand(row["raw_sha256"] == digest, "a quarantined line has another digest", line[:500])
    demand(row["partition_key"] == partition_key, "a quarantined line has another key", row["partition_key"])


def _check_values(row: Row, reading: Mapping[str, Any]) -> None:
    """Every value of the line is in its row as it was, or null with the reason."""
    demand(row["well_id"] == reading["well_id"], "a row has another well", row["well_id"])
    reasons = set(row.get("validation_reasons") or ())
    for name in VALUES:
        sent, kept = reading.get(name), row.get(name)
        if kept is None and sent is not None:
            known = {f"{code}:{name}" for code in ("out_of_range", "non_finite")}
            demand(bool(reasons & known), "a value is gone without a reason", (name, sent, reasons))
        elif kept is not None:
            demand(
                sent is not None and float(sent) == kept, "a value is not the sender's", (name, sent, kept)
            )
    demand(0 <= row["risk_score"] <= 100, "a risk is out of bounds", row["risk_score"])
    demand(0 <= row["data_quality_score"] <= 100, "a quality is out of bounds", row["data_quality_score"])
    alert = row["risk_score"] > 30
    demand(row["well_status"] == ("ALERT" if alert else "NORMAL"), "a status does not fit its risk", row)


def check_types(table: str, rows: Iterable[Row]) -> None:
    """Hold rows to the columns and types of their table, as the conversion to Parquet does."""
    fields = {field.name: field for field in schema(table).fields}
    for row in rows:
        for name, value in row.items():
            field = fields.get(name)
            demand(field is not None, f"{table} has no such column", name)
            assert field is not None
            demand(
                value is None or _fits(field, value),
                f"a value does not fit its column of {table}",
                (name, value),
            )


def _fits(field: Field, value: Any) -> bool:
    kind = type(value)
    match field.type:
        case "string" | "timestamp":
            return kind is str
        case "array<string>":
            return kind is list and all(type(item) is str for item in value)
        case "double":
            return kind in {int, float} and math.isfinite(value)
        case "boolean":
            return kind is bool
        case whole:
            return kind is int and -_RANGES[whole] <= value < _RANGES[whole]
