"""Types of Athena's dialect (Trino's), and the rules by which expressions get theirs.

Sources: Trino's documentation, "Data types", "Decimal functions and operators" and "Aggregate functions".
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

from sqlglot import exp

UNBOUNDED = -1
_MAX_PRECISION = 38


@dataclass(frozen=True, slots=True)
class SqlType:
    """A type by its name.

    Attributes:
        name: as Trino spells it, without arguments: `bigint`, `decimal`, `timestamp with time zone`.
        precision: digits of a decimal; characters of a varchar, -1 where unbounded.
        scale: digits after the point of a decimal.
        inner: element of an array; key and value of a map; fields of a row.
    """

    name: str
    precision: int = 0
    scale: int = 0
    inner: tuple["SqlType | None", ...] = ()

    def __str__(self) -> str:
        if self.name == "decimal":
            return f"decimal({self.precision}, {self.scale})"
        if self.name == "varchar" and self.precision != UNBOUNDED:
            return f"varchar({self.precision})"
        if self.name in {"array", "map"}:
            return f"{self.name}({', '.join(str(part) if part else 'unknown' for part in self.inner)})"
        return self.name


BOOLEAN = SqlType("boolean")
INTEGER = SqlType("integer")
BIGINT = SqlType("bigint")
REAL = SqlType("real")
DOUBLE = SqlType("double")
VARCHAR = SqlType("varchar", UNBOUNDED)
DATE = SqlType("date")
TIMESTAMP = SqlType("timestamp")
TIMESTAMP_TZ = SqlType("timestamp with time zone")
UNKNOWN = SqlType("unknown")
"""Type of NULL: it becomes any other."""

_DIGITS = {"tinyint": 3, "smallint": 5, "integer": 10, "bigint": 19}
_INTEGERS = tuple(_DIGITS)
_FLOATS = ("real", "double")

_NAMES = {
    "BOOLEAN": "boolean", "TINYINT": "tinyint", "SMALLINT": "smallint", "INT": "integer", "BIGINT": "bigint",
    "FLOAT": "real", "DOUBLE": "double", "VARBINARY": "varbinary", "BINARY": "varbinary", "JSON": "json",
    "DATE": "date", "TIME": "time", "TIMETZ": "time with time zone", "TIMESTAMP": "timestamp",
    "TIMESTAMPNTZ": "timestamp", "TIMESTAMPTZ": "timestamp with time zone", "STRUCT": "row", "UUID": "uuid",
}  # fmt: skip


def of_data_type(kind: exp.DataType) -> SqlType | None:
    """The type a parsed type stands for; None for one that is not Athena's."""
    arguments = [part.this for part in kind.expressions if isinstance(part, exp.DataTypeParam)]
    numbers = [int(part.name) for part in arguments if part.name.isdigit()]
    name = str(getattr(kind.this, "value", kind.this)).upper()
    if name == "DECIMAL":
        precision, scale = [*numbers, *([_MAX_PRECISION, 0][len(numbers) :])]
        return SqlType("decimal", precision, scale)
    if name in {"VARCHAR", "TEXT"}:
        return SqlType("varchar", numbers[0] if numbers else UNBOUNDED)
    if name == "CHAR":
        return SqlType("char", numbers[0] if numbers else 1)
    if name in {"ARRAY", "MAP"}:
        inner = tuple(of_data_type(part) for part in kind.expressions if isinstance(part, exp.DataType))
        return SqlType(name.lower(), inner=inner)
    return SqlType(_NAMES[name]) if name in _NAMES else None


@cache
def of_text(text: str, dialect: str = "hive") -> SqlType | None:
    """The type of a column of the Glue catalogue, for example `array<string>`."""
    return of_data_type(exp.DataType.build(text, dialect=dialect))


def is_integer(kind: SqlType | None) -> bool:
    """Whether it is a whole number's type."""
    return kind is not None and kind.name in _INTEGERS


def is_decimal(kind: SqlType | None) -> bool:
    """Whether it is a decimal."""
    return kind is not None and kind.name == "decimal"


def is_float(kind: SqlType | None) -> bool:
    """Whether it is double or real: arithmetic with one such side is floating-point."""
    return kind is not None and kind.name in _FLOATS


def is_number(kind: SqlType | None) -> bool:
    """Whether arithmetic applies to it."""
    return is_integer(kind) or is_decimal(kind) or is_float(kind)


def as_decimal(kind: SqlType) -> SqlType:
    """The decimal that a whole number is taken for beside a decimal."""
    return kind if kind.name == "decimal" else SqlType("decimal", _DIGITS[kind.name], 0)


