"""Which code comes back, and what a smoke test sends."""

import itertools
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy import pipeline, releases, smoke
from deploy.changes import Change, Plan
from deploy.names import Names
from deploy.place import Place, find_place
from deploy.releases import KEPT, Release, before, with_release
from infra.settings import load_settings
from petrostream.readings.validation import validate_block
from toolchain.errors import ToolError
from toolchain.twin import Twin

NOW = datetime(2026, 5, 4, 0, 0, 30, tzinfo=UTC)


def release(code, at="t"):
    return Release(at, "commit", {"scoring": code})


def test_the_newest_other_code_comes_back():
    past = [release("a"), release("b"), release("c")]
    assert before(past, {"scoring": "broken"}) == past[2]
    assert before(past, {"scoring": "c"}) == past[1]
    assert before([release("a")], {"scoring": "a"}) is None
    assert before([], {"scoring": "a"}) is None


@pytest.fixture
def lake(monkeypatch):
    """Functions that run some code, and releases to go back to."""
    told = SimpleNamespace(running={"scoring": "b"}, past=[release("a"), release("b")], given=[])
    monkeypatch.setattr(releases, "running_code", lambda _: told.running)
    monkeypatch.setattr(releases, "history", lambda _: told.past)
    monkeypatch.setattr(releases, "set_code", lambda function, **code: told.given.append(code["S3Key"]))
    names = Names(load_settings(), Place("123456789012", "eu-west-1", "me"))
    return told, lambda **options: releases.roll_back(names, lambda _: None, **options)


def test_code_that_passed_stays_when_only_untested_code_is_to_go(lake):
    told, roll_back = lake
    assert roll_back(untested=True) is None
    assert not told.given
    told.running = {"scoring": "broken"}
    assert roll_back(untested=True) == told.past[1]
    assert told.given == ["releases/code/scoring-b.zip"]


def test_by_hand_the_release_before_comes_back(lake):
    told, roll_back = lake
    assert roll_back() == told.past[0]
    assert told.given == ["releases/code/scoring-a.zip"]


def test_without_functions_or_releases_there_is_nothing_to_roll_back(lake):
    told, roll_back = lake
    told.past = []
    with pytest.raises(ToolError, match="No release with other code"):
        roll_back()
    told.running = {"scoring": None}
    with pytest.raises(ToolError, match="not deployed"):
        roll_back()


@given(st.lists(st.sampled_from("abcdefgh")))
def test_a_history_holds_the_latest_of_each_code_and_few(codes):
    past = []
    for at, code in enumerate(codes):
        past = with_release(past, release(code, str(at)))
        assert past[-1] == release(code, str(at))
    assert len(past) <= KEPT
    assert len({one.code["scoring"] for one in past}) == len(past)
    assert [int(one.at) for one in past] == sorted(int(one.at) for one in past)


def test_the_smoke_readings_are_a_hundred_valid_ones():
    checked = validate_block(smoke.block("smoke/x", NOW), sequence="1", now_ms=int(NOW.timestamp() * 1000))
    assert len(checked.readings) == 100
    assert not checked.rejected
    assert set(checked.readings.facility_id) == {smoke.FACILITY}
    assert len(set(checked.readings.event_id)) == 100
    assert max(checked.readings.ts_ms) == int(NOW.timestamp() * 1000)
    assert not any(checked.readings.reasons)


@pytest.fixture
def world(monkeypatch):
    """A lake that behaves as told, and a clock that only moves when someone waits."""
    told = SimpleNamespace(scored_after=0, landed=100, asked=0)
    time = itertools.count()
    monkeypatch.setattr(smoke, "_send", lambda *_: ("petrostream-ingest/shardId-000000000000", 7))

    def scored(*_):
        told.asked += 1
        return told.asked > told.scored_after

    monkeypatch.setattr(smoke, "_scored", scored)
    monkeypatch.setattr(smoke, "_landed", lambda *_: (told.landed, ("m1",)))
    clock = smoke.SmokeClock(now=lambda: NOW, monotonic=lambda: float(next(time) * 20), sleep=lambda _: None)
    names = Names(load_settings(), Place("123456789012", "eu-west-1", "me"))
    return told, lambda: smoke.smoke(names, lambda _: None, clock)


def test_a_lake_that_works_passes(world):
    told, test = world
    told.scored_after = 3
    result = test()
    assert (result.readings, result.models) == (100, ("m1",))


def test_readings_that_are_not_scored_point_to_the_function_and_the_way_back(world):
    told, test = world
    told.scored_after = 10**9
    with pytest.raises(ToolError, match="had not scored them") as refusal:
        test()
    assert "python -m deploy rollback" in refusal.value.hint


def test_rows_that_do_not_arrive_point_to_the_delivery(world):
    told, test = world
    told.landed = 99
    with pytest.raises(ToolError, match="did not reach the table") as refusal:
        test()
    assert "/aws/kinesisfirehose/petrostream-delivery" in refusal.value.hint


def test_doubled_rows_fail(world):
    told, test = world
    told.landed = 101
    with pytest.raises(ToolError, match="doubled"):
        test()


def test_the_pipeline_gets_the_digest_and_the_reviewer_the_changes(tmp_path):
    plan = Plan((Change("PetroStreamLake", "AWS::S3::Bucket", "Raw", "create"),), {})
    files = {"GITHUB_OUTPUT": str(tmp_path / "out"), "GITHUB_STEP_SUMMARY": str(tmp_path / "page")}
    pipeline.report(plan, "Total: $1.", files)
    assert (tmp_path / "out").read_text() == f"digest={plan.digest}\n"
    page = (tmp_path / "page").read_text()
    assert "1 to create. Total: $1." in page
    assert "| PetroStreamLake | AWS::S3::Bucket | `Raw` | create |" in page


def test_outside_a_pipeline_nothing_is_written(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    pipeline.report(Plan((), {}), "Total: $1.", {})
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr() == ("", "")


def test_a_foreign_endpoint_is_refused():
    with pytest.raises(ToolError, match="neither AWS nor an emulator"):
        find_place({"AWS_ENDPOINT_URL": "https://example.com"})


def test_without_a_region_nothing_begins(monkeypatch):
    monkeypatch.setattr("deploy.place._profile_region", lambda: None)
    with pytest.raises(ToolError, match="No AWS region"):
        find_place({})


def test_a_place_says_whether_it_is_aws():
    assert str(Place("1", "eu-west-1", "me")) == "AWS, account 1, region eu-west-1"
    assert "the emulator at http://127.0.0.1:1" in str(Place("0", "us-east-1", "me", Twin(1, Path("home"))))
