"""Units of a well's gauges: as the fleet file says, or as the values themselves suggest.

A fleet file (docs/reference/units.md) names units for the whole fleet and for single wells, by variable or by
quantity; the well's entry comes first, and a variable before its quantity::

    {"units": {"pressure": "bar"}, "wells": {"WELL-00011": {"units": {"p_pdg": "psi"}}}}
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import orjson

from ml.data.dataset import DatasetError, Instance, InstanceFile, read_instance
from petrostream.arrays import BoolArray, FloatArray
from petrostream.readings import likely_units, unit_names, unusual
from petrostream.schema import NAME_OF_THREE_W, SENSOR_INDEX, SENSORS
from petrostream.units import UNITS

DETECT = "detect"
"""What stands for a file of units where they are to be taken from the values."""

_QUANTITY = {sensor.name: str(sensor.quantity) for sensor in SENSORS if sensor.quantity in UNITS}
_NOT_ONE_OF_MANY = 0.01
"""A gauge is in another unit if more than this share of its values is."""

Units = Mapping[str, str]
"""Units by sensor, those of the schema left out."""


class UnitsInvalid(DatasetError):  # noqa: N818 - says what happened
    """The units of a fleet file can't be used."""


@dataclass(frozen=True, slots=True)
class UnitMap:
    """Units of a fleet's gauges.

    Attributes:
        fleet: units of all wells, by sensor or quantity.
        wells: units of single wells, by well, then by sensor or quantity.
    """

    fleet: Units = field(default_factory=dict)
    wells: Mapping[str, Units] = field(default_factory=dict)

    def of(self, well_id: str) -> dict[str, str]:
        """Units of a well by sensor; gauges in the schema's unit are left out."""
        own = self.wells.get(well_id, {})
        found = {}
        for name, quantity in _QUANTITY.items():
            unit = own.get(name) or own.get(quantity) or self.fleet.get(name) or self.fleet.get(quantity)
            if unit is not None and unit != next(iter(UNITS[quantity])):
                found[name] = unit
        return found

    def convert(self, well_id: str, values: FloatArray) -> FloatArray:
        """Convert values to the schema's units: shape (n, 27); the same array if there is nothing to do."""
        return in_schema_units(values, self.of(well_id))


def in_schema_units(values: FloatArray, units: Units, rows: BoolArray | None = None) -> FloatArray:
    """Convert values to the schema's units.

    Args:
        values: shape (n, 27), each column in its unit; NaN where missing. Not modified.
        units: by sensor.
        rows: shape (n, 27), the values to convert; None for all.

    Returns:
        Shape (n, 27). A zero stays one: it is what a dead gauge reports, in any unit.
    """
    if not units:
        return values
    converted = values.copy()
    for name, unit in units.items():
        at = SENSOR_INDEX[name]
        column = converted[:, at]
        chosen = column != 0.0
        if rows is not None:
            chosen &= rows[:, at]
        column[chosen] = UNITS[_QUANTITY[name]][unit].to_si(column[chosen])
    return converted


def read_units(path: Path) -> UnitMap:
    """Read the units of a fleet file; a file that names none has none.

    Raises:
        UnitsInvalid: it can't be read, or names a unit, variable or well that can't be one; the message says
            where, and what is possible.
    """
    try:
        raw = orjson.loads(path.read_bytes())
    except OSError as error:
        raise UnitsInvalid(path, f"can't be read ({error.strerror})") from error
    except orjson.JSONDecodeError as error:
        raise UnitsInvalid(path, f"is not JSON ({error})") from error
    if not isinstance(raw, dict):
        raise UnitsInvalid(path, "is not an object with entries")
    wells = raw.get("wells", {})
    if not isinstance(wells, dict):
        raise UnitsInvalid(path, f"wells: {wells!r} is not an object of wells")
    for place, entry in (("", raw), *((f"wells.{name}.", entry) for name, entry in wells.items())):
        _refuse_misspelt(path, place, entry)
    of_wells = {
        name: _units(path, f"wells.{name}.units", entry["units"])
        for name, entry in wells.items()
        if isinstance(entry, dict) and "units" in entry
    }
    return UnitMap(_units(path, "units", raw.get("units", {})), of_wells)


def _refuse_misspelt(path: Path, place: str, entry: object) -> None:
    for key in entry if isinstance(entry, dict) else ():
        if key != "units" and str(key).lower() in ("unit", "units"):
            raise UnitsInvalid(path, f"{place}{key}: is not read; write units")


def _units(path: Path, place: str, raw: object) -> Units:
    if not isinstance(raw, dict):
        raise UnitsInvalid(path, f'{place}: {raw!r} is not an object such as {{"p_pdg": "psi"}}')
    found: dict[str, str] = {}
    for written, unit in raw.items():
        name = str(NAME_OF_THREE_W.get(written, written))
        quantity = name if name in UNITS else _QUANTITY.get(name, "")
        if not quantity:
            raise UnitsInvalid(path, f"{place}: {_unknown_variable(written)}")
        if not isinstance(unit, str) or unit not in UNITS[quantity]:
            known = ", ".join(UNITS[quantity])
            raise UnitsInvalid(path, f"{place}.{written}: {unit!r} is no unit of a {quantity}; use {known}")
        if name in found:
            raise UnitsInvalid(path, f"{place}: names {name} twice, once as {written}")
        found[name] = unit
    return found


