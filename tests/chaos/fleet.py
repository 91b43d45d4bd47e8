"""What the producer sends: a few facilities with wells, tanks, a leak and an anomaly, and bad lines."""

import gzip
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from petrostream.readings.wells import event_id
from tests.chaos.played import Played
from tests.support.scoring_world import block, reading, tank_reading

SECONDS = 120
FACILITIES = 4
TAIL = range(SECONDS + 150, SECONDS + 153)
"""Seconds of the last readings, in calm weather: an outage and a claim of an alert are over by then."""
TANK_EVERY = 5
HOUR_MINUTES = 60
LEAK = range(20, 50)
"""Seconds in which a well of the second facility leaks."""

ANOMALY = range(60, 100)
"""Seconds in which two gauges of a well of the third facility leave their level."""

IDENTITY = ("kind", "well_id", "facility_id", "ts")
"""What a reading of a real instance keeps of the synthetic one in whose place it is sent."""

KPL_RECORD = b"\xf3\x89\x9a\xc2" + bytes(range(256))
LONG_LINE = b'{"kind":"well","source":"' + b"x" * (1024 * 1024 - 300) + b'"}'
POISON = {
    "kpl": KPL_RECORD,
    "gzip": gzip.compress(b'{"kind":"well"}\n' * 50, mtime=0),
    "long": LONG_LINE,
    "utf8": b"\xff\xfe\x00well\n" + b'{"kind":"well","well_id":"\xc3\x28"}',
}


@dataclass(frozen=True)
class Put:
    """One record to send.

    Attributes:
        second: when, in seconds after the beginning.
        facility: its partition key.
        rows: readings of wells and tanks.
        raw: bytes that are sent in place of rows.
    """

    second: int
    facility: str
    rows: tuple[dict[str, Any], ...] = ()
    raw: bytes = b""

    @property
    def data(self) -> bytes:
        """The record's bytes."""
        return self.raw or block(*self.rows)


@dataclass
class Fleet:
    """Everything that is sent, in order of time.

    Attributes:
        puts: the records.
        rejected: event ids that belong into the quarantine: their time cannot be right.
    """

    puts: list[Put] = field(default_factory=list)
    rejected: set[str] = field(default_factory=set)

    def identities(self) -> set[str]:
        """Event ids of all well readings that must land."""
        return {
            identity_of(row) for put in self.puts for row in put.rows if row["kind"] == "well"
        } - self.rejected


def fleet(
    rng: random.Random,
    seconds: int = SECONDS,
    facilities: int = FACILITIES,
    wells: int = 2,
    played: Sequence[Played] = (),
) -> Fleet:
    """A fleet of `facilities` with `wells` wells each, one reading a second.

    Args:
        rng: source of its noise.
        seconds: how long it sends.
        facilities: how many.
        wells: at each facility.
        played: real instances whose values the wells have, by turns; synthetic values without any.
    """
    sent = Fleet()
    apart = max(10, wells)

    def row(number: int, well: int, second: int) -> dict[str, Any]:
        # No facility has a well of another.
        made = reading(apart * number + well, second, _name(number), **_changes(rng, number, well, second))
        return _values(played, number * wells + well, made, second)

    for second in range(seconds):
        for number in range(1, facilities + 1):
            rows = [row(number, well, second) for well in range(1, wells + 1)]
            if second % TANK_EVERY == number % TANK_EVERY:
                rows.append(tank_reading(second + rng.choice([0.0, 0.25, -0.25]), _name(number)))
            sent.puts.append(Put(second, _name(number), tuple(rows)))
    for number in range(1, facilities + 1):
        # After the faults: what was put off has its chance.
        sent.puts += [Put(second, _name(number), (row(number, 1, second),)) for second in TAIL]
    sent.puts.sort(key=lambda put: put.second)
    return sent


def _name(number: int) -> str:
    return f"FAC-{number:02d}"


def _changes(rng: random.Random, number: int, well: int, second: int) -> dict[str, Any]:
    """What a well's reading has of a leak and of an anomaly."""
    changes: dict[str, Any] = {"methane_ppm": 900.0 if (number, well) == (2, 1) and second in LEAK else 5.0}
    if (number, well) == (3, 1) and second in ANOMALY:
        changes |= {"p_tpt": 1.46e7 + 1e4 * rng.random(), "p_pdg": 2.13e7}
    return changes


def _values(played: Sequence[Played], well: int, row: dict[str, Any], second: int) -> dict[str, Any]:
    """A reading with the values of a real instance, if there are some; a leak stays one."""
    if not played:
        return row
    instance = played[well % len(played)]
    kept = {name: row[name] for name in (*IDENTITY, "methane_ppm")}
    return kept | instance.at(second) | {"source": instance.source}


def identity_of(row: dict[str, Any]) -> str:
    """The event id of a well reading."""
    moment = datetime.fromisoformat(row["ts"].replace("Z", "+00:00"))
    return event_id(row["well_id"], row["source"], round(moment.timestamp() * 1000))


def repeated(sent: Fleet, rng: random.Random) -> int:
    """Send one record in ten again, up to ten seconds later."""
    again = [replace(put, second=put.second + rng.randrange(10)) for put in sent.puts if rng.random() < 0.1]
    sent.puts = sorted([*sent.puts, *again], key=lambda put: put.second)
    return len(again)


def swapped(sent: Fleet, rng: random.Random) -> int:
    """Exchange the contents of neighbouring records of a facility, one pair in eight."""
    before: dict[str, int] = {}
    count = 0
    for place, put in enumerate(sent.puts):
        last = before.get(put.facility)
        if last is not None and rng.random() < 0.125:
            one, other = sent.puts[last], put
            sent.puts[last], sent.puts[place] = replace(one, rows=other.rows), replace(other, rows=one.rows)
            count += 1
        before[put.facility] = place
    return count


def delayed(sent: Fleet, rng: random.Random) -> int:
    """Send one record in twelve half a minute late."""
    late = [rng.random() < 1 / 12 for _ in sent.puts]
    moved = [
        replace(put, second=put.second + 30 * is_late) for put, is_late in zip(sent.puts, late, strict=True)
    ]
    sent.puts = sorted(moved, key=lambda put: put.second)
    return sum(late)


def spoiled(sent: Fleet, rng: random.Random, kind: str) -> int:
    """Put bad records among the others."""
    names = sorted({put.facility for put in sent.puts})
    bad = [Put(rng.randrange(SECONDS), rng.choice(names), raw=POISON[kind]) for _ in range(5)]
    sent.puts = sorted([*sent.puts, *bad], key=lambda put: put.second)
    return len(bad)


def wrong_clock(sent: Fleet, rng: random.Random, minutes: int) -> int:
    """The clock of one facility is ahead for half a minute; what is over an hour ahead is to be rejected."""
    first, count = rng.randrange(20, 80), 0
    for place, put in enumerate(sent.puts):
        if put.facility == "FAC-01" and first <= put.second < first + 30:
            moved = tuple(_shifted(row, minutes) for row in put.rows)
            sent.puts[place] = replace(put, rows=moved)
            count += 1
            if minutes > HOUR_MINUTES:
                sent.rejected |= {identity_of(row) for row in moved if row["kind"] == "well"}
    return count


def _shifted(row: dict[str, Any], minutes: int) -> dict[str, Any]:
    moved = datetime.fromisoformat(row["ts"].replace("Z", "+00:00")) + timedelta(minutes=minutes)
    return {**row, "ts": moved.isoformat(timespec="milliseconds").replace("+00:00", "Z")}
