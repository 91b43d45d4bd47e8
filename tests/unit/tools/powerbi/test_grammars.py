"""The checks of the model can fail: what is no TMDL, DAX or M is refused by name."""

import pytest

from tests.support import dax, mquery, tmdl

GUID = "00000000-0000-5000-8000-000000000000"
COLUMN = (
    f"\tcolumn a\n\t\tdataType: int64\n\t\tlineageTag: {GUID}\n\t\tsummarizeBy: none\n\t\tsourceColumn: a\n"
)
TABLE = f"table T\n\tlineageTag: {GUID}\n\n{COLUMN}"


def test_a_table_is_read_with_all_it_has():
    (table,) = tmdl.parse(
        f"/// What\n/// it is\ntable 'It''s one'\n\tlineageTag: {GUID}\n\n"
        f"\tmeasure M =\n\t\t\tSUM(\n\t\t\t    T[a]\n\t\t\t)\n\t\tformatString: 0\n"
        f"\t\tlineageTag: {GUID}\n\n{COLUMN}"
    )
    assert (table.name, table.description) == ("It's one", "What\nit is")
    (measure,) = table.all("measure")
    assert measure.expression == "SUM(\n    T[a]\n)"
    assert table.all("column")[0].properties["dataType"] == "int64"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (TABLE.replace("\tcolumn", "    column"), "may not stand here"),
        (TABLE.replace("\t\tdataType", "\t\t\tdataType"), "may not stand here|indented"),
        (TABLE.replace("int64", "int32"), "none of"),
        (TABLE.replace("summarizeBy: none", "summarizeBy: sum"), "none of"),
        (TABLE.replace("\t\tsourceColumn: a\n", ""), "lacks sourceColumn"),
        (TABLE.replace("dataType: int64", "dataTypo: int64"), "may not stand here"),
        (TABLE.replace("table T", "table My T"), "after the name"),
        (TABLE.replace("column a", "column a\n\t\tdataType: int64"), "twice"),
        (TABLE.replace(GUID, "1"), "none of"),
        (TABLE.replace("column a", "column a "), "white space"),
        (TABLE[:-1], "one line feed"),
        (TABLE + "\n", "one line feed"),
        (TABLE + "\tisHidden: true\n", "after the objects|true by standing"),
        (TABLE + "\tmeasure M\n\t\tformatString: 0\n", "needs = and"),
        (TABLE + "\tmeasure M =\n\t\tformatString: 0\n", "expression is missing"),
        (TABLE + "\t/// nothing follows\n", "description of nothing"),
        (TABLE + "thing X\n", "may not stand here"),
        (TABLE.replace("\tlineageTag", "\t/// no\n\tlineageTag"), "may not stand here|takes no"),
    ],
)
def test_what_is_no_tmdl_is_refused(text, problem):
    with pytest.raises(tmdl.TmdlError, match=problem):
        tmdl.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "SUM(T[a]", "SUM(T[a]))", "SUM T[a])", "SUMM(T[a])", "SUM(T[a], 1)", "DIVIDE(1)", "1 +", "* 2",
        "SUM(T[a]) 3",
        "DIVIDE(1, , 2)", "SUM(T[a]}", "T[a", "SUM(T[a]) ; 1", "IF(NOT ISBLANK([M]), )",
    ],
)  # fmt: skip
def test_what_is_no_dax_is_refused(text):
    with pytest.raises(dax.DaxError):
        dax.check(text)


def test_references_of_dax_are_found():
    text = "CALCULATE([M], 'My T'[a b] = 1, T[x] IN { \"y[z]\" }) + COUNTROWS(U) + COUNTROWS('V W')"
    dax.check(text)
    expected = {(None, "M"), ("My T", "a b"), ("T", "x"), ("U", None), ("V W", None)}
    assert set(dax.references(text)) == expected


QUERY = """let
    Query = "SELECT ""a"" FROM t WHERE d >= '"
        & Date.ToText(Date.From(P), [Format = "yyyy-MM-dd", Culture = "en-US"])
        & "'",
    Source = Odbc.Query("dsn=" & DSN, Query),
    Typed = Table.TransformColumnTypes(Source, {{"a", type text}, {"b", Int64.Type}})
in
    Typed"""


def test_the_sql_and_types_of_m_are_found():
    assert mquery.sql(QUERY, {"P": "2026-11-01"}) == "SELECT \"a\" FROM t WHERE d >= '2026-11-01'"
    assert mquery.typed(QUERY) == {"a": "type text", "b": "Int64.Type"}
    assert mquery.known_names(QUERY, {"P", "DSN"}) == set()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("in\n    Typed", "in\n    Source"), ("DSN, Query)", "DSN, Query"), ("let\n", "lat\n"),
        ("Source =", "Query ="),
        ("    Source", "    'Source'"), ('"SELECT', "SELECT"),
    ],
)  # fmt: skip
def test_what_is_no_m_is_refused(old, new):
    with pytest.raises(mquery.MError):
        mquery.steps(QUERY.replace(old, new, 1))


def test_names_and_days_that_m_does_not_know_are_found():
    assert mquery.known_names(QUERY.replace("Odbc.Query(", "Odbc.Query(Other, "), {"P", "DSN"}) == {"Other"}
    with pytest.raises(mquery.MError, match="neither a text nor a day"):
        mquery.sql(QUERY, {"Q": "2026-11-01"})
    with pytest.raises(mquery.MError, match="neither a text nor a day"):
        mquery.sql(QUERY.replace("yyyy-MM-dd", "dd/MM/yyyy"), {"P": "2026-11-01"})
