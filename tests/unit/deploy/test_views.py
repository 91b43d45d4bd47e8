"""Views reach Athena in an order it accepts."""

from datetime import date

import pytest

from deploy import publish
from deploy.names import Names
from deploy.output import Output
from deploy.place import Place
from deploy.views import in_order
from infra.settings import load_settings
from petrostream.aws import athena
from petrostream.schema import TABLES
from tests.support.catalogue import CatalogueAthena
from toolchain.errors import ToolError

NAMES = Names(load_settings(), Place("123456789012", "eu-west-1", "me"))


@pytest.fixture
def catalogue(monkeypatch):
    fake = CatalogueAthena(TABLES)
    monkeypatch.setattr(athena, "aws_client", lambda _: fake)
    monkeypatch.setattr(publish, "_dates_in_gold", lambda _: {"well_data_gold": {date(2026, 11, 20)}})
    return fake


def test_every_view_is_created_on_an_empty_catalogue(catalogue):
    applied = publish.apply_views(NAMES, Output(lambda _: None))
    assert sorted(applied) == sorted(path.stem for path in publish.VIEWS.glob("*.sql"))
    assert catalogue.views == applied
    # What is in gold stays in the views: a deployment does not make them read the curated zone again.
    assert "(\"date\" = DATE '2026-11-20') -- gold: in well_data_gold" in catalogue.texts["well_data"]


def test_a_view_over_a_missing_relation_stops_the_deployment(catalogue, tmp_path):
    (tmp_path / "lost.sql").write_text("CREATE OR REPLACE VIEW lost AS SELECT * FROM nowhere")
    with pytest.raises(ToolError, match=r"lost\.sql was not created.*'nowhere' does not exist"):
        publish.apply_views(NAMES, Output(lambda _: None), tmp_path)


def test_order_follows_what_a_view_reads_not_its_name(tmp_path):
    (tmp_path / "a.sql").write_text("CREATE VIEW a AS WITH c AS (SELECT 1 AS x) SELECT c.x FROM c, Z")
    (tmp_path / "m.sql").write_text("CREATE VIEW m AS SELECT x FROM t WHERE x IN (SELECT x FROM a)")
    (tmp_path / "z.sql").write_text("CREATE VIEW z AS SELECT x FROM t UNION ALL SELECT x FROM c")
    (tmp_path / "c.sql").write_text("CREATE VIEW c AS SELECT 1 AS x")
    names = [path.stem for path in in_order(tmp_path)]
    assert names.index("c") < names.index("z") < names.index("a") < names.index("m")


A = "CREATE VIEW a AS "


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a": A + "SELECT * FROM b", "b": "CREATE VIEW b AS SELECT * FROM a"}, "read each other"),
        ({"a": "SELECT 1"}, r"a\.sql: expected one CREATE VIEW"),
        ({"a": A + "SELECT ("}, r"a\.sql does not parse"),
        ({"a": A + "SELECT 1 AS x", "b": A + "SELECT 2 AS x"}, r"b\.sql creates the view a"),
    ],
)
def test_views_without_an_order_are_named(files, message, tmp_path):
    for name, text in files.items():
        (tmp_path / f"{name}.sql").write_text(text)
    with pytest.raises(ToolError, match=message):
        in_order(tmp_path)
