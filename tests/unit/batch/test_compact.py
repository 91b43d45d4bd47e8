"""A day in gold: each reading once, one file, whole or not at all, and made again when more has come."""

import tempfile
from datetime import date, timedelta
from functools import cache
from itertools import count
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from batch import JobRequest, RequestInvalid, spool
from tests.support.depth import DEEP
from tests.support.gold_lake import DATABASE, DAY, NOW, firehose_file, gold_lake, readings, transitions

FULL = Path("/dev/full")
WELLS = ("WELL-00002", "WELL-00001", "WELL-00010")
ALL = "SELECT * FROM well_data ORDER BY well_id, ts, event_id"


@pytest.fixture
def lake(tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with gold_lake(tmp_path) as made:
        yield made


@cache
def files_of(day):
    """A day's Parquet by table and name: three wells, several files each, some readings twice; and alarms."""
    made = {}
    for well in WELLS:
        for part in range(2):
            made["scored_readings", f"{well}-{part}"] = readings(well, day=day, first=50 * part, count=50)
        made["scored_readings", f"{well}-again"] = readings(well, day=day, first=10, count=9, copy=1)
        later = readings(well, day=day, first=40, count=3, copy=2, sequence=10**21)
        made["scored_readings", f"{well}-later"] = later
    made["alarms", "a"] = transitions(day=day)
    made["alarms", "b"] = transitions(day=day, count=2, copy=1)
    return {place: firehose_file(rows) for place, rows in made.items()}


@pytest.fixture
def landed(lake):
    """Two days, landed."""
    for day in (DAY, DAY + timedelta(days=1)):
        for (table, name), data in files_of(day).items():
            lake.land_file(data, name, day=day, table=table)
    return lake


def test_gold_says_what_the_curated_zone_says_with_each_reading_once(landed):
    before = landed.ask(ALL)
    assert len(before) == 2 * 3 * 100
    result = landed.compact()
    assert not result.failed
    done = result.days[DAY]
    assert (done["rows"], done["duplicates"], done["readings"], done["files"]) == (336, 36, 300, 1)
    assert done["transitions"] == 5
    assert landed.ask(ALL) == before
    assert landed.ask("SELECT COUNT(*) AS n FROM well_data_gold") == [{"n": 600}]
    assert landed.ask("SELECT * FROM alarm_history ORDER BY ts") == landed.ask(
        "SELECT * FROM curated_alarm_history ORDER BY ts"
    )


def test_a_day_is_one_file_by_well_and_time_and_read_without_its_curated_files(landed):
    query = f"SELECT COUNT(*) AS n FROM well_data WHERE date = DATE '{DAY}'"
    assert (landed.ask(query), landed.files_read(query)) == ([{"n": 300}], 12)
    landed.compact()
    files = [key for key in landed.keys(f"gold/well_data/date={DAY}/") if key.endswith(".parquet")]
    assert len(files) == 1
    assert (landed.ask(query), landed.files_read(query)) == ([{"n": 300}], 1)
    rows = landed.ask(f"SELECT well_id, ts FROM well_data_gold WHERE date = DATE '{DAY}'")
    assert rows == sorted(rows, key=lambda row: (row["well_id"], row["ts"]))


KEYS = {
    "well_hours": "hour_start",
    "well_days": "date",
    "recent_well_months": "month_start",
    "quality_days": "date, reason",
}
"""Views of periods, with what identifies a row beside the well."""


def test_the_views_of_periods_say_the_same_from_gold(landed):
    lists = {view: f"SELECT * FROM {view} ORDER BY well_id, {key}" for view, key in KEYS.items()}
    before = {view: landed.ask(query) for view, query in lists.items()}
    assert all(before.values())
    result = landed.compact()
    assert result.details["months"] == ["2026-11-01"]
    for view, query in lists.items():
        after = landed.ask(query)
        assert [row.keys() for row in after] == [row.keys() for row in before[view]]
        for row, was in zip(after, before[view], strict=True):
            for name, value in was.items():
                close = isinstance(value, float)  # a mean's last digit depends on the order of the sum
                assert row[name] == (pytest.approx(value, rel=1e-12) if close else value), (view, name)


def test_twice_changes_nothing(landed):
    landed.compact()
    keys = landed.keys()
    again = landed.compact(date=str(DAY))
    assert again.days == {DAY: {"state": "unchanged"}}
    assert landed.compact().days == {}
    assert landed.keys() == keys


def test_late_readings_are_taken_by_the_next_run(landed):
    landed.compact()
    landed.land(readings("WELL-00001", first=100, count=7), "late")
    assert landed.ask("SELECT COUNT(*) AS n FROM curated_data") == [{"n": 607}]
    result = landed.compact()
    assert list(result.days) == [DAY]
    assert landed.ask("SELECT COUNT(*) AS n FROM well_data") == [{"n": 607}]
    assert landed.ask("SELECT SUM(readings) AS n FROM well_days") == [{"n": 607}]
    assert landed.ask("SELECT SUM(readings) AS n FROM gold_months") == [{"n": 607}]


def test_readings_of_a_date_that_is_not_in_gold_are_there_at_once(landed):
    landed.compact()
    old = DAY - timedelta(days=400)
    landed.land(readings("WELL-00009", day=old), "replayed", day=old)
    assert landed.ask("SELECT COUNT(*) AS n FROM well_data WHERE well_id = 'WELL-00009'") == [{"n": 100}]


def test_a_day_that_still_fills_is_left_to_the_curated_zone(landed):
    today = NOW.date()
    landed.land(readings(day=today), "now", day=today)
    assert today not in landed.compact().days
    asked = landed.compact(date=str(today))
    assert "not over" in asked.failed[today]
    assert landed.ask(f"SELECT COUNT(*) AS n FROM well_data WHERE date = DATE '{today}'") == [{"n": 100}]


def test_what_is_gone_from_the_curated_zone_stays_in_gold(landed):
    landed.compact()
    s3 = landed.client("s3")
    for key in landed.keys(f"scored_readings/date={DAY}/"):
        s3.delete_object(Bucket="lake-curated", Key=key)
    landed.compact()
    for late in (100, 200):  # the second run must not forget what the first one kept
        landed.land(readings("WELL-00001", first=late, count=7), f"late-{late}")
        assert landed.compact().days[DAY]["readings"] == 300 + 7 * (late // 100)
    assert landed.ask("SELECT COUNT(*) AS n FROM well_data") == [{"n": 614}]


def test_a_file_that_cannot_be_read_fails_its_day_alone_and_is_named(landed):
    key = f"scored_readings/date={DAY}/broken.parquet"
    landed.client("s3").put_object(Bucket="lake-curated", Key=key, Body=b"PAR1 and no more")
    result = landed.compact()
    assert list(result.days) == [DAY + timedelta(days=1)]
    assert key in result.failed[DAY]


class Killed(BaseException):
    """The process is gone: no `except` and no clean-up of the job acts on it."""


def _stops_at(place):
    """Kills a run at a step, by its number or its name."""
    numbers = count()

    def step(name):
        if place in (next(numbers), name):
            raise Killed(name)

    return step


AROUND_THE_CHANGE = (
    *("upload well_data_gold", "point gold_hours", "point well_data_gold", "point well_data_runs"),
    *("view well_data", "view recent_well_months"),
)
"""The first step of a run, the last, and those around the one that shows the new day."""


def _places():
    """Where to kill one run after another, and then none: at every step in a deep run of the tests."""
    return count() if DEEP else (*AROUND_THE_CHANGE, "nowhere")


@pytest.fixture
def small(lake):
    """One well's day in two files, and a reading twice."""
    for part in range(2):
        lake.land(readings(first=50 * part, count=50), f"{part}")
    lake.land(readings(first=10, count=9, copy=1), "again")
    return lake


COUNTS = (
    "SELECT COUNT(*) AS n, COUNT(DISTINCT event_id) AS readings FROM well_data",
    "SELECT SUM(readings) AS n, SUM(readings) AS readings FROM well_hours",
    "SELECT SUM(readings) AS n, SUM(readings) AS readings FROM well_days",
)


def test_a_kill_at_any_step_leaves_the_old_day_or_the_new_one(small):
    small.compact()
    shown, landed, stopped = 100, 100, {}
    for place in _places():
        small.land(readings(first=landed, count=3), f"late-{place}")
        landed += 3
        try:
            small.compact(step=_stops_at(place))
        except Killed as kill:
            sizes = [small.ask(query)[0] for query in COUNTS]
            assert all(one["n"] == one["readings"] in (shown, landed) for one in sizes)
            stopped[str(kill)] = sizes[0]["n"] == landed
            shown = sizes[0]["n"]
        else:
            break
    assert [small.ask(query)[0]["n"] for query in COUNTS] == [landed] * 3
    assert small.compact().days == {}
    assert stopped.keys() >= set(AROUND_THE_CHANGE)
    assert stopped["upload well_data_gold"] is stopped["point gold_hours"] is False
    assert stopped["point well_data_runs"] is stopped["view well_data"] is True


def test_a_kill_before_a_day_is_first_in_gold_leaves_each_reading_once(small):
    stopped = set()
    for place in _places():
        try:
            small.compact(step=_stops_at(place), rebuild=True)
        except Killed as kill:
            stopped.add(str(kill))
            assert [small.ask(query)[0]["n"] for query in COUNTS] == [100] * 3
        else:
            break
    assert stopped >= set(AROUND_THE_CHANGE)
    assert [small.ask(query)[0]["n"] for query in COUNTS] == [100] * 3


def test_a_reader_sees_one_day_or_the_other_at_every_step(small):
    small.compact()
    small.land(readings(first=100, count=7), "late")
    seen = []
    small.compact(step=lambda _: seen.append(small.ask(COUNTS[0])[0]["n"]))
    assert set(seen) == {100, 107}
    assert seen == sorted(seen)


def test_two_runs_of_a_day_at_once_are_harmless(landed):
    def other(name):
        if name == "point well_data_gold" and not others:
            others.append(None)
            others.append(landed.compact(date=str(DAY)))

    others = []
    landed.compact(step=other, date=str(DAY))
    assert others[1].days[DAY]["readings"] == 300
    assert landed.ask("SELECT COUNT(*) AS n FROM well_data") == [{"n": 600}]
    landed.compact()
    assert landed.compact().days == {}
    assert landed.ask("SELECT COUNT(*) AS n FROM well_data_gold") == [{"n": 600}]


def test_a_run_with_older_sources_that_ends_last_is_made_good(landed):
    def newer(name):
        if name == "point gold_days" and not done:
            done.append(None)
            landed.land(readings("WELL-00001", first=100, count=7), "late")
            landed.compact(date=str(DAY))

    done = []
    landed.compact(step=newer, date=str(DAY))
    assert landed.compact().days[DAY]["readings"] == 307
    assert landed.ask("SELECT COUNT(*) AS n FROM well_data") == [{"n": 607}]


def test_a_replaced_run_can_be_read_for_the_days_of_grace_and_then_goes(landed):
    landed.compact()
    landed.now = NOW + timedelta(days=1)
    landed.land(readings("WELL-00001", first=100, count=7), "late")
    landed.compact()
    as_of = f"""
        SELECT run, COUNT(*) AS n FROM well_data_runs
        WHERE date = DATE '{DAY}' GROUP BY run ORDER BY run
    """
    runs = landed.ask(as_of)
    assert [row["n"] for row in runs] == [300, 307]
    # moto stamps objects with the real time, long before the jobs' clock.
    landed.now = NOW + timedelta(days=7, hours=23)
    assert "runs_deleted" not in landed.compact().details
    assert landed.ask(as_of) == runs
    landed.now = NOW + timedelta(days=8, hours=1)
    assert landed.compact().details["runs_deleted"] == 4  # of readings, hours, days and the month
    assert landed.ask(as_of) == runs[1:]
    assert landed.ask("SELECT COUNT(*) AS n FROM well_data") == [{"n": 607}]
    assert not [key for key in landed.keys("gold/") if runs[0]["run"] in key]


def test_files_that_nothing_refers_to_are_swept(landed):
    with pytest.raises(Killed):
        landed.compact(step=_stops_at(3))
    orphans = landed.keys("gold/")
    assert orphans
    for days in (30, 60):  # a day's first run may just have replaced something, as far as anyone knows
        landed.now = NOW + timedelta(days=days)
        landed.compact()
    assert not set(orphans) & set(landed.keys("gold/"))


def test_a_range_of_dates_is_asked_for_by_its_ends(landed):
    result = landed.compact(**{"from": str(DAY), "to": str(DAY + timedelta(days=2))})
    assert list(result.days) == [DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)]
    assert result.days[DAY + timedelta(days=2)] == {"state": "unchanged"}
    with pytest.raises(RequestInvalid):
        JobRequest.from_event({"job": "compact", "from": str(DAY)})


def test_a_month_is_not_made_while_a_day_of_it_is_missing(landed):
    landed.compact(date=str(DAY))
    assert landed.ask("SELECT COUNT(*) AS n FROM gold_months") == [{"n": 0}]
    landed.compact()
    assert landed.ask("SELECT date, days, readings FROM gold_months WHERE well_id = 'WELL-00001'") == [
        {"date": date(2026, 11, 1), "days": 2, "readings": 200}
    ]


@pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")
def test_a_full_disk_fails_the_day_changes_nothing_and_the_next_run_makes_it(landed, monkeypatch, tmp_path):
    """/dev/full refuses bytes as a full disk does. The lake of the test lies elsewhere."""
    before, keys, spare = landed.ask(ALL), landed.keys("gold/"), tmp_path / "spare"
    spare.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spare))
    on_disk = spool.pa.OSFile
    with monkeypatch.context() as full:
        full.setattr(spool.pa, "OSFile", lambda _path, mode: on_disk(str(FULL), mode))
        result = landed.compact()
    assert set(result.failed) == {DAY, DAY + timedelta(days=1)}
    assert "No space left on device" in str(result.failed)
    assert (landed.ask(ALL), landed.keys("gold/")) == (before, keys)
    assert list(spare.iterdir()) == []
    assert not landed.compact().failed
    assert landed.ask(ALL) == before
    assert landed.ask("SELECT COUNT(*) AS n FROM well_data_gold") == [{"n": 600}]


def test_gold_is_made_without_the_curated_table_and_not_without_its_own(landed):
    """Somebody dropped a table from the catalogue: objects are found without it, registered dates are not."""
    glue = landed.client("glue")
    glue.delete_table(DatabaseName=DATABASE, Name="scored_readings")
    assert not landed.compact(date=str(DAY)).failed
    assert landed.ask("SELECT COUNT(*) AS n FROM well_data_gold") == [{"n": 300}]
    keys = landed.keys("gold/")
    glue.delete_table(DatabaseName=DATABASE, Name="well_data_gold")
    with pytest.raises(ClientError, match="Table well_data_gold not found"):
        landed.compact()
    assert landed.keys("gold/") == keys
