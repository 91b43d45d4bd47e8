"""Which readings of the raw zone are in no table, and not on the stream either: `python -m ops resend`.

A reading is missing if it arrived, and neither `scored_readings` nor `quarantine` has it. A pair is missing
if the join of wells and tanks, computed here from the raw zone, settles a reading that `facility_readings`
does not have, or has without the tank reading that belongs to it. What the stream still holds is not missing:
scoring has it, or will.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from itertools import accumulate

import numpy as np

from ops.outcome import SqlQuery
from ops.raw_zone import Contents, Part, RawPlace
from petrostream.facility import JoinState, WellEvents, pair
from petrostream.readings import TankReadings

OnStream = Callable[[datetime], Collection[str]]
Texts = Callable[[Iterable[RawPlace]], Mapping[RawPlace, bytes]]


@dataclass(frozen=True, slots=True)
class LostLine:
    """A line of the raw zone that is to be sent again.

    Attributes:
        data: the line as it arrived.
        well: whether it is a well reading.
    """

    data: bytes
    well: bool = False


@dataclass(slots=True)
class Missing:
    """What is missing of one facility.

    Attributes:
        facility_id: the facility.
        lines: what to send again, in this order: missing readings, each after the tank reading it belongs to.
        readings: by well and source, readings that are in no table.
        pairs: by well and source, readings that are in `scored_readings`, and miss their pair.
        rejected: lines without a usable reading that are not in `quarantine`.
        tanks: tank readings among `lines`.
    """

    facility_id: str
    lines: list[LostLine] = field(default_factory=list)
    readings: Counter[tuple[str, str]] = field(default_factory=Counter)
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    rejected: int = 0
    tanks: int = 0


@dataclass(slots=True)
class _Facility:
    """A facility's readings in order of arrival.

    Attributes:
        wells, tanks: the readings.
        well_places, tank_places: where each stands.
        order: positions of the well readings in the order in which the join settles them, each once.
        tank_of: by identity, the tank reading of each paired reading.
        settled: identities of the readings that the join settles.
        lost: identities that are in no table.
        unpaired: identities that only `facility_readings` lacks.
        alone: identities that `facility_readings` has without their tank reading.
    """

    wells: WellEvents
    tanks: TankReadings
    well_places: list[RawPlace]
    tank_places: list[RawPlace]
    order: list[int]
    tank_of: dict[str, str]
    settled: set[str]
    lost: set[str] = field(default_factory=set)
    unpaired: set[str] = field(default_factory=set)
    alone: set[str] = field(default_factory=set)

    @property
    def missing(self) -> list[int]:
        """Positions of the readings that miss something, in the order in which the join settles them."""
        wanted = self.lost | self.unpaired | self.alone
        return [i for i in self.order if self.wells.event_id[i] in wanted]


def find_missing(contents: Contents, query: SqlQuery, on_stream: OnStream, texts: Texts) -> list[Missing]:
    """What is missing, by facility.

    Args:
        contents: what the raw zone has.
        query: runs Athena SQL.
        on_stream: identities of the well readings on the stream that arrived since an instant; asked only if
            something seems to be missing.
        texts: the lines of the raw zone at some places.
    """
    found = {name: _facility(name, parts) for name, parts in sorted(contents.parts.items())}
    for facility_id, one in found.items():
        scored, joined = (_landed(query, select, facility_id, one.wells) for select in (_SCORED, _JOINED))
        one.lost = set(one.wells.event_id) - scored.keys()
        one.unpaired = one.settled - joined.keys() - one.lost
        one.alone = {
            identity for identity, status in joined.items() if status != "MATCHED" and identity in one.tank_of
        }
    _leave_out_stream(found.values(), contents, on_stream)
    quarantined = _Quarantined(contents, query)
    missing = {name: _missing(name, one, quarantined, texts) for name, one in found.items() if one.missing}
    for (at, _), rejected in contents.rejected:
        if rejected.raw not in quarantined:
            quarantined.add(rejected.raw)
            key = rejected.facility_id or _neighbour(contents, at)
            one_more = missing.setdefault(key, Missing(key))
            one_more.lines.append(LostLine(rejected.raw))
            one_more.rejected += 1
    return [one for one in missing.values() if one.lines]


_SCORED = "SELECT event_id, '' AS status FROM scored_readings"
_JOINED = "SELECT event_id, MIN(pairing_status) AS status FROM facility_readings"


def _facility(facility_id: str, parts: Sequence[Part]) -> _Facility:
    wells = WellEvents.concat([part.wells for part in parts])
    tanks = TankReadings.concat([part.tanks for part in parts if len(part.tanks)])
    before = accumulate((len(part.wells) for part in parts), initial=0)
    tank_at = np.concatenate([part.tank_at + start for part, start in zip(parts, before, strict=False)])
    rows = pair(facility_id, JoinState(), wells, tanks, tank_at).rows.pairs
    known = {identity: i for i, identity in reversed(list(enumerate(wells.event_id)))}
    settled = dict.fromkeys(rows.wells.event_id)
    tank_of = {
        identity: rows.tanks.event_id[tank]
        for identity, tank in zip(rows.wells.event_id, rows.tank.tolist(), strict=True)
        if tank >= 0
    }
    # Those without a pair came before the facility's first tank reading, or wait at the end.
    first = known[rows.wells.event_id[0]] if settled else len(wells)
    alone = [i for identity, i in known.items() if identity not in settled]
    order = [
        *sorted(i for i in alone if i < first),
        *(known[identity] for identity in settled),
        *sorted(i for i in alone if i >= first),
    ]
    return _Facility(
        wells,
        tanks,
        [(part.at, line) for part in parts for line in part.well_lines.tolist()],
        [(part.at, line) for part in parts for line in part.tank_lines.tolist()],
        order,
        tank_of,
        set(settled),
    )


def _landed(query: SqlQuery, select: str, facility_id: str, wells: WellEvents) -> dict[str, str]:
    """Identities that a table has of a facility, on the days of some readings, each with its status."""
    if not len(wells):
        return {}
    first, last = (
        f"{datetime.fromtimestamp(int(ms) / 1000, UTC):%Y-%m-%d}"
        for ms in (wells.ts_ms.min(), wells.ts_ms.max())
    )
    name = facility_id.replace("'", "''")
    where = f"facility_id = '{name}' AND date BETWEEN DATE '{first}' AND DATE '{last}'"
    rows = query(f"{select} WHERE {where} GROUP BY event_id")
    return {str(row["event_id"]): str(row["status"]) for row in rows}


def _leave_out_stream(found: Iterable[_Facility], contents: Contents, on_stream: OnStream) -> None:
    """What the stream still holds is not missing. A row without its tank reading is final, though."""
    arrived = [contents.objects[one.well_places[i][0]].arrived for one in found for i in one.missing]
    held = on_stream(min(arrived)) if arrived else ()
    for one in found:
        one.lost.difference_update(held)
        one.unpaired.difference_update(held)


def _missing(facility_id: str, found: _Facility, quarantined: "_Quarantined", texts: Texts) -> Missing:
    """The lines to send, in the order in which the join settled them, each after its tank reading."""
    one = Missing(facility_id)
    tank_places = dict(zip(reversed(found.tanks.event_id), reversed(found.tank_places), strict=True))
    tank_of = {i: found.tank_of.get(found.wells.event_id[i]) for i in found.missing}
    places = [found.well_places[i] for i in found.missing]
    data = texts([*places, *(tank_places[tank] for tank in tank_of.values() if tank is not None)])
    sent: set[str] = set()
    for i, place in zip(found.missing, places, strict=True):
        # A reading of another facility than its record's was rejected, although it looks usable here.
        if data[place] in quarantined:
            continue
        tank = tank_of[i]
        if tank is not None and tank not in sent:
            sent.add(tank)
            one.lines.append(LostLine(data[tank_places[tank]]))
        one.lines.append(LostLine(data[place], well=True))
        counts = one.readings if found.wells.event_id[i] in found.lost else one.pairs
        counts[found.wells.well_id[i], found.wells.source[i]] += 1
    one.tanks = len(sent)
    return one


class _Quarantined:
    """The digests of the lines in `quarantine`; asked for when the first line is looked for."""

    def __init__(self, contents: Contents, query: SqlQuery) -> None:
        self._since = f"{contents.objects[0].arrived:%Y-%m-%d}" if contents.objects else ""
        self._query = query
        self._known: set[str] | None = None

    def __contains__(self, raw: bytes) -> bool:
        if self._known is None:
            rows = self._query(
                f"SELECT DISTINCT raw_sha256 FROM quarantine WHERE date >= DATE '{self._since}'"  # noqa: S608
            )
            self._known = {str(row["raw_sha256"]) for row in rows}
        return sha256(raw).hexdigest() in self._known

    def add(self, raw: bytes) -> None:
        """Note a line that will be there."""
        if raw not in self:
            assert self._known is not None
            self._known.add(sha256(raw).hexdigest())


def _neighbour(contents: Contents, at: int) -> str:
    """A facility that has readings in an object, "unknown" if there is none."""
    for facility_id, parts in contents.parts.items():
        if any(part.at == at for part in parts):
            return facility_id
    return "unknown"
