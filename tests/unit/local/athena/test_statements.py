"""The twin answers each statement as Athena does, or refuses it by name."""

import re

import duckdb
import pytest

from local.athena.errors import SqlError
from tools.sql_engines import statements, twin

STATEMENTS = statements()


def test_there_are_at_least_150():
    assert len(STATEMENTS) >= 150
    assert len({entry["sql"] for entry in STATEMENTS}) == len(STATEMENTS)


@pytest.mark.parametrize("entry", STATEMENTS, ids=[entry["sql"] for entry in STATEMENTS])
def test_a_statement_is_answered_as_athena_does_or_refused_by_name(entry):
    expected = entry.get("refused") or entry.get("fails")
    if expected:
        with pytest.raises((SqlError, duckdb.Error)) as caught:
            twin(entry["sql"])
        assert re.search(expected, str(caught.value)), str(caught.value)
        assert not entry.get("refused") or isinstance(caught.value, SqlError)
        return
    found = twin(entry["sql"])
    assert found.rows == entry["rows"]
    assert found.types == entry.get("types", found.types)
    assert found.columns == entry.get("columns", found.columns)
