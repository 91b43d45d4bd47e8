"""Makes readings of rows. A value that can't be one is sent as it is: the lake's quarantine keeps the line.

Nothing is left out but nulls and NaN, which mean a missing value in the reading contract too.
"""

import base64
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np

from ml.data.units import UnitMap
from petrostream.fleet import facility_of
from petrostream.names import shown
from petrostream.readings import encode_block
from petrostream.schema import SENSOR_INDEX, SENSOR_NAMES, WELL
from petrostream.times import parse_ms, to_iso
from producer.cdc.keys import TableRow
from producer.cdc.mapping import EPOCHS, Mapping

MAX_TEXT = 1000
"""Characters of a text that are sent; names of over 200 are quarantined anyway."""

MAX_FRAME = 180_000
"""Characters of a vibration frame that fit into a line."""

EXAMPLES = 5
"""Bad values that are named; the rest is counted."""

_TIMES = ("ts", "source_ts")
_WHOLE = frozenset(known.name for known in WELL.whole)
_NUMBERS = frozenset(known.name for known in WELL.measured) | _WHOLE
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_SPECIAL = {"nan": math.nan, "inf": math.inf, "infinity": math.inf, "-inf": -math.inf, "-infinity": -math.inf}
_LAST_TIME = float("-inf")


@dataclass(frozen=True, slots=True)
class ReadingLine:
    """A reading, encoded.

    Attributes:
        facility_id: its partition key.
        ts_ms: its event time, epoch ms; minus infinity where it has none.
        data: the line.
    """

    facility_id: str
    ts_ms: float
    data: bytes


@dataclass(slots=True)
class Converter:
    """Makes lines of rows, and counts what the lake will quarantine.

    Attributes:
        mapping: the map file.
        units: of the fleet file.
        fleet: facility of each well the fleet file names.
        bad: rows with a value that can't be what its column is mapped to.
        examples: the first of these values, in words.
        twice: rows of the same well and event time as another row of their batch.
    """

    mapping: Mapping
    units: UnitMap
    fleet: dict[str, str]
    bad: int = 0
    examples: list[str] = field(default_factory=list)
    twice: int = 0

    def lines(self, rows: Sequence[TableRow]) -> list[ReadingLine]:
        """A line for each row, in the same order."""
        found = [self._line(row) for row in rows]
        versions = {(str(row.values.get("well_id")), str(row.values.get("ts")), row.key.id) for row in rows}
        self.twice += len(versions) - len({version[:2] for version in versions})
        return found

    def _line(self, row: TableRow) -> ReadingLine:
        reading: dict[str, object] = {"kind": "well"}
        wrong: list[str] = []
        ts_ms = _LAST_TIME
        for name, value in row.values.items():
            if name in _TIMES:
                ms = self._ms(value)
                reading[name] = value if value is None else _text(value) if ms is None else to_iso(ms)
                ts_ms = ms if name == "ts" and ms is not None else ts_ms
                ok = ms is not None or (value is None and name != "ts")
            elif name in _NUMBERS:
                reading[name] = number = _number(name, value)
                ok = number is None or isinstance(number, int | float)
            else:
                reading[name] = _frame(value) if name == "vibration_encoded" else _name(value)
                ok = reading[name] is not None or name in ("facility_id", "vibration_encoded")
            if not ok:
                wrong.append(f"{self.mapping.columns[name]} = {shown(repr(value)[:80])} (no {name})")
        self._note(row, wrong)
        facility = self._placed(reading)
        return ReadingLine(facility, ts_ms, encode_block([reading]))

    def _placed(self, reading: dict[str, object]) -> str:
        """Give a reading its well's name, facility, source and units; returns the facility."""
        well = reading.get("well_id")
        name = self.mapping.wells.get(well, well) if isinstance(well, str) else ""
        if name:
            reading["well_id"] = name
        given = reading.get("facility_id")
        facility = given if isinstance(given, str) else self.fleet.get(name) or facility_of(name)
        reading["facility_id"] = facility
        reading["source"] = self.mapping.source
        present = [one for one in self.units.of(name) if isinstance(reading.get(one), int | float)]
        if present:
            values = np.full((1, len(SENSOR_NAMES)), np.nan)
            places = [SENSOR_INDEX[one] for one in present]
            values[0, places] = [reading[one] for one in present]
            converted = self.units.convert(name, values)[0, places].tolist()
            reading.update(zip(present, converted, strict=True))
        # A facility's name of over 200 characters is quarantined by scoring; the stream's key has 256.
        return facility[:200]

    def _ms(self, value: object) -> int | None:
        """Epoch ms of a value, None if it is no instant."""
        if isinstance(value, str):
            text = value.strip()
            try:
                value = datetime.fromisoformat(text)
            except ValueError:
                if not (self.mapping.epoch and _NUMBER.fullmatch(text)):
                    return None
                value = float(text)
        if isinstance(value, datetime):
            aware = value if value.tzinfo else value.replace(tzinfo=self.mapping.zone)
            try:
                return parse_ms(aware.astimezone(UTC).isoformat())
            except (ValueError, OverflowError):
                return None
        if isinstance(value, int | float | Decimal) and not isinstance(value, bool) and self.mapping.epoch:
            ms = _float(value) * EPOCHS[self.mapping.epoch]
            return int(ms) if math.isfinite(ms) and 0 <= ms < 253_402_300_800_000 else None
        return None

    def _note(self, row: TableRow, wrong: Sequence[str]) -> None:
        if not wrong:
            return
        self.bad += 1
        if len(self.examples) < EXAMPLES:
            which = f"{self.mapping.table}, {self.mapping.id} {shown(str(row.key.id)[:80])}"
            self.examples.append(f"{which}: {'; '.join(wrong)}")


def _number(name: str, value: object) -> object:
    """A number as the contract has it; anything else as text, for the quarantine."""
    if value is None:
        return None
    if isinstance(value, str):
        text = value.strip()
        if not text:
            return None
        if text.lower() in _SPECIAL:
            return _SPECIAL[text.lower()]
        if not _NUMBER.fullmatch(text):
            return _text(value)
        value = float(text)
    if isinstance(value, bool | int | float | Decimal):
        number = _float(value)
        return int(number) if name in _WHOLE and number.is_integer() else number
    return _text(value)


def _float(value: float | Decimal) -> float:
    """A number as a double: infinite if it is too large, NaN if it is none."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    except ValueError:  # a signalling NaN
        return math.nan


def _name(value: object) -> str | None:
    """A name; a blank one is as good as none."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return _text(value)


def _frame(value: object) -> str | None:
    if value is None or value in ("", b""):
        return None
    if isinstance(value, bytes | bytearray | memoryview):
        value = base64.b64encode(bytes(value)).decode()
    text = str(value)
    # What would be cut could still be decoded, to other samples: say what it was instead.
    return text if len(text) <= MAX_FRAME else f"({len(text)} characters)"


def _text(value: object) -> str:
    """A value as text that UTF-8 and a line can hold."""
    text = value.isoformat() if isinstance(value, datetime) else str(value)
    return text[:MAX_TEXT].encode("utf-8", "backslashreplace").decode()