def _unknown_variable(written: str) -> str:
    names = [*UNITS, *_QUANTITY]
    near = difflib.get_close_matches(written.lower().replace("-", "_"), names, n=1)
    text = f"{written!r} is neither a pressure nor a temperature"
    return f"{text}; did you mean {near[0]}?" if near else f"{text}; use {', '.join(names)}"


@dataclass(frozen=True, slots=True, eq=False)
class Apparent:
    """A gauge whose values are apparently in another unit.

    Attributes:
        sensor: its name.
        units: likely units, such as `bar` or `kPa/psi`.
        where: shape (n,), those values.
        example: one of them.
    """

    sensor: str
    units: str
    where: BoolArray
    example: float


def apparent_units(values: FloatArray) -> list[Apparent]:
    """Find gauges of a well that are apparently in another unit, for a part of the time at least.

    Args:
        values: shape (n, 27), as sent, impossible ones included; NaN where missing.
    """
    masks = np.zeros(values.shape, np.int8)
    at = np.flatnonzero(unusual(values))
    masks[at] = likely_units(values[at])
    found = []
    for column in np.flatnonzero(masks.any(axis=0)).tolist():
        where = masks[:, column] > 0
        present = np.count_nonzero(np.isfinite(values[:, column]) & (values[:, column] != 0.0))
        if where.sum() > _NOT_ONE_OF_MANY * present:
            said = masks[where, column]
            shared = int(np.bitwise_and.reduce(said)) or int(np.bitwise_or.reduce(said))
            example = float(np.median(values[where, column]))
            found.append(Apparent(SENSORS[column].name, unit_names(shared), where, example))
    return found


def unit_problems(well_id: str, where: str, values: FloatArray) -> list[str]:
    """One line for each gauge that is apparently in another unit, with what to write into the fleet file.

    Args:
        well_id: the well.
        where: name of the file or source of the values.
        values: shape (n, 27), as sent.
    """
    return [
        f"{where}: {one.sensor} is {one.example:.4g}{_share(one)}, which looks like {one.units}, not "
        f"{_own_unit(one.sensor)}; if it is, set wells.{well_id}.units.{one.sensor} to "
        f"{' or '.join(map(repr, one.units.split('/')))} in the producer's fleet file"
        for one in apparent_units(values)
    ]


def _own_unit(sensor: str) -> str:
    return next(iter(UNITS[_QUANTITY[sensor]]))


def _share(one: Apparent) -> str:
    share = one.where.mean()
    return "" if share > 0.99 else f" in {share:.0%} of the readings"


@dataclass(slots=True)
class UnitRepair:
    """Reads instances with their values converted to the schema's units, and notes what was converted.

    Attributes:
        units: from a fleet file; None to take them from the values themselves.
        done: units by sensor, by the `source` of each instance that was changed.
    """

    units: UnitMap | None
    done: dict[str, dict[str, str]] = field(default_factory=dict)

    def read(self, file: InstanceFile) -> Instance:
        """Read an instance, converted.

        Raises:
            DatasetError: as `ml.data.dataset.read_instance`.
        """
        instance = read_instance(file)
        if self.units is not None:
            units: dict[str, str] = self.units.of(instance.well_id)
            values = in_schema_units(instance.values, units)
        else:
            apparent = [one for one in apparent_units(instance.values) if "/" not in one.units]
            units = {one.sensor: one.units for one in apparent}
            rows = np.zeros(instance.values.shape, np.bool_)
            for one in apparent:
                rows[:, SENSOR_INDEX[one.sensor]] = one.where
            values = in_schema_units(instance.values, units, rows)
        if not units:
            return instance
        self.done[instance.source] = units
        return replace(instance, values=values)

    def lines(self) -> list[str]:
        """What was converted, a line for each instance."""
        how = "as detected" if self.units is None else "as the fleet file says"
        return [f"{source}: {described(units)} converted {how}" for source, units in self.done.items()]


def described(units: Units) -> str:
    """Units by sensor in words: `p_pdg, p_tpt from bar; every temperature from degF`."""
    names: dict[str, list[str]] = {}
    for name, unit in units.items():
        names.setdefault(unit, []).append(name)
    for unit, of in names.items():
        for quantity in UNITS:
            if of == [name for name in _QUANTITY if _QUANTITY[name] == quantity]:
                names[unit] = [f"every {quantity}"]
    return "; ".join(f"{', '.join(of)} from {unit}" for unit, of in names.items())


Reader = Callable[[InstanceFile], Instance]


def unit_repair(option: str | None) -> UnitRepair:
    """The repair that an option asks for: a fleet file or `detect`; None for one that converts nothing.

    Raises:
        UnitsInvalid: the fleet file can't be used.
    """
    if option is None:
        return UnitRepair(UnitMap())
    return UnitRepair(None if option == DETECT else read_units(Path(option)))
