"""The map file: which table is read, which column is which field of a reading, and how often to look.

TOML, or JSON of the same shape::

    [source]
    kind = "postgresql"             # or sqlalchemy, csv
    table = "public.readings"       # csv: file = "export.csv"
    updated_at = "updated_at"
    id = "id"
    time_zone = "America/Sao_Paulo" # of columns without a zone; UTC if left out

    [columns]                       # field of the reading = column of the table
    well_id = "well"
    ts = "measured_at"
    p_pdg = "pdg_pressure"
"""

import difflib
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import orjson

from petrostream.readings import MAX_NAME_CHARS
from petrostream.schema import NAME_OF_THREE_W, WELL
from producer.cdc.errors import MapInvalid
from producer.errors import OptionInvalid
from producer.options import period_ms

SourceKind = Literal["postgresql", "sqlalchemy", "csv"]

KINDS: tuple[SourceKind, ...] = ("postgresql", "sqlalchemy", "csv")
EPOCHS = {"s": 1000.0, "ms": 1.0, "us": 0.001}
"""Units that numbers of a time column may count, and the milliseconds of each."""

FIELDS = tuple(known.name for known in WELL.schema.fields if known.name not in ("kind", "feed_id", "source"))
"""Fields that a column may become. `source` is one for the whole table: it names a feed."""

REQUIRED = ("well_id", "ts")

_SOURCE_KEYS = ("kind", "table", "file", "updated_at", "id", "time_zone", "epoch", "name", "delimiter")
_POLL_KEYS = ("interval", "batch", "look_back")


@dataclass(frozen=True, slots=True)
class Mapping:
    """A map file, checked.

    Attributes:
        path: the file.
        kind: what is read.
        table: name of the table; of a CSV file, its path.
        updated_at, id: columns that order the rows.
        columns: column of each field.
        zone: of columns without a time zone.
        epoch: unit of numeric times, "" where none are expected.
        source: name of the readings' source.
        delimiter: between the cells of a CSV file.
        wells: names of wells in the lake by their names in the table.
        interval_s, batch, look_back_s: how the table is polled.
    """

    path: Path
    kind: SourceKind
    table: str
    updated_at: str
    id: str
    columns: dict[str, str]
    zone: ZoneInfo = field(default_factory=lambda: ZoneInfo("UTC"))
    epoch: str = ""
    source: str = ""
    delimiter: str = ","
    wells: dict[str, str] = field(default_factory=dict)
    interval_s: float = 5.0
    batch: int = 5000
    look_back_s: float = 600.0

    @property
    def identity(self) -> str:
        """What a state file belongs to: the table, and the columns that order it."""
        return f"{self.kind} {self.table} by {self.updated_at}, {self.id}"


def read_map(path: Path) -> Mapping:
    """Read a map file.

    Raises:
        MapInvalid: it can't be read, or something in it is missing, unknown or wrong; the message says where.
    """
    reader = _Reader(path)
    top = reader.section("file", _parsed(path), ("source", "columns", "wells", "poll"))
    source = reader.section("source", top.get("source"), _SOURCE_KEYS)
    poll = reader.section("poll", top.get("poll", {}), _POLL_KEYS)
    kind: SourceKind = reader.choice("source.kind", source.get("kind", "postgresql"), KINDS)
    place = "file" if kind == "csv" else "table"
    table = reader.text(f"source.{place}", source.get(place))
    return Mapping(
        path=path,
        kind=kind,
        table=str(path.parent / table) if kind == "csv" else table,
        updated_at=reader.text("source.updated_at", source.get("updated_at", "updated_at")),
        id=reader.text("source.id", source.get("id", "id")),
        columns=reader.columns(top.get("columns")),
        zone=reader.zone(source.get("time_zone", "UTC")),
        epoch=reader.choice("source.epoch", source.get("epoch", ""), ("", *EPOCHS)),
        source=reader.text("source.name", source.get("name", f"cdc/{Path(table).name}"[:MAX_NAME_CHARS])),
        delimiter=reader.choice("source.delimiter", source.get("delimiter", ","), (",", ";", "\t", "|")),
        wells=reader.names(top.get("wells", {})),
        interval_s=reader.period("poll.interval", poll.get("interval", 5)),
        batch=reader.number("poll.batch", poll.get("batch", 5000)),
        look_back_s=reader.period("poll.look_back", poll.get("look_back", 600)),
    )


def _parsed(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    try:
        content = path.read_bytes()
        if path.suffix.lower() == ".json":
            return orjson.loads(content)
        return tomllib.loads(content.decode())
    except OSError as error:
        raise MapInvalid(path, "file", f"can't be read ({error.strerror})") from error
    except (orjson.JSONDecodeError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MapInvalid(path, "file", f"is neither JSON (named .json) nor TOML ({error})") from error


@dataclass(frozen=True, slots=True)
class _Reader:
    path: Path

    def fail(self, place: str, problem: str) -> MapInvalid:
        return MapInvalid(self.path, place, problem)

    def section(self, place: str, value: object, keys: tuple[str, ...]) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self.fail(place, "is not a table of entries")
        for key in value:
            if key not in keys:
                raise self.fail(f"{place}.{key}", f"is not read{_meant(key, keys)}")
        return value

    def text(self, place: str, value: object) -> str:
        if not isinstance(value, str) or not value.strip():
            raise self.fail(place, f"is {value!r}; expected a text that is not blank")
        return value

    def choice(self, place: str, value: object, known: tuple[Any, ...]) -> Any:  # noqa: ANN401 - one of them
        if value not in known:
            raise self.fail(place, f"is {value!r}; expected {', '.join(repr(one) for one in known if one)}")
        return value

    def zone(self, value: object) -> ZoneInfo:
        try:
            return ZoneInfo(self.text("source.time_zone", value))
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise self.fail("source.time_zone", f"{value!r} is no zone such as America/Sao_Paulo") from error

    def columns(self, value: object) -> dict[str, str]:
        if not isinstance(value, dict):
            raise self.fail("columns", "is not a table of entries")
        found: dict[str, str] = {}
        for written, column in value.items():
            name = NAME_OF_THREE_W.get(written, written)
            if name not in FIELDS:
                raise self.fail(f"columns.{written}", f"is no field of a reading{_meant(written, FIELDS)}")
            if name in found:
                raise self.fail(f"columns.{written}", f"is a second column for {name}")
            found[name] = self.text(f"columns.{written}", column)
        for name in REQUIRED:
            if name not in found:
                raise self.fail(f"columns.{name}", "is missing: every reading needs it")
        return found

    def names(self, value: object) -> dict[str, str]:
        if not isinstance(value, dict):
            raise self.fail("wells", "is not a table of entries")
        return {str(name): self.text(f"wells.{name}", well) for name, well in value.items()}

    def number(self, place: str, value: object) -> int:
        if type(value) is not int or not 1 <= value <= 100_000:
            raise self.fail(place, f"is {value!r}; expected a whole number from 1 to 100000")
        return value

    def period(self, place: str, value: object) -> float:
        text = f"{value:g}" if type(value) in (int, float) else value
        try:
            return (period_ms(place, text if isinstance(text, str) else "") or 0) / 1000
        except OptionInvalid as error:
            raise self.fail(place, f"is {value!r}; expected a period such as 5, 90s, 10m or 1h30m") from error


def _meant(written: str, known: tuple[str, ...]) -> str:
    near = difflib.get_close_matches(str(written).lower().replace("-", "_"), known, n=1)
    return f"; did you mean {near[0]}?" if near else f"; use {', '.join(known)}"
