"""Writes a model in TMDL, the Tabular Model Definition Language, as Power BI Desktop lays it out.

Tabs indent; a name that is no identifier stands in single quotes; an expression of several lines begins below
its object, two levels deeper.
https://learn.microsoft.com/analysis-services/tmdl/tmdl-overview
"""

import json
import re
from collections.abc import Iterator

from tools.powerbi.model import (
    Measure,
    Model,
    ModelColumn,
    ModelTable,
    Parameter,
    RefreshPolicy,
    Relationship,
    identity,
)

_PLAIN = re.compile(r"[A-Za-z_]\w*", re.ASCII)


def name(text: str) -> str:
    """A name as TMDL and DAX write it."""
    return text if _PLAIN.fullmatch(text) else "'" + text.replace("'", "''") + "'"


def files(model: Model) -> dict[str, str]:
    """The files of the folder `definition`, by path."""
    found = {
        "database.tmdl": ["database", "\tcompatibilityLevel: 1600"],
        "model.tmdl": _model(model),
        "expressions.tmdl": _parameters(model.parameters),
        "relationships.tmdl": _relationships(model.relationships),
    }
    tables = {f"tables/{table.name}.tmdl": list(_table(table)) for table in model.tables}
    return {path: "\n".join(lines).rstrip("\n") + "\n" for path, lines in (found | tables).items()}


def _model(model: Model) -> list[str]:
    order = [*(parameter.name for parameter in model.parameters), *(table.name for table in model.tables)]
    return [
        "model Model",
        "\tculture: en-US",
        "\tdefaultPowerBIDataSourceVersion: powerBI_V3",
        "\tdiscourageImplicitMeasures",
        "\tsourceQueryCulture: en-US",
        "\tdataAccessOptions",
        "\t\tlegacyRedirects",
        "\t\treturnErrorValuesAsNull",
        "",
        "annotation __PBI_TimeIntelligenceEnabled = 0",
        "",
        f"annotation PBI_QueryOrder = {json.dumps(order)}",
        "",
        *(f"ref table {name(table.name)}" for table in model.tables),
    ]


def _parameters(parameters: tuple[Parameter, ...]) -> list[str]:
    lines = []
    for parameter in parameters:
        meta = f'meta [IsParameterQuery=true, Type="{parameter.type}", IsParameterQueryRequired=true]'
        lines += [
            f"/// {parameter.description}",
            f"expression {parameter.name} = {parameter.value} {meta}",
            f"\tlineageTag: {identity('expression', parameter.name)}",
            "",
            f"\tannotation PBI_ResultType = {parameter.type}",
            "",
        ]
    return lines


def _relationships(relationships: tuple[Relationship, ...]) -> list[str]:
    lines = []
    for relationship in relationships:
        ends = (*relationship.many, *relationship.one)
        many, one = (
            f"{name(table)}.{name(column)}" for table, column in (relationship.many, relationship.one)
        )
        tag = identity("relationship", *ends)
        lines += [f"relationship {tag}", f"\tfromColumn: {many}", f"\ttoColumn: {one}", ""]
    return lines


def _table(table: ModelTable) -> Iterator[str]:
    yield f"/// {table.description}"
    yield f"table {name(table.name)}"
    yield f"\tlineageTag: {identity('table', table.name)}"
    if table.is_calendar:
        yield "\tdataCategory: Time"
    yield ""
    if table.policy is not None:
        yield from _policy(table.policy, table.query)
    for measure in table.measures:
        yield from _measure(table, measure)
    for column in table.columns:
        yield from _column(table, column)
    if table.hierarchy:
        yield from _hierarchy(table)
    yield f"\tpartition {name(table.name)} = m"
    yield "\t\tmode: import"
    yield "\t\tsource ="
    yield from _indented(table.query, 4)
    yield ""
    yield "\tannotation PBI_ResultType = Table"


def _policy(policy: RefreshPolicy, query: str) -> Iterator[str]:
    yield "\trefreshPolicy"
    yield "\t\tpolicyType: basic"
    yield f"\t\trollingWindowGranularity: {policy.period}"
    yield f"\t\trollingWindowPeriods: {policy.kept}"
    yield "\t\tincrementalGranularity: day"
    yield f"\t\tincrementalPeriods: {policy.refreshed_days}"
    yield "\t\tsourceExpression ="
    yield from _indented(query, 4)
    yield ""


def _measure(table: ModelTable, measure: Measure) -> Iterator[str]:
    yield f"\t/// {measure.description}"
    if "\n" in measure.expression:
        yield f"\tmeasure {name(measure.name)} ="
        yield from _indented(measure.expression, 3)
    else:
        yield f"\tmeasure {name(measure.name)} = {measure.expression}"
    yield f"\t\tformatString: {measure.format}"
    yield f"\t\tdisplayFolder: {measure.folder}"
    yield f"\t\tlineageTag: {identity('measure', table.name, measure.name)}"
    yield ""


def _column(table: ModelTable, column: ModelColumn) -> Iterator[str]:
    yield f"\t/// {column.description}"
    yield f"\tcolumn {name(column.name)}"
    yield f"\t\tdataType: {column.type}"
    if column.hidden:
        yield "\t\tisHidden"
    if column.key:
        yield "\t\tisKey"
    if column.format is not None:
        yield f"\t\tformatString: {column.format}"
    yield f"\t\tlineageTag: {identity('column', table.name, column.name)}"
    yield "\t\tsummarizeBy: none"
    yield f"\t\tsourceColumn: {column.source}"
    if column.sort_by is not None:
        yield f"\t\tsortByColumn: {name(column.sort_by)}"
    yield ""
    yield "\t\tannotation SummarizationSetBy = User"
    yield ""
    if column.date_only:
        yield "\t\tannotation UnderlyingDateTimeDataType = Date"
        yield ""


def _hierarchy(table: ModelTable) -> Iterator[str]:
    yield "\thierarchy Calendar"
    yield f"\t\tlineageTag: {identity('hierarchy', table.name)}"
    yield ""
    for level in table.hierarchy:
        yield f"\t\tlevel {name(level)}"
        yield f"\t\t\tlineageTag: {identity('level', table.name, level)}"
        yield f"\t\t\tcolumn: {name(level)}"
        yield ""


def _indented(text: str, tabs: int) -> Iterator[str]:
    for line in text.splitlines():
        yield "\t" * tabs + line
