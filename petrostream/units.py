"""Units a gauge may be set to, and their conversion to the unit of the schema: Pa and degC.

Factors are exact or as in NIST Special Publication 811, appendix B.8.
"""

from typing import NamedTuple

from petrostream.arrays import FloatArray


class Unit(NamedTuple):
    """A unit: a value `x` in it is `factor * x + offset` in the schema's unit."""

    factor: float
    offset: float = 0.0

    def to_si(self, values: FloatArray) -> FloatArray:
        """Convert values in this unit to the schema's: same shape."""
        return self.factor * values + self.offset

    def from_si(self, values: FloatArray) -> FloatArray:
        """Convert values in the schema's unit to this one: same shape."""
        return (values - self.offset) / self.factor


UNITS: dict[str, dict[str, Unit]] = {
    "pressure": {
        "Pa": Unit(1.0),
        "kPa": Unit(1e3),
        "MPa": Unit(1e6),
        "bar": Unit(1e5),
        "psi": Unit(6894.757),
        "kgf/cm2": Unit(98066.5),
    },
    "temperature": {
        "degC": Unit(1.0),
        "degF": Unit(5 / 9, -160 / 9),
        "K": Unit(1.0, -273.15),
    },
}
"""By quantity, every unit that a fleet file may name for a gauge, the schema's own first."""
