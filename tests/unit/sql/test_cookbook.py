"""The cookbook's queries are sound and cheap, and its figures follow from each other."""

import re

import pytest

from infra.settings import load_settings
from local.athena import bridge
from tests.support.cookbook import figures, recipes
from tests.support.paths import ROOT
from tests.support.scan import columns_read
from tools.powerbi.tables import _YEARS

READINGS_A_DAY = 10 * 86_400
BYTES_A_DOLLAR = 1e12 / 5
LEAST_BYTES = 10e6


def test_there_are_ten_and_the_table_has_each():
    found = recipes()
    assert [recipe.number for recipe in found] == list(range(1, 11))
    assert {recipe.number: recipe.question for recipe in found} == {n: row[0] for n, row in figures().items()}


@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: str(recipe.number))
def test_a_query_is_athena_s_and_names_its_days(recipe):
    assert bridge.translate(recipe.sql, bridge.load_views())
    assert re.search(r'"date" (=|>=) (CURRENT_DATE|DATE_TRUNC)', recipe.sql) or "FROM recent_" in recipe.sql


@pytest.mark.parametrize("number", range(1, 11))
def test_a_day_s_bytes_and_the_cost_follow_from_the_bytes_of_a_reading(number):
    _, size, day, cost, days = figures()[number]
    assert day == pytest.approx(size * READINGS_A_DAY / 1e6, abs=0.05)
    assert cost == pytest.approx(max(LEAST_BYTES, days * size * READINGS_A_DAY) / BYTES_A_DOLLAR, abs=1e-5)
    assert days * day * 1e6 < load_settings().lake.athena_scan_limit_bytes


def test_the_power_bi_guide_s_figures_follow_from_each_other():
    text = " ".join((ROOT / "docs" / "guides" / "powerbi.md").read_text(encoding="utf-8").split())
    numbers = re.search(
        r"reads (\d+) bytes a reading .* that is (\d+) MB a day .* three days costs \$([\d.]+) "
        r".* a year \$([\d.]+)\. .* reads (\d+) MB a day, .* (\d+) days\.",
        text,
    )
    size, day, refresh, year, largest, days = map(float, numbers.groups())
    assert day == pytest.approx(size * READINGS_A_DAY / 1e6, abs=1)
    assert refresh == pytest.approx(_YEARS.refreshed_days * day * 1e6 / BYTES_A_DOLLAR, abs=5e-4)
    assert year == pytest.approx(365 * day * 1e6 / BYTES_A_DOLLAR, abs=5e-3)
    limit = load_settings().lake.athena_scan_limit_bytes
    assert days == pytest.approx(limit / (largest * 1e6), rel=0.02)
    assert 31 * largest * 1e6 < limit


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM wells_by_day", [{"well_id", "facility_id"}]),
        ("SELECT MAX(p_pdg) AS p FROM scored_readings", [{"p_pdg"}]),
        ("SELECT well_id FROM well_data", [{"well_id", "event_id", "kinesis_sequence", "scored_at"}]),
        (
            "WITH a AS (SELECT p_pdg AS x FROM scored_readings) "
            "SELECT l.x FROM a AS l JOIN a AS r ON l.x = r.x",
            [{"p_pdg"}, {"p_pdg"}],
        ),
    ],
)
def test_columns_that_a_query_reads_are_those_it_needs(sql, expected):
    assert columns_read(sql)["scored_readings"] == expected


def test_the_jdbc_address_names_what_the_deployment_makes():
    settings = load_settings()
    text = (ROOT / "docs" / "guides" / "bi-tools.md").read_text(encoding="utf-8")
    address = dict(part.split("=") for part in re.search(r"jdbc:athena://(\S+)", text)[1].split(";"))
    assert address["Database"] == settings.lake.database
    assert address["WorkGroup"] == settings.lake.workgroup
    assert address["OutputLocation"] == f"s3://{settings.project}-athena-results-ACCOUNT-REGION/results/"
    assert address["CredentialsProvider"] == "ProfileCredentials"
