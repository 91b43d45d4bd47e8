"""The semantic model: its grammar, and every name in it."""

import json
import re

import pytest

from tests.support import dax, mquery, tmdl
from tools.powerbi import project
from tools.powerbi.views import columns_of

DEFINITION = project.FOLDER / f"{project.NAME}.SemanticModel" / "definition"
FILES = sorted(DEFINITION.rglob("*.tmdl"))
PARSED = {path: tmdl.parse(path.read_text(encoding="utf-8")) for path in FILES}
OBJECTS = [node for nodes in PARSED.values() for node in nodes]
TABLES = {node.name: node for node in OBJECTS if node.kind == "table"}
PARAMETERS = {node.name: node for node in OBJECTS if node.kind == "expression"}
COLUMNS = {(name, column.name): column for name, table in TABLES.items() for column in table.all("column")}
MEASURES = {
    measure.name: (name, measure) for name, table in TABLES.items() for measure in table.all("measure")
}
FROM_SQL = sorted(set(TABLES) - {"Dates"})
RANGE = {"RangeStart": "2026-11-01", "RangeEnd": "2026-12-01"}
M_TYPES = {
    "string": {"type text"}, "int64": {"Int64.Type"}, "double": {"type number"},
    "dateTime": {"type date", "type datetime"},
}  # fmt: skip


def source(table):
    (partition,) = TABLES[table].all("partition")
    return partition.properties["source"]


def test_every_file_is_tmdl_and_holds_what_its_name_says():
    assert len(FILES) == len(TABLES) + 4
    kinds = {path.name: {node.kind for node in nodes} for path, nodes in PARSED.items()}
    assert kinds.pop("database.tmdl") == {"database"}
    assert kinds.pop("model.tmdl") == {"model", "annotation", "ref"}
    assert kinds.pop("expressions.tmdl") == {"expression"}
    assert kinds.pop("relationships.tmdl") == {"relationship"}
    assert set(map(tuple, kinds.values())) == {("table",)}
    assert {path.stem for path in FILES if path.parent.name == "tables"} == TABLES.keys()


def test_the_model_names_each_table_once():
    assert sorted(node.name for node in OBJECTS if node.kind == "ref") == sorted(TABLES)


def test_every_lineage_tag_is_one_object_s():
    def tags(node):
        yield from [node.properties["lineageTag"]] if "lineageTag" in node.properties else []
        for child in node.children:
            yield from tags(child)

    found = [tag for node in OBJECTS for tag in tags(node)]
    assert len(found) == len(set(found)) > 150


def test_names_differ_by_more_than_capitals():
    measures = [measure.casefold() for measure in MEASURES]
    assert len(measures) == len(set(measures))
    for name, table in TABLES.items():
        names = [node.name.casefold() for node in (*table.all("column"), *table.all("measure"))]
        assert len(names) == len(set(names)), name


def test_everything_a_person_sees_is_described():
    for name, table in TABLES.items():
        assert table.description, name
        assert [
            node.name for node in (*table.all("column"), *table.all("measure")) if not node.description
        ] == []


def test_each_relationship_leads_from_a_fact_to_a_key_and_no_two_ways_lead_to_one_table():
    ways = {}
    for node in OBJECTS:
        if node.kind != "relationship":
            continue
        ends = [
            tuple(tmdl.unquoted(part) for part in re.findall(tmdl._NAME, str(node.properties[end])))
            for end in ("fromColumn", "toColumn")
        ]
        many, one = (COLUMNS[end] for end in ends)
        assert one.properties.get("isKey") is True
        assert many.properties["dataType"] == one.properties["dataType"]
        ways.setdefault(ends[0][0], []).append(ends[1][0])
    facts = {name for name in TABLES if name not in {"Dates", "Wells", "Facilities"}}
    assert facts <= ways.keys()
    for start, first in ways.items():
        reached, ahead = [], list(first)
        while ahead:
            table = ahead.pop()
            reached.append(table)
            ahead += ways.get(table, [])
        assert len(reached) == len(set(reached)), f"{start} reaches a table in two ways: {reached}"


@pytest.mark.parametrize("name", sorted(MEASURES))
def test_a_measure_is_dax_and_names_what_there_is(name):
    _, measure = MEASURES[name]
    dax.check(measure.expression)
    found = list(dax.references(measure.expression))
    assert found
    for of_table, column in found:
        if of_table is None:
            assert column in MEASURES, column
            assert column != name
        elif column is None:
            assert of_table in TABLES, of_table
        else:
            assert (of_table, column) in COLUMNS, (of_table, column)


