"""Units of the screen: SI or field units, converted by `petrostream.units`."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from petrostream.schema import schema
from petrostream.units import UNITS, Unit

_LABELS = {"degC": "°C", "degF": "°F", "m3/s": "m³/s", "1": "0 shut, 1 open"}


@dataclass(frozen=True, slots=True)
class UnitSystem:
    """Units in which pressures and temperatures are shown; other quantities keep the schema's.

    Attributes:
        name: as the selector shows it.
        pressure, temperature: names of units in `petrostream.units`.
    """

    name: str
    pressure: str
    temperature: str

    def label(self, gauge: str) -> str:
        """Unit of a gauge or headline column, as a heading shows it."""
        shown = {"pressure": self.pressure, "temperature": self.temperature}.get(quantity_of(gauge))
        unit = shown or schema("scored_readings").field(gauge).unit or ""
        return _LABELS.get(unit, unit)

    def values(self, gauge: str, values: pd.Series) -> pd.Series:
        """Values of a gauge, in the schema's unit, in this system's: same index."""
        unit = self._unit(gauge)
        if unit is None:
            return values
        return pd.Series(
            unit.from_si(values.to_numpy(dtype=np.float64)), index=values.index, name=values.name
        )

    def _unit(self, gauge: str) -> Unit | None:
        """The unit in which a gauge is shown; None for the schema's own."""
        quantity = quantity_of(gauge)
        name = {"pressure": self.pressure, "temperature": self.temperature}.get(quantity)
        return None if name is None else UNITS[quantity][name]

    def value(self, gauge: str, value: float | None) -> float | None:
        """One value of a gauge, in the schema's unit, in this system's."""
        unit = self._unit(gauge)
        return value if value is None or unit is None else float(unit.from_si(np.asarray(value)))


SI = UnitSystem("SI (bar, °C)", "bar", "degC")
FIELD = UnitSystem("Field (psi, °F)", "psi", "degF")
SYSTEMS = (SI, FIELD)


def quantity_of(gauge: str) -> str:
    """What a column measures: pressure, temperature, opening, valve_state or flow; empty for others."""
    if gauge in {"pressure", "temperature"}:
        return gauge
    return schema("scored_readings").field(gauge).quantity or ""
