"""A stream nobody would design: plausible wells and tanks, and everything that can be wrong with them.

All of it is a function of a seed and an episode's number, so that any input can be made again.
"""

import base64
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from petrostream.times import to_iso
from tests.fuzz import mutations
from tests.support.scoring_world import START_MS
from tests.support.wells import CENTER, SCALE, SENSORS

CROWD = 1_500
"""Wells of a facility in a crowded episode, whose state outgrows an item of DynamoDB."""

BATCHES = 25
"""Batches of an episode: long enough for windows to fill, short enough to try many beginnings."""

MAX_RECORD_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Record:
    """A stream record as the event source hands it over: `text` should be base64."""

    sequence: str
    partition_key: str
    text: str
    arrival_ms: int


@dataclass(slots=True)
class _Well:
    name: str
    source: str
    at_ms: int
    shift: float = 0.0
    leak: int = 0
    sent: list[mutations.Row] = field(default_factory=list)


class Episode:
    """The batches of one small fleet, in order of arrival."""

    def __init__(self, seed: int, number: int) -> None:
        self._chance = random.Random(f"{seed}/{number}")
        self._sequence = self._chance.choice([1, 96, 10**20, 10**55])
        self._now_ms = START_MS + self._chance.randrange(3) * 43_190_000
        self._noise = self._chance.choice([0.15, 0.4, 0.8])
        self.crowded = self._chance.random() < 0.02
        crowd = CROWD if self.crowded else self._chance.choice([1, 1, 2, 3, 3, 5, 40])
        self._jumps = 0.0005 if self.crowded else 0.02
        names = [
            "FAC-01",
            "FAC-02",
            self._chance.choice(["FAC-03", "F\u00e4c \U0001f6e2", "x" * 200, "*", "FLEET"]),
        ]
        self._wells = {
            name: [
                _Well(f"WELL-{place:03d}{number:02d}", f"0/WELL-{number:05d}_2014", self._now_ms)
                for number in range(crowd)
            ]
            for place, name in enumerate(names)
        }

    def batches(self) -> Iterator[list[Record]]:
        """Every batch of the episode."""
        for _ in range(BATCHES):
            several = self._chance.choice([1, 1, 2, 3])
            facilities = ["FAC-01"] if self.crowded else self._chance.sample(list(self._wells), several)
            yield [
                self._record(facility)
                for facility in facilities
                for _ in range(self._chance.choice([1, 1, 2, 3, 6]))
            ]

    def _record(self, facility: str) -> Record:
        chance = self._chance
        self._sequence += chance.choice([1, 1, 7, 10**9])
        block = self._large(facility) if chance.random() < 0.004 else self._block(facility)
        newest = max(well.at_ms for well in self._wells[facility])
        self._now_ms = max(self._now_ms + chance.choice([500, 1_000, 5_000]), newest)
        if chance.random() < 0.04:
            block = mutations.damage_block(chance, block)
        text = base64.b64encode(block[:MAX_RECORD_BYTES]).decode()
        if chance.random() < 0.01:
            text = chance.choice(["@@@", text[:-1] + "!", text[1:], "", "\u00e9", text + "\n"])
        key = chance.choice(["FAC-01", "?", "k" * 256, "\U0001f6e2"]) if chance.random() < 0.02 else facility
        return Record(str(self._sequence), key, text, self._now_ms)

    def _block(self, facility: str) -> bytes:
        chance = self._chance
        lines: list[bytes] = []
        wells = self._wells[facility]
        several = len(wells) if self.crowded else min(len(wells), chance.choice([1, 2, 3, 3, 3, 99]))
        for well in chance.sample(wells, several):
            for _ in range(chance.choice([1, 3, 10, 40, 120] if several <= 5 else [1, 1, 2, 3])):
                lines.append(self._line(self._reading(facility, well)))
                if chance.random() < 0.08:
                    lines.append(self._line(self._tank(facility, well.at_ms)))
                if chance.random() < 0.1 * self._noise:
                    lines.append(mutations.junk(chance))
        if chance.random() < 0.1:
            chance.shuffle(lines)
        return b"\n".join(lines) + b"\n"

    def _line(self, row: mutations.Row) -> bytes:
        chance = self._chance
        if chance.random() > self._noise:
            return mutations.encode(row)
        row = dict(row)
        if chance.random() < 0.7:
            for _ in range(chance.choice([1, 1, 1, 2, 4])):
                mutations.damage_row(chance, row)
            if chance.random() < 0.8:
                return mutations.encode(row)
        return mutations.damage_line(chance, mutations.encode(row))

    def _reading(self, facility: str, well: _Well) -> mutations.Row:
        chance = self._chance
        if well.sent and chance.random() < 0.03:
            return chance.choice(well.sent)  # sent again, late
        well.at_ms += 1_000
        at_ms = well.at_ms
        if chance.random() < 1.5 * self._jumps:  # this reading's clock is wrong
            at_ms += chance.choice([-1_000, -3_000, -86_400_000, 3_500_000, 3_600_001, 7_200_000])
        elif chance.random() < self._jumps:  # from here on
            well.at_ms = self._now_ms + chance.choice([0, 1, 61_000, -61_000, -86_400_000, 3_500_000])
        if chance.random() < 0.01:
            well.shift = chance.choice([0, 25, 60])
            well.leak = chance.choice([0, 300, 900])
            well.source = chance.choice([well.source, f"{chance.randrange(9)}/other"])
        values = CENTER + SCALE * ([chance.gauss(0, 1) + well.shift for _ in SENSORS])
        row: mutations.Row = {
            "kind": "well",
            "well_id": well.name,
            "facility_id": facility,
            "ts": to_iso(at_ms),
            "source": well.source,
            **dict(zip(SENSORS, values.tolist(), strict=True)),
            "class": chance.choice([0, 2, 102]),
        }
        row |= self._extras(well)
        if len(well.sent) < 20:
            well.sent.append(row)
        return row

    def _extras(self, well: _Well) -> mutations.Row:
        chance = self._chance
        extras: mutations.Row = {}
        if well.leak or chance.random() < 0.3:
            extras |= {"methane_ppm": float(well.leak), "co2_ppm": 400.0}
        if chance.random() < 0.1:
            extras["vibration_encoded"] = mutations.frame(chance)
        if chance.random() < 0.1:
            extras |= {"source_ts": to_iso(well.at_ms - 10**11), "state": chance.randrange(9)}
        return extras

    def _tank(self, facility: str, at_ms: int) -> mutations.Row:
        chance = self._chance
        name = f"TANK-{chance.choice('AB')}"
        ts = to_iso(at_ms + chance.randint(-7_000, 7_000))
        vapor: Any = chance.choice([100.0, 6_000.0, 15_000.0])
        return {
            **{"kind": "tank", "tank_id": name, "facility_id": facility, "ts": ts},
            **{
                "vapor_concentration_ppm": vapor,
                "level_pct": 50.0,
                "pressure_pa": 1.1e5,
                "temperature_c": 30,
            },
        }

    def _large(self, facility: str) -> bytes:
        """A block about as large as a record may be."""
        chance = self._chance
        well = self._wells[facility][0]
        line = mutations.encode(self._reading(facility, well))
        return chance.choice([self._giant_lines, self._many_wells, self._many_dates])(facility, line)

    def _giant_lines(self, facility: str, line: bytes) -> bytes:
        way = self._chance.choice([mutations.long_line, mutations.many_fields])
        return line + b"\n" + way(self._chance, line) + b"\n" + line

    def _many_wells(self, facility: str, line: bytes) -> bytes:
        wells = self._chance.choice([100, 400, 1_500])
        row = self._reading(facility, self._wells[facility][0])
        return b"\n".join(mutations.encode(row | {"well_id": f"MANY-{number}"}) for number in range(wells))

    def _many_dates(self, facility: str, line: bytes) -> bytes:
        row = self._reading(facility, self._wells[facility][0])
        days = self._chance.choice([50, 300, 900])
        return b"\n".join(
            mutations.encode(row | {"ts": to_iso(START_MS - 86_400_000 * day)}) for day in range(days)
        )