def test_no_measure_is_made_of_itself():
    made_of = {
        name: {column for table, column in dax.references(measure.expression) if table is None}
        for name, (_, measure) in MEASURES.items()
    }
    settled = set()
    while True:
        ready = {name for name, parts in made_of.items() if name not in settled and parts <= settled}
        if not ready:
            break
        settled |= ready
    assert settled == made_of.keys()


@pytest.mark.parametrize("name", sorted(TABLES))
def test_a_table_s_m_knows_every_name_it_uses(name):
    assert mquery.known_names(source(name), set(PARAMETERS)) == set()


@pytest.mark.parametrize("name", FROM_SQL)
def test_a_table_has_the_columns_of_its_query_in_their_types(name):
    columns = columns_of(mquery.sql(source(name), RANGE))
    listed = {node.properties["sourceColumn"]: node for node in TABLES[name].all("column")}
    assert list(listed) == list(columns)
    types = mquery.typed(source(name))
    assert list(types) == list(columns)
    for source_name, column in columns.items():
        kind = listed[source_name].properties["dataType"]
        assert kind == column.data_type
        assert types[source_name] == column.m_type
        assert types[source_name] in M_TYPES[str(kind)]
        date_only = any(note.name == "UnderlyingDateTimeDataType" for note in listed[source_name].children)
        assert date_only == (column.sql_type == "date")


def test_the_calendar_has_the_columns_its_steps_add():
    added = re.findall(r'Table\.AddColumn\(\s*\w+, "(\w+)"', source("Dates"))
    listed = [node.properties["sourceColumn"] for node in TABLES["Dates"].all("column")]
    assert listed == ["Date", *added]
    names = {node.name for node in TABLES["Dates"].all("column")}
    for node in TABLES["Dates"].all("column"):
        assert node.properties.get("sortByColumn", "'Month number'") == "'Month number'"
    (hierarchy,) = TABLES["Dates"].all("hierarchy")
    assert {tmdl.unquoted(str(level.properties["column"])) for level in hierarchy.all("level")} <= names


@pytest.mark.parametrize("name", FROM_SQL)
def test_every_query_of_growing_data_names_its_days(name):
    text = mquery.sql(source(name), RANGE)
    dated = "\"date\" >= DATE '2026-11-01' AND \"date\" < DATE '2026-12-01'"
    assert dated in text or "recent_" in text


@pytest.mark.parametrize("name", [name for name in FROM_SQL if TABLES[name].all("refreshPolicy")])
def test_a_refresh_of_some_days_asks_what_the_whole_asks(name):
    (policy,) = TABLES[name].all("refreshPolicy")
    assert policy.properties["sourceExpression"] == source(name)
    assert {"RangeStart", "RangeEnd"} <= {token for _, token in mquery.tokens(source(name))}


def test_facts_are_refreshed_by_day():
    assert {name for name in TABLES if TABLES[name].all("refreshPolicy")} == {
        *("Well days", "Well hours", "Facility days", "Alarms", "Data faults", "Baseline drift")
    }


def test_parameters_are_what_power_bi_takes_for_parameters():
    assert PARAMETERS.keys() == {"DSN", "RangeStart", "RangeEnd"}
    for node in PARAMETERS.values():
        assert re.fullmatch(
            r'("\w+"|#datetime\(\d{4}, 1, 1, 0, 0, 0\)) '
            r'meta \[IsParameterQuery=true, Type="(Text|DateTime)", IsParameterQueryRequired=true\]',
            node.expression,
        )


def test_annotations_are_those_of_power_bi_desktop():
    known = {
        "PBI_ResultType": {"Text", "DateTime", "Table"}, "SummarizationSetBy": {"User"},
        "UnderlyingDateTimeDataType": {"Date"}, "__PBI_TimeIntelligenceEnabled": {"0"},
    }  # fmt: skip

    def annotations(nodes):
        for node in nodes:
            yield from [node] if node.kind == "annotation" else annotations(node.children)

    found = [node for node in annotations(OBJECTS) if node.name != "PBI_QueryOrder"]
    assert {node.name for node in found} == known.keys()
    assert [node for node in found if node.expression not in known[node.name]] == []
    (order,) = (node for node in OBJECTS if node.name == "PBI_QueryOrder")
    assert sorted(json.loads(order.expression)) == sorted([*TABLES, *PARAMETERS])
