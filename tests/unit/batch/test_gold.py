"""The door to gold: rows of a day in any order, sorted on disk; and what compaction leaves of a backfill."""

from datetime import date, timedelta

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batch.columns import SourceUnreadable, arrow_schema, conform
from batch.gold import DayWriter, publish_day, run_id
from batch.spool import Spool
from batch.views import FOLDER, GOLD_VIEWS, with_dates
from batch.winners import READINGS
from tests.support.cookbook import PAGE
from tests.support.depth import examples
from tests.support.gold_lake import DAY, NOW, gold_lake, readings


@pytest.fixture
def lake(tmp_path, monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with gold_lake(tmp_path) as made:
        yield made


def spooled(folder, tables, **sizes):
    spool = Spool("scored_readings", READINGS, folder, **sizes)
    for table in tables:
        spool.add(table)
    return list(spool.groups())


def test_wells_too_large_for_memory_are_taken_by_ranges_of_hours(tmp_path):
    tables = [
        readings("WELL-00002", count=600, every_s=144.0),
        readings("WELL-00001", count=1440, every_s=60.0),
        readings("WELL-00002", first=100, count=50, every_s=144.0, copy=1),
    ]
    groups = spooled(tmp_path, tables, flush_rows=300, group_rows=250)
    assert max(group.num_rows for group in groups) <= 250 + 50
    assert len(groups) > 8
    rows = pa.concat_tables(groups)
    keys = list(zip(rows["well_id"].to_pylist(), rows["ts"].to_pylist(), strict=True))
    assert keys == sorted(keys)
    assert len(set(rows["event_id"].to_pylist())) == rows.num_rows == 2040
    hours = [
        {(w, t.hour) for w, t in zip(g["well_id"].to_pylist(), g["ts"].to_pylist(), strict=True)}
        for g in groups
    ]
    assert sum(map(len, hours)) == len(set().union(*hours))  # no hour of a well is in two groups


copies = st.lists(
    st.tuples(
        st.integers(0, 5),  # which reading
        st.sampled_from(["9", "10", "11", "100"]),  # compared as numbers
        st.integers(0, 3),  # scored when
    ),
    min_size=1,
    max_size=30,
)


@settings(max_examples=examples(60), deadline=None)
@given(copies, st.integers(1, 12))
def test_the_copy_that_counts_is_that_of_the_view(tmp_path_factory, found, flush_rows):
    tables = [
        readings("WELL-00001", first=n, count=1, copy=when, kinesis_sequence=sequence)
        for n, sequence, when in found
    ]
    folder = tmp_path_factory.mktemp("spool")
    rows = pa.concat_tables(spooled(folder, tables, flush_rows=flush_rows, group_rows=7))
    landed = pa.concat_tables(tables)  # asked by name below
    expected = duckdb.sql(
        """
        SELECT event_id, kinesis_sequence, scored_at FROM (
          SELECT *, ROW_NUMBER() OVER (
            PARTITION BY event_id ORDER BY LENGTH(kinesis_sequence), kinesis_sequence, scored_at DESC
          ) AS copy_number FROM landed
        ) WHERE copy_number = 1 ORDER BY event_id
        """
    ).fetchall()
    assert landed.num_rows == len(found)
    got = zip(
        *(rows[name].to_pylist() for name in ("event_id", "kinesis_sequence", "scored_at")), strict=True
    )
    assert sorted(got) == expected


def test_a_day_is_several_files_once_one_is_large(tmp_path):
    writer = DayWriter("scored_readings", tmp_path, max_bytes=20_000)
    for first in range(0, 400, 100):
        writer.write(readings(first=first, count=100))
    files = writer.close()
    assert len(files) > 1
    assert pa.concat_tables(pq.read_table(path) for path in files)["event_id"].to_pylist() == (
        readings(count=400)["event_id"].to_pylist()
    )


def test_a_column_of_another_type_is_refused_by_name_and_a_missing_one_is_null():
    rows = readings(count=3)
    old = conform(rows.drop_columns(["alarm_active"]), "scored_readings", "s3://lake/old.parquet")
    assert old["alarm_active"].null_count == 3
    wrong = rows.set_column(rows.column_names.index("pressure"), "pressure", pa.array(["high"] * 3))
    with pytest.raises(SourceUnreadable, match=r"s3://lake/bad\.parquet.*column pressure is string"):
        conform(wrong, "scored_readings", "s3://lake/bad.parquet")


def test_runs_sort_by_their_time():
    names = [run_id(NOW + timedelta(seconds=n)) for n in range(3)]
    assert names == sorted(names)
    assert len({run_id(NOW) for _ in range(5)}) == 5


VERSIONS = 'SELECT "date", model_version, COUNT(*) AS n FROM well_data GROUP BY 1, 2 ORDER BY 1, 2'


def backfill(lake, model, count=100):
    rows = [readings(first=first, count=20, model_version=model) for first in range(0, count, 20)]
    return publish_day(lake.context(), DAY, reversed(rows), run_id(lake.now), facts={"model": model})


def test_a_backfill_replaces_its_day_alone_and_compaction_leaves_it(lake):
    next_day = DAY + timedelta(days=1)
    for day in (DAY, next_day):
        lake.land(readings(day=day), "a", day=day)
    lake.compact()
    counts = backfill(lake, "v2")
    assert (counts["readings"], counts["duplicates"]) == (100, 0)
    expected = [
        {"date": DAY, "model_version": "v2", "n": 100},
        {"date": next_day, "model_version": "copy-0", "n": 100},
    ]
    assert lake.ask(VERSIONS) == expected
    assert lake.compact().days == {}
    assert backfill(lake, "v2")["readings"] == 100
    assert lake.ask(VERSIONS) == expected
    # Late readings are added; those of the backfill stay as it scored them.
    lake.land(readings(first=90, count=20), "late")
    assert lake.compact().days[DAY]["readings"] == 110
    assert lake.ask(VERSIONS)[:2] == [
        {"date": DAY, "model_version": "copy-0", "n": 10},
        {"date": DAY, "model_version": "v2", "n": 100},
    ]
    lake.land(readings(first=110, count=5), "later")
    lake.compact()
    assert lake.ask(VERSIONS)[1] == {"date": DAY, "model_version": "v2", "n": 100}
    lake.compact(date=str(DAY), rebuild=True)
    assert lake.ask(VERSIONS)[0] == {"date": DAY, "model_version": "copy-0", "n": 115}


def test_the_cookbook_reads_a_day_as_of_a_time_and_what_has_changed_since(lake):
    text = PAGE.read_text(encoding="utf-8").partition("## Time travel")[2]
    as_of, changed = (part.split("```")[0] for part in text.split("```sql\n")[1:])
    lake.now = NOW.replace(month=11, day=24)
    lake.land(readings(), "a")
    lake.compact()
    lake.now = NOW.replace(month=11, day=26)
    lake.land(readings(first=100, count=7), "late")
    lake.compact()
    assert lake.ask(as_of) == [
        {"well_id": "WELL-00001", "readings": 100, "anomalies": 10, "model_version": "copy-0"}
    ]
    assert lake.ask(changed) == [{"added": 7, "removed": 0, "flagged_otherwise": 0}]


def test_the_dates_of_a_view_are_literals_and_the_same_in_both_parts():
    days = [date(2026, 11, 19), date(2026, 11, 20), date(2026, 11, 23)]
    text = with_dates((FOLDER / "well_data.sql").read_text(), {"well_data_gold": days})
    listed = """("date" BETWEEN DATE '2026-11-19' AND DATE '2026-11-20' OR "date" = DATE '2026-11-23')"""
    assert f"WHERE {listed} -- gold: in well_data_gold\n" in text
    assert f"WHERE NOT {listed} -- gold: not in well_data_gold\n" in text
    months = with_dates((FOLDER / "recent_well_months.sql").read_text(), {"gold_months": [date(2024, 2, 1)]})
    assert months.count("""("date" BETWEEN DATE '2024-02-01' AND DATE '2024-02-29')""") == 2


def test_the_views_of_gold_are_those_with_marks():
    marked = {path.stem for path in FOLDER.glob("*.sql") if "-- gold: " in path.read_text()}
    assert marked == set(GOLD_VIEWS)
    for name in GOLD_VIEWS:
        text = (FOLDER / f"{name}.sql").read_text()
        assert with_dates(text, {}) == text


def test_columns_of_gold_are_those_of_what_it_is_made_of():
    assert arrow_schema("well_data_gold") == arrow_schema("scored_readings")
    assert arrow_schema("alarm_history_gold") == arrow_schema("alarms")
