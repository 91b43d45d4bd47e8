"""The state file of a poll: `mark` is `timestamp|id` of the last row that the stream has accepted.

It is written after acknowledgements, never before. What was accepted after the last write is sent again by
the next run, with the same event_id.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from producer import durable
from producer.cdc.errors import StateInvalid
from producer.cdc.keys import RowKey, moment, stamp
from producer.cdc.poll import Position

FORMAT = 1


@dataclass(frozen=True, slots=True)
class PollState:
    """What a run leaves to the next.

    Attributes:
        table: what is polled, as `Mapping.identity` names it.
        position: how far.
        rows: sent in all, repeats included.
    """

    table: str
    position: Position = field(default_factory=Position)
    rows: int = 0


def save(path: Path, state: PollState) -> None:
    """Write the file atomically, and sync it to disk before returning.

    Raises:
        OSError: the folder can't be written.
    """
    at = state.position
    content = {
        "format": FORMAT,
        "table": state.table,
        "mark": at.mark.text if at.mark else None,
        "low": at.low,
        "settled": stamp(at.settled) if at.settled else None,
        "asked_at": stamp(at.asked_at) if at.asked_at else None,
        "asked_high": at.asked_high,
        "since": stamp(at.since) if at.since else None,
        "cluster": at.cluster,
        "rows": state.rows,
    }
    durable.write(path, orjson.dumps(content, option=orjson.OPT_INDENT_2))


def load(path: Path, table: str) -> PollState | None:
    """The saved state; None if there is no file.

    Raises:
        StateInvalid: it is not a state file of this release, or of another table.
    """
    try:
        raw: Any = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError) as error:
        raise StateInvalid(path, f"can't be read as JSON ({error})") from error
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise StateInvalid(path, f"is not a state file of format {FORMAT}")
    if raw.get("table") != table:
        raise StateInvalid(path, f"belongs to table {raw.get('table')!r}, not to {table!r}")
    reader = _Reader(path, raw)
    position = Position(
        mark=RowKey.parse(text) if (text := reader.checked("mark", RowKey.parse)) is not None else None,
        low=reader.number("low", optional=True),
        settled=reader.time("settled"),
        asked_at=reader.time("asked_at"),
        asked_high=reader.number("asked_high") or 0,
        since=reader.time("since"),
        cluster=str(raw.get("cluster", "")),
    )
    times = [one for one in (position.settled, position.asked_at, position.since) if one is not None]
    if position.mark is not None:
        times.append(position.mark.at)
    if len({one.tzinfo is None for one in times}) > 1:
        raise StateInvalid(path, "mixes times with and without zone")
    return PollState(table, position, reader.number("rows") or 0)


@dataclass(frozen=True, slots=True)
class _Reader:
    path: Path
    raw: dict[str, Any]

    def checked(self, name: str, parse: Any) -> str | None:  # noqa: ANN401 - any function of a text
        text = self.raw.get(name)
        if text is None:
            return None
        try:
            parse(text)
        except (ValueError, TypeError, AttributeError) as error:
            raise StateInvalid(self.path, f"field {name!r} is {text!r}") from error
        return str(text)

    def time(self, name: str) -> Any:  # noqa: ANN401 - datetime or None
        text = self.checked(name, moment)
        return None if text is None else moment(text)

    def number(self, name: str, *, optional: bool = False) -> int | None:
        value = self.raw.get(name)
        if value is None and optional:
            return None
        if type(value) is not int or value < 0:
            raise StateInvalid(self.path, f"field {name!r} is {value!r}")
        return value
