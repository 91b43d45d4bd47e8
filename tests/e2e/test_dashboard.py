"""The dashboard in a browser on a lake: its figures are those of the SQL, and it stays on the machine."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.lakes import lake_fixtures
from tests.support.depth import DEEP
from tests.support.lake import Lake, wait_for
from tests.support.paths import REAL_3W
from tools.browser import browsing, chromium, opened, served

pytest.importorskip("playwright", reason="Playwright is not installed: make setup-dev")
if chromium() is None:
    pytest.skip("no Chromium: install it, or set PETROSTREAM_CHROMIUM", allow_module_level=True)

REAL = ("2/WELL-00011_20140515110134", "3/WELL-00014_20170917150000")
WAIT_MS = 60_000

lake, simulated, models = lake_fixtures("module")


@pytest.fixture(scope="module")
def instances(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated instances; in a deep run real ones as well, where the machine has them."""
    folder = tmp_path_factory.mktemp("instances")
    shutil.copytree(simulated, folder, dirs_exist_ok=True)
    for name in REAL if DEEP else ():
        source = REAL_3W / f"{name}.parquet"
        if source.is_file():
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(source, folder / f"{name}.parquet")
    return folder


@pytest.fixture(scope="module")
def replayed(lake: Lake, models: Path, instances: Path, tmp_path_factory: pytest.TempPathFactory) -> dict:
    report = tmp_path_factory.mktemp("dashboard") / "report.json"
    lake.run(
        "producer/replay.py", "--data", str(instances), "--speed", "max", "--with-facility",
        "--name", "e2e-dashboard", "--report", str(report),
    )  # fmt: skip
    sent = json.loads(report.read_text())
    wells = ", ".join(f"'{well}'" for well in sent["wells"])
    recent = f"""
        SELECT COUNT(DISTINCT event_id) AS n FROM scored_readings
        WHERE well_id IN ({wells}) AND source_ts <> ts AND "date" >= CURRENT_DATE - INTERVAL '30' DAY
    """
    wait_for(lambda: int(lake.value(recent)) >= sent["readings"], "readings of the replay to land")
    return sent


@pytest.fixture(scope="module")
def address(lake: Lake, replayed: dict) -> Iterator[str]:
    with served(lake.environment) as server:
        yield server.address


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """A page that must not complain, fail, or ask anybody else for anything."""
    with opened(address, browser=browser) as (page, watch):
        page.set_default_timeout(WAIT_MS)
        yield page
        assert page.locator('[data-testid="stException"]').count() == 0
    assert watch.errors == []
    assert watch.failed == []
    assert watch.off_machine == []


def _figure(page: Any, tile: str) -> int:
    return int(page.locator(f'[data-tile="{tile}"] .ps-value').inner_text().replace(",", ""))


def test_the_tiles_of_operations_are_the_figures_of_the_sql(lake: Lake, address: str, page: Any) -> None:
    page.goto(address)
    page.wait_for_selector('[data-tile="active"]')
    # The lake's total is counted after the first paint.
    page.wait_for_function(
        "!document.querySelector('[data-tile=anomalies_total] .ps-value').innerText.includes('…')"
    )
    stamp = int(page.locator("[data-stamp]").get_attribute("data-stamp"))
    shown = {
        name: _figure(page, name) for name in ("active", "worst_risk", "anomalies_hour", "anomalies_total")
    }
    counts = {
        item.get_attribute("data-priority"): int(item.locator("b").inner_text())
        for item in page.locator("[data-priority]").all()
    }
    total = "SELECT COUNT_IF(anomaly_flag = 1) AS n FROM well_data"
    assert shown["anomalies_total"] == int(lake.value(total))
    hour = f"""
        SELECT COALESCE(SUM(anomalies), 0) AS n FROM well_minutes
        WHERE window_start > FROM_UNIXTIME({stamp / 1000 - 3600})
    """
    assert shown["anomalies_hour"] == int(lake.value(hour))
    active = f"""
        SELECT COUNT(*) AS n FROM (SELECT well_id, MAX(ts) AS ts FROM well_data GROUP BY well_id)
        WHERE ts >= FROM_UNIXTIME({stamp / 1000 - 120})
    """
    assert shown["active"] == int(lake.value(active))
    worst = """
        SELECT MAX(GREATEST(own, COALESCE(joined, 0))) AS n FROM (
            SELECT well_id, MAX_BY(risk_score, ts) AS own FROM well_data GROUP BY well_id
        ) AS scored LEFT JOIN (
            SELECT well_id, MAX_BY(risk_score, ts) AS joined FROM facility_data GROUP BY well_id
        ) AS joined ON joined.well_id = scored.well_id
    """
    assert shown["worst_risk"] == int(lake.value(worst))
    opened_alarms = """
        SELECT priority, COUNT(*) AS n FROM (
            SELECT alarm_id, MAX_BY(event, ts) AS event, MIN(priority) AS priority FROM alarm_history
            WHERE event IN ('activated', 'suppressed', 'unsuppressed', 'returned') GROUP BY alarm_id
        ) WHERE event IN ('activated', 'unsuppressed') GROUP BY priority
    """
    expected = {row["priority"]: int(row["n"]) for row in lake.sql(opened_alarms)}
    assert {name: count for name, count in counts.items() if count} == expected
    assert expected, "a replay of events raises alarms"