def arithmetic(operator: str, left: SqlType | None, right: SqlType | None) -> SqlType | None:
    """Type of `left operator right` for + - * / %; None where either is not known.

    Args:
        operator: one of `+ - * / %`.
        left: type of the left side.
        right: type of the right side.
    """
    if left is None or right is None:
        return None
    if UNKNOWN in (left, right):
        return right if left == UNKNOWN else left
    if not (is_number(left) and is_number(right)):
        return _moment(left, right)
    if is_float(left) or is_float(right):
        return DOUBLE if "double" in {left.name, right.name} else REAL
    if is_integer(left) and is_integer(right):
        return max(left, right, key=lambda kind: _INTEGERS.index(kind.name))
    return _decimal(operator, as_decimal(left), as_decimal(right))


def _decimal(operator: str, x: SqlType, y: SqlType) -> SqlType:
    scale = max(x.scale, y.scale)
    whole = max(x.precision - x.scale, y.precision - y.scale)
    if operator == "*":
        precision, scale = x.precision + y.precision, x.scale + y.scale
    elif operator == "/":
        precision = x.precision + y.scale + max(y.scale - x.scale, 0)
    elif operator == "%":
        precision = min(x.precision - x.scale, y.precision - y.scale) + scale
    else:
        precision = whole + scale + 1
    return SqlType("decimal", min(_MAX_PRECISION, precision), scale)


def _moment(left: SqlType, right: SqlType) -> SqlType | None:
    """A date or time and an interval make a date or time."""
    for one, other in ((left, right), (right, left)):
        if one.name.startswith(("date", "time")) and other.name.startswith("interval"):
            return one
    if left.name.startswith(("date", "time")) and right.name.startswith(("date", "time")):
        return SqlType("interval day to second")
    return left if left == right else None


def common(kinds: Iterable[SqlType | None]) -> SqlType | None:
    """The type that values of several types take in one column; None where it is not known."""
    found: SqlType | None = UNKNOWN
    for kind in kinds:
        found = _common(found, kind)
    return found


def _common(left: SqlType | None, right: SqlType | None) -> SqlType | None:
    if left is None or right is None:
        return None
    if right in (left, UNKNOWN):
        return left
    if left == UNKNOWN:
        return right
    if is_number(left) and is_number(right):
        return _common_number(left, right)
    return _common_other(left, right)


def _common_number(left: SqlType, right: SqlType) -> SqlType | None:
    if not (is_decimal(left) or is_decimal(right)):
        return arithmetic("+", left, right)
    if is_float(left) or is_float(right):
        return right if is_float(right) else left
    return _wider(left, right)


def _common_other(left: SqlType, right: SqlType) -> SqlType | None:
    names = {left.name, right.name}
    if names == {"varchar"}:
        unbounded = UNBOUNDED in (left.precision, right.precision)
        return VARCHAR if unbounded else max(left, right, key=lambda kind: kind.precision)
    if names == {"array"}:
        return SqlType("array", inner=(_common(left.inner[0], right.inner[0]),))
    if names <= {"date", "timestamp", "timestamp with time zone"}:
        return TIMESTAMP_TZ if TIMESTAMP_TZ.name in names else TIMESTAMP
    return None


def _wider(left: SqlType, right: SqlType) -> SqlType:
    x, y = as_decimal(left), as_decimal(right)
    scale = max(x.scale, y.scale)
    whole = max(x.precision - x.scale, y.precision - y.scale)
    return SqlType("decimal", min(_MAX_PRECISION, whole + scale), scale)


def summed(kind: SqlType | None) -> SqlType | None:
    """Type of SUM over a column."""
    if is_integer(kind):
        return BIGINT
    return SqlType("decimal", _MAX_PRECISION, kind.scale) if kind and is_decimal(kind) else kind


def averaged(kind: SqlType | None) -> SqlType | None:
    """Type of AVG over a column: of decimals a decimal of the same scale."""
    return DOUBLE if is_integer(kind) else kind


def rounded(kind: SqlType | None, *, places: bool) -> SqlType | None:
    """Type of ROUND, with or without a number of places, and of FLOOR and CEILING without."""
    if kind is None or not is_decimal(kind):
        return kind
    if places:
        return SqlType("decimal", min(_MAX_PRECISION, kind.precision + 1), kind.scale)
    return SqlType("decimal", max(1, kind.precision - kind.scale + min(kind.scale, 1)), 0)
