"""What a semantic model consists of."""

import uuid
from dataclasses import dataclass, field
from typing import Literal

DataType = Literal["string", "int64", "double", "dateTime", "boolean"]

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "petrostream/powerbi")


def identity(*parts: str) -> str:
    """The lineage tag of an object: the same for the same names, so that a report keeps its references."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(parts)))


@dataclass(frozen=True, slots=True)
class ModelColumn:
    """A column of a table.

    Attributes:
        name: as the report shows it.
        source: its name in the result of the table's query.
        type: of its values.
        description: what it means, with the unit.
        format: how values are shown.
        hidden: whether it serves measures and relationships only.
        key: whether it identifies the table's rows.
        sort_by: name of the column that orders its values.
        date_only: whether a dateTime has no time of day.
    """

    name: str
    source: str
    type: DataType
    description: str
    format: str | None = None
    hidden: bool = False
    key: bool = False
    sort_by: str | None = None
    date_only: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure computed from rows: name, DAX expression, format, description and folder."""

    name: str
    expression: str
    format: str
    description: str
    folder: str


@dataclass(frozen=True, slots=True)
class RefreshPolicy:
    """How much of a table is kept, and how much of it a refresh reads again.

    Attributes:
        kept: number of periods.
        period: of which length.
        refreshed_days: days that a refresh reads again; late readings belong to one of them.
    """

    kept: int
    period: Literal["month", "year"]
    refreshed_days: int


@dataclass(frozen=True, slots=True)
class ModelTable:
    """A table: its columns, the M expression that loads it, its measures."""

    name: str
    description: str
    columns: tuple[ModelColumn, ...]
    query: str
    measures: tuple[Measure, ...] = ()
    policy: RefreshPolicy | None = None
    hierarchy: tuple[str, ...] = field(default=())
    is_calendar: bool = False

    def column(self, name: str) -> ModelColumn:
        """The column of that name.

        Raises:
            KeyError: it has none.
        """
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"table {self.name} has no column {name}")


@dataclass(frozen=True, slots=True)
class Relationship:
    """Many rows of one table belong to one row of another; each end is a table and a column of it."""

    many: tuple[str, str]
    one: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A value that whoever opens the project sets: name, M literal, M type and what it is."""

    name: str
    value: str
    type: Literal["Text", "DateTime"]
    description: str


@dataclass(frozen=True, slots=True)
class Model:
    """A semantic model."""

    parameters: tuple[Parameter, ...]
    tables: tuple[ModelTable, ...]
    relationships: tuple[Relationship, ...]

    def table(self, name: str) -> ModelTable:
        """The table of that name.

        Raises:
            KeyError: there is none.
        """
        for table in self.tables:
            if table.name == name:
                return table
        raise KeyError(f"the model has no table {name}")
