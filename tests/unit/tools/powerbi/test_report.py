"""The report: Microsoft's schemas, every reference against the model, and the place of every visual."""

import json

import pytest

from tests.support.paths import POWERBI_SCHEMAS
from tests.unit.tools.powerbi.test_model import COLUMNS, MEASURES, TABLES
from tools.powerbi import project

REPORT = project.FOLDER / f"{project.NAME}.Report"
PAGES = REPORT / "definition" / "pages"
JSON_FILES = sorted(
    path
    for path in project.FOLDER.rglob("*")
    if (path.suffix in {".json", ".pbip", ".pbir", ".pbism"} or path.name == ".platform")
    and "RegisteredResources" not in path.parts  # themes name no schema
)
VISUALS = sorted(PAGES.glob("*/visuals/*/visual.json"))
TITLES = [
    "Executive Overview",
    "Wells",
    "Facilities",
    "Alarms",
    "Data Quality",
    "Detector",
    "Trends by Month and Year",
]
ROLES = {
    "card": ({"Values"}, set()), "slicer": ({"Values"}, set()), "tableEx": ({"Values"}, set()),
    "lineChart": ({"Category", "Y"}, {"Series"}), "columnChart": ({"Category", "Y"}, {"Series"}),
    "barChart": ({"Category", "Y"}, {"Series"}), "pivotTable": ({"Rows", "Values"}, {"Columns"}),
}  # fmt: skip
"""Roles of Power BI's visuals: those each needs, and those it may have."""


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


def name_of(path):
    return str(path.relative_to(project.FOLDER))


@pytest.mark.skipif(not POWERBI_SCHEMAS.is_dir(), reason=f"Microsoft's schemas are not at {POWERBI_SCHEMAS}")
@pytest.mark.parametrize("path", JSON_FILES, ids=name_of)
def test_a_file_is_as_microsoft_s_schema_has_it(path):
    jsonschema = pytest.importorskip("jsonschema")
    from referencing import Registry, Resource

    schemas = [json.loads(file.read_text(encoding="utf-8")) for file in POWERBI_SCHEMAS.rglob("*.json")]
    registry = Registry()
    for schema, file in zip(schemas, POWERBI_SCHEMAS.rglob("*.json"), strict=True):
        # A reference names the file; two files' own $id is spelt otherwise.
        address = (
            "https://developer.microsoft.com/json-schemas/" + file.relative_to(POWERBI_SCHEMAS).as_posix()
        )
        registry = registry.with_resource(address, Resource.from_contents(schema | {"$id": address}))
    content = load(path)
    schema = registry[content["$schema"]].contents
    errors = jsonschema.Draft7Validator(schema, registry=registry).iter_errors(content)
    assert [f"{'/'.join(map(str, error.path))}: {error.message}" for error in errors] == []


def references(content):
    """Kind, table and name of every field in a file."""
    if isinstance(content, dict):
        for kind in ("Column", "Measure"):
            if kind in content:
                yield kind, content[kind]["Expression"]["SourceRef"]["Entity"], content[kind]["Property"]
        for value in content.values():
            yield from references(value)
    elif isinstance(content, list):
        for value in content:
            yield from references(value)


@pytest.mark.parametrize("path", VISUALS, ids=name_of)
def test_a_visual_shows_what_the_model_has(path):
    found = list(references(load(path)))
    assert found
    for kind, table, name in found:
        if kind == "Measure":
            assert MEASURES[name][0] == table
        else:
            assert (table, name) in COLUMNS
            assert "isHidden" not in COLUMNS[table, name].properties


@pytest.mark.parametrize("path", VISUALS, ids=name_of)
def test_a_visual_has_its_roles_a_name_a_title_and_references_by_their_names(path):
    content = load(path)
    visual = content["visual"]
    assert content["name"] == path.parent.name
    assert len(content["name"]) <= 50
    required, optional = ROLES[visual["visualType"]]
    state = visual["query"]["queryState"]
    assert required <= state.keys() <= required | optional
    for role in state.values():
        assert role["projections"]
        for projection in role["projections"]:
            ((_, table, name),) = references(projection["field"])
            assert projection["queryRef"] == f"{table}.{name}"
            assert projection["nativeQueryRef"] == name
    (title,) = visual["visualContainerObjects"]["title"]
    assert title["properties"]["text"]["expr"]["Literal"]["Value"].strip("'")


@pytest.mark.parametrize("path", VISUALS, ids=name_of)
def test_implicit_sums_are_refused_so_values_are_measures(path):
    state = load(path)["visual"]["query"]["queryState"]
    values = [reference for role in ("Y",) for reference in references(state.get(role, {}))]
    values += list(references(state["Values"])) if load(path)["visual"]["visualType"] == "pivotTable" else []
    assert {kind for kind, _, _ in values} <= {"Measure"}


def test_the_pages_are_there_in_order():
    order = load(PAGES / "pages.json")["pageOrder"]
    assert sorted(order) == sorted(folder.name for folder in PAGES.iterdir() if folder.is_dir())
    pages = [load(PAGES / name / "page.json") for name in order]
    assert [page["displayName"] for page in pages] == TITLES
    assert [page["name"] for page in pages] == order


@pytest.mark.parametrize("page", sorted(folder.name for folder in PAGES.iterdir() if folder.is_dir()))
def test_visuals_lie_on_the_page_and_not_on_each_other(page):
    size = load(PAGES / page / "page.json")
    boxes = [load(path)["position"] for path in (PAGES / page / "visuals").glob("*/visual.json")]
    assert len(boxes) >= 9
    for box in boxes:
        assert box["x"] >= 0
        assert box["y"] >= 0
        assert box["x"] + box["width"] <= size["width"]
        assert box["y"] + box["height"] <= size["height"]
    for place, one in enumerate(boxes):
        for other in boxes[place + 1 :]:
            beside = one["x"] + one["width"] <= other["x"] or other["x"] + other["width"] <= one["x"]
            below = one["y"] + one["height"] <= other["y"] or other["y"] + other["height"] <= one["y"]
            assert beside or below
    assert len({box["tabOrder"] for box in boxes}) == len(boxes)


def test_every_measure_and_visible_column_of_a_fact_is_shown_somewhere_or_by_hand():
    shown = {(table, name) for path in VISUALS for _, table, name in references(load(path))}
    by_hand = {"Hourly highest risk", "Hourly anomalies", "Outdated hours"}
    unused = {measure for measure, (table, _) in MEASURES.items() if (table, measure) not in shown}
    used_by_measures = {
        name for name in unused if any(f"[{name}]" in measure.expression for _, measure in MEASURES.values())
    }
    assert unused - used_by_measures == by_hand
    assert {table for table, _ in shown} >= TABLES.keys() - {"Data faults"}


def test_paths_between_the_parts_exist():
    report = load(project.FOLDER / f"{project.NAME}.pbip")["artifacts"][0]["report"]["path"]
    definition = load(project.FOLDER / report / "definition.pbir")
    assert (
        project.FOLDER / report / definition["datasetReference"]["byPath"]["path"] / "definition.pbism"
    ).is_file()
    (package,) = load(REPORT / "definition" / "report.json")["resourcePackages"]
    for item in package["items"]:
        assert (REPORT / "StaticResources" / package["name"] / item["path"]).is_file()