def test_a_refresh_replaces_no_chart_and_asks_athena_nothing(lake: Lake, address: str, page: Any) -> None:
    page.goto(address)
    page.wait_for_selector('[data-testid="stVegaLiteChart"] svg.marks')
    page.wait_for_selector("text=SQL of the total")
    page.wait_for_timeout(5000)
    before = _executions(lake)
    page.evaluate("window.kept = document.querySelector('[data-testid=stVegaLiteChart] svg.marks')")
    page.locator("[data-alarm]").first.get_by_role("button").focus()
    page.evaluate("window.focused = document.activeElement")
    stamps = set()
    for _ in range(4):
        stamps.add(page.locator("[data-stamp]").get_attribute("data-stamp"))
        page.wait_for_timeout(2500)
    assert len(stamps) >= 3
    assert page.evaluate("window.kept.isConnected")
    assert page.evaluate("window.focused.tagName === 'BUTTON' && window.focused === document.activeElement")
    assert _executions(lake) == before


def _executions(lake: Lake) -> int:
    import boto3

    assert lake.environment
    pages = boto3.client("athena").get_paginator("list_query_executions").paginate(WorkGroup="petrostream")
    return sum(len(page["QueryExecutionIds"]) for page in pages)


def test_an_alarm_is_acknowledged_in_the_browser(lake: Lake, address: str, page: Any) -> None:
    page.goto(address)
    page.wait_for_selector("[data-alarm]")
    key = page.locator("[data-alarm].ps-new").first.get_attribute("data-alarm")
    page.get_by_role("button", name=f"Open {key}", exact=True).click()
    page.get_by_label("Comment, for the alarm history").fill("seen in the browser")
    page.get_by_label("Who acts").fill("ana")
    page.get_by_role("button", name="Acknowledge", exact=True).click()
    page.wait_for_selector("[data-done]")
    assert "acknowledged" in page.locator("[data-done]").inner_text()
    well, kind = key.rsplit("/", 1)
    wanted = f"""
        SELECT actor, "comment" FROM alarm_history
        WHERE well_id = '{well}' AND alarm_type = '{kind}' AND event = 'acknowledged' AND actor = 'ana'
    """
    wait_for(lambda: len(lake.sql(wanted)) == 1, "the action to land")
    assert lake.sql(wanted)[0]["comment"] == "seen in the browser"


def test_a_well_is_shown_with_its_events_and_in_field_units(address: str, replayed: dict, page: Any) -> None:
    well = next(
        name for name in sorted(replayed["wells"], reverse=True) if "-2-" in name or name == "WELL-00011"
    )
    page.goto(f"{address}/well?well={well}")
    page.wait_for_selector("text=SQL of the trends")
    # Charts are drawn after the text around them.
    drawn = '[data-testid="stVegaLiteChart"] svg.marks'
    page.wait_for_function(f"document.querySelectorAll('{drawn}').length >= 5")
    assert re.search(r"\d bar", page.locator(".ps-wide-facts").first.inner_text())
    page.get_by_text("Field (psi, °F)").click()
    page.wait_for_function("document.querySelector('.ps-wide-facts').innerText.includes('psi')")
    page.get_by_text("24 h", exact=True).click()
    page.wait_for_selector("text=every 5 min")
    assert well in page.url


@pytest.mark.parametrize("name", ["Facility", "History", "Detector", "Pipeline"])
def test_every_other_page_opens_and_has_no_problem(address: str, page: Any, name: str) -> None:
    page.goto(address)
    page.get_by_role("link", name=name, exact=True).click()
    page.wait_for_url(re.compile(f"/{name.lower()}"))
    # What asks the lake is drawn after the text around it.
    page.wait_for_function("document.querySelector('[data-testid=stMain]').innerText.length > 200")
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    assert page.locator(".ps-kind", has_text="Problem").all_inner_texts() == []


def test_an_unknown_well_is_no_dead_end(address: str, page: Any) -> None:
    page.goto(f"{address}/well?well=WELL-77777")
    page.wait_for_selector("text=No well WELL-77777 has sent a reading.")
    page.get_by_role("link", name="Operations").click()
    page.wait_for_selector('[data-tile="active"]')
    assert page.locator(".ps-kind", has_text="Problem").all_inner_texts() == []


def test_a_lake_that_is_down_says_what_to_do(lake: Lake, browser: Any) -> None:
    down = dict(lake.environment) | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1"}
    assert os.environ["AWS_ENDPOINT_URL"] != down["AWS_ENDPOINT_URL"]
    with served(down) as server, opened(server.address, browser=browser) as (page, watch):
        page.goto(server.address)
        page.wait_for_selector("text=The live table (DynamoDB) does not answer.", timeout=WAIT_MS)
        assert "project_up.sh" in page.inner_text("body")
        assert watch.off_machine == []
