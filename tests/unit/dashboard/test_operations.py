"""The page Operations in each of its states, run by AppTest over ports in memory."""

import pandas as pd
import pytest

from dashboard.charts.marks import BY_PRIORITY, mark_html
from petrostream.alarms import ActionRefusedError
from petrostream.aws.athena import QueryFailed
from tests.support.dashboard import (
    NOW_MS,
    FakeAlarms,
    FakeLake,
    FakeLive,
    World,
    fleet,
    instant,
    listed,
    minute,
    open_alarm,
    page,
    reading,
    tag,
    texts,
    unavailable,
    well,
)

TOTAL = pd.DataFrame(
    {"readings": [1000.0], "anomalies": [250.0], "wells": [2.0], "first_day": [instant(NOW_MS)]}
)
LOAD = pd.DataFrame(
    {
        "began": [instant(NOW_MS - 3_600_000)] * 12,
        "well_id": [f"WELL-{n:05d}" for n in range(12)],
        "facility_id": ["FAC-01"] * 12,
        "alarm_type": ["forest"] * 12,
        "priority": ["low"] * 12,
        "console": ["console-1"] * 12,
    }
)
FRAMES = {"COUNT(DISTINCT well_id)": TOTAL, "alarm_history": LOAD}


def _world(**changes) -> World:
    wells = fleet(well("WELL-00001"), well("WELL-00002", "FAC-02", risk_score=80, age_s=2))
    live = FakeLive(wells, {"WELL-00001": [minute("WELL-00001", 3, 7), minute("WELL-00001", 90, 100)]})
    alarms = FakeAlarms([tag("WELL-00002"), tag("WELL-00001", "forest", "low", minutes=60)])
    return World(**({"live": live, "alarms": alarms, "lake": FakeLake(FRAMES)} | changes))


def test_the_tiles_say_what_the_live_table_has(monkeypatch):
    with reading(_world(), monkeypatch):
        app = page("operations")
    said = texts(app)
    assert not app.exception
    figure = '</div><div class="ps-figure"><div class="ps-value">'
    assert f'data-tile="active"><div class="ps-label">Active wells{figure}2<' in said
    assert f"Anomalies, last hour{figure}7<" in said
    flag = '<span class="ps-flag">abnormal</span>'
    assert f'{figure}80</div>{flag}</div><div class="ps-note">WELL-00002' in said
    assert "Open alarms: <b data-total>2</b>" in said
    assert "12 alarms" in said
    assert "12 (flood above 10)" in said


def test_the_total_is_counted_once_and_never_by_a_refresh(monkeypatch):
    world = _world()
    with reading(world, monkeypatch):
        app = page("operations")
        assert "…" in texts(app)
        before = list(world.lake.asked)
        for _ in range(3):
            app.run()
        assert world.lake.asked == before
    assert '<div class="ps-value">250</div>' in texts(app)


def test_an_empty_lake_says_how_to_fill_it(monkeypatch):
    empty = {name: frame.iloc[:0] for name, frame in FRAMES.items()}
    with reading(World(lake=FakeLake(empty)), monkeypatch):
        app = page("operations")
    assert not app.exception
    assert "No well has sent a reading yet." in texts(app)
    assert "make demo" in texts(app)


def test_stale_live_data_is_named_with_its_age(monkeypatch):
    world = _world(live=FakeLive(fleet(well("WELL-00001", age_s=600))))
    with reading(world, monkeypatch):
        app = page("operations")
    assert not app.exception
    assert "The newest reading is 10 min old" in texts(app)
    assert "Not live, read" in texts(app)
    assert '<div class="ps-value">0</div><span class="ps-flag">abnormal</span>' in texts(app)


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("ExpiredTokenException", "The AWS credentials have expired."),
        ("UnrecognizedClientException", "AWS does not accept the credentials."),
        ("AccessDeniedException", "The credentials may not read the live table"),
        ("ResourceNotFoundException", "The live table (DynamoDB) is not there."),
        ("EndpointConnectionError", "The live table (DynamoDB) does not answer."),
    ],
)
def test_a_live_table_that_refuses_says_what_to_do(monkeypatch, code, said):
    world = _world(live=FakeLive(error=unavailable("DynamoDB", code)))
    with reading(world, monkeypatch):
        app = page("operations")
    assert not app.exception
    assert said in texts(app)


def test_a_failing_athena_leaves_the_present_alone(monkeypatch):
    world = _world(lake=FakeLake(error=QueryFailed("TABLE_NOT_FOUND: line 3")))
    with reading(world, monkeypatch):
        app = page("operations")
    said = texts(app)
    assert not app.exception
    assert "Athena failed the query." in said
    assert "TABLE_NOT_FOUND: line 3" in said
    assert "Open alarms: <b data-total>2</b>" in said


def test_a_live_table_that_fails_later_leaves_what_was_last_known(monkeypatch):
    world = _world()
    with reading(world, monkeypatch) as reader:
        app = page("operations")
        assert ">Live 2025-11-27 10:03:00 UTC" in texts(app)
        world.live.error = unavailable("dynamodb", "ReadTimeoutError")
        world.now_ms += 60_000
        reader.cache.forget("present")
        app.run()
    said = texts(app)
    assert not app.exception
    assert "The live table (DynamoDB) does not answer." in said
    assert "Not live, read 2025-11-27 10:03:00 UTC" in said
    assert "Open alarms: <b data-total>2</b>" in said
    assert len(listed(app)) == 2


def test_an_alarm_is_opened_and_acknowledged_through_the_desk(monkeypatch):
    world = _world()
    with reading(world, monkeypatch):
        app = page("operations")
        open_alarm(app, "WELL-00002/dhsv_closure")
        assert "spurious closure of DHSV" in texts(app)
        assert "rule dhsv_closure" in texts(app)
        app.text_input(key="comment").input("seen, calling the well site")
        app.button(key="FormSubmitter:act-Acknowledge").click().run()
    assert not app.exception
    ((well_id, alarm_type, request),) = world.alarms.requests
    assert (well_id, alarm_type, request.action) == ("WELL-00002", "dhsv_closure", "acknowledge")
    assert (request.actor, request.comment, request.hours) == ("ana", "seen, calling the well site", None)
    assert "acknowledged, now active acknowledged" in texts(app)


def test_an_action_that_is_refused_says_why(monkeypatch):
    world = _world()
    world.alarms.error = ActionRefusedError("WELL-00002/dhsv_closure: say why")
    with reading(world, monkeypatch):
        app = page("operations")
        open_alarm(app, "WELL-00002/dhsv_closure")
        app.button(key="FormSubmitter:act-Acknowledge").click().run()
    assert not app.exception
    assert "The action was not taken." in texts(app)
    assert "say why" in texts(app)


def test_names_from_outside_are_text_and_nothing_else(monkeypatch):
    evil = "<img src=x onerror=alert(1)>"
    alarms = FakeAlarms([tag(evil, sentence="<script>alert(2)</script>")])
    world = _world(live=FakeLive(fleet(well(evil))), alarms=alarms)
    with reading(world, monkeypatch):
        app = page("operations")
        open_alarm(app, f"{evil}/dhsv_closure")
        (row,) = listed(app)
    # The list sets its texts as text; only the mark is markup, and nothing from outside is in it.
    assert row["texts"][0] == evil
    assert row["mark"] == mark_html(BY_PRIORITY["high"], 20)
    html = "\n".join(str(element.proto.body) for element in app.get("html"))
    assert "<img" not in html
    assert "<script" not in html
    assert "&lt;img src=x" in html
