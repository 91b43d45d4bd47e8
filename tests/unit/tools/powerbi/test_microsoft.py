"""Microsoft's own reader of TMDL and parser of M accept the model. `make powerbi-check` installs them."""

import json
import os
import shutil
import subprocess

import pytest

from tests.support.paths import ROOT
from tests.unit.tools.powerbi.test_model import COLUMNS, DEFINITION, MEASURES, PARAMETERS, TABLES
from toolchain.node import find_node

PARSER = ROOT / "tools" / "powerquery"
PYTHON = ROOT / ".venv-tmdl" / "bin" / "python"
REQUIRED = "PETROSTREAM_TMDL"
"""Set by `make powerbi-check`: a reader that is missing is then a failure."""


def run(definition):
    if not PYTHON.exists():
        reason = "Microsoft's library is not installed: make powerbi-check does that, into .venv-tmdl"
        if os.environ.get(REQUIRED):
            pytest.fail(reason)
        pytest.skip(reason)
    command = [str(PYTHON), "tools/powerbi/microsoft.py", str(definition)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def lines(text):
    return [line.rstrip() for line in text.strip().splitlines()]


def test_the_reader_has_every_table_column_measure_and_relationship():
    result = run(DEFINITION)
    assert result.returncode == 0, result.stderr[-2000:]
    found = json.loads(result.stdout)
    assert found["tables"].keys() == TABLES.keys()
    for name, table in found["tables"].items():
        columns = {
            column: node.properties["dataType"] for (of, column), node in COLUMNS.items() if of == name
        }
        assert {column: kind[0].lower() + kind[1:] for column, kind in table["columns"].items()} == columns
        measures = {key: lines(node.expression) for key, (of, node) in MEASURES.items() if of == name}
        assert {key: lines(expression) for key, expression in table["measures"].items()} == measures
        (partition,) = TABLES[name].all("partition")
        assert [lines(one) for one in table["sources"]] == [lines(partition.properties["source"])]
        assert (table["refreshed"] is None) == (not TABLES[name].all("refreshPolicy"))
        assert table["refreshed"] is None or lines(table["refreshed"]) == lines(
            partition.properties["source"]
        )
    assert len(found["relationships"]) == 14
    assert set(found["parameters"]) == PARAMETERS.keys()


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("tables/Alarms.tmdl", "dataType: string", "dataType: text"),
        ("tables/Alarms.tmdl", "summarizeBy: none", "sumBy: none"),
        ("tables/Wells.tmdl", "\tcolumn Well\n", "\tcolumn The Well\n"),
        ("relationships.tmdl", "toColumn: Wells.Well", "toColumn: Wells.Wall"),
    ],
)
def test_the_reader_refuses_what_is_wrong(tmp_path, file, old, new):
    copy = shutil.copytree(DEFINITION, tmp_path / "definition")
    text = (copy / file).read_text(encoding="utf-8")
    assert old in text
    (copy / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    result = run(copy)
    assert result.returncode != 0
    assert "TmdlSerializer" in result.stderr


@pytest.fixture(scope="module")
def parsed():
    """What Microsoft's parser of M says of each expression of the model, and of one that is none."""
    if not (PARSER / "node_modules").is_dir():
        if not os.environ.get(REQUIRED):
            pytest.skip("Microsoft's parser of M is not installed: make powerbi-check does that")
        npm = find_node(lambda _: None).npm
        subprocess.run([*npm, "ci", "--loglevel=error"], cwd=PARSER, check=True, timeout=300)
    texts = {name: table.all("partition")[0].properties["source"] for name, table in TABLES.items()}
    texts |= {name: node.expression for name, node in PARAMETERS.items()}
    texts["broken"] = "let\n    a = 1,\nin\n    a"
    answer = subprocess.run(
        [find_node(lambda _: None).node, "parse.mjs"],
        cwd=PARSER, input=json.dumps(texts), capture_output=True, text=True, check=True, timeout=120,
    )  # fmt: skip
    return json.loads(answer.stdout)


def test_every_expression_is_m(parsed):
    assert parsed.pop("broken") == "A comma cannot proceed an 'in'"
    assert parsed.keys() == TABLES.keys() | PARAMETERS.keys()
    assert {name: message for name, message in parsed.items() if message is not None} == {}
