"""Spark scores the raw zone as the stream did: the same rows, byte for byte, but for the time of scoring."""

import os
import shutil
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from batch.recompute import Recomputation
from batch.spark import SparkRun, main, packed_by_facility, run_of, score_stretch, stretches_of
from batch.stream_order import StreamOrder
from batch.versions import models_of
from ml.registry import FolderRegistry
from petrostream.lake import RawRecord, members, read_members
from petrostream.readings import encode_block
from petrostream.times import to_iso
from tests.support.scoring_world import published

FIRST = date(2026, 11, 20)
DAYS = [FIRST + timedelta(days=n) for n in range(4)]


def midnight(day):
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def records():
    """Two facilities, whose wells report for ten minutes around each midnight, a record a minute."""
    for day in DAYS[1:]:
        for minute in range(-5, 5):
            for well in (1, 2):
                start_ms = midnight(day) + 60_000 * minute
                rows = [
                    {
                        "kind": "well",
                        "well_id": f"WELL-{well:05d}",
                        "facility_id": f"FAC-{well:02d}",
                        "ts": to_iso(start_ms + 1000 * second),
                        "source": f"0/WELL-{well:05d}_a",
                        "p_pdg": 2.1e7 + 1e4 * (second % 7) + (4e6 if minute == 3 else 0),
                        "p_tpt": 1.4e7 - 1e4 * (second % 5),
                        "t_tpt": 95.0,
                    }
                    for second in range(60)
                ]
                arrival_ms = start_ms + 60_500
                sequence = f"{arrival_ms * 1000 + well:056d}"
                yield RawRecord(encode_block(rows), sequence, f"FAC-{well:02d}", arrival_ms)


@pytest.fixture(scope="module")
def lake(tmp_path_factory):
    """A copy of a raw zone, and a registry."""
    folder = tmp_path_factory.mktemp("lake")
    registry = FolderRegistry(folder / "registry")
    for key, body in published().items():
        registry.put(key, body)
    by_date = {}
    for record in records():
        by_date.setdefault(datetime.fromtimestamp(record.arrival_ms / 1000, UTC).date(), []).append(record)
    for day, found in by_date.items():
        target = folder / "raw" / f"date={day}"
        target.mkdir(parents=True)
        half = len(found) // 2
        # The later half is listed first, and a record is there twice.
        (target / f"raw-1-{day}-00-00-00-a.gz").write_bytes(b"".join(members(found[half:])))
        (target / f"raw-1-{day}-00-00-01-b.gz").write_bytes(b"".join(members([*found[:half], found[-1]])))
    return folder


@pytest.fixture(scope="module")
def expected(lake):
    """Rows as the stream's consumer writes them, by date."""
    files = [(0, read_members("all", b"".join(members(records()))))]
    recomputation = Recomputation(models_of(FolderRegistry(lake / "registry"), "v1"), lambda: 0)
    found = list(recomputation.rows(StreamOrder().take(files)))
    return {day: pa.concat_tables([rows for one, rows in found if one == day]) for day in DAYS}


def a_run(lake, *, first=DAYS[0], last=DAYS[-1], **more):
    known = [date.fromisoformat(path.name[5:]) for path in sorted((lake / "raw").iterdir())]
    stretches = stretches_of(known, first, last + timedelta(days=1), **more)
    return SparkRun(str(lake / "raw"), str(lake / "registry"), "v1", first, last, stretches, 0)


def rows_of(table):
    """Rows by reading, without the time of scoring."""
    rows = table.drop_columns(["scored_at"]).to_pylist()
    return sorted(rows, key=lambda row: (row["well_id"], row["ts"]))


@pytest.fixture(scope="module")
def spark():
    pyspark = pytest.importorskip("pyspark.sql", reason="pyspark is not installed: pip install '.[spark]'")
    if shutil.which("java") is None:
        pytest.skip("Spark needs Java; none is installed")
    with pytest.MonkeyPatch.context() as patch:
        # Workers import this checkout.
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
        patch.setenv("PYSPARK_PYTHON", sys.executable)
        session = (
            pyspark.SparkSession.builder.master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.driver.bindAddress", "127.0.0.1")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.sql.shuffle.partitions", "1")
            .config("spark.sql.session.timeZone", "UTC")
            # For a run of seconds, what an optimising compiler makes costs more than it saves.
            .config("spark.driver.extraJavaOptions", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
            .config("spark.sql.codegen.wholeStage", "false")
            .getOrCreate()
        )
        yield session
        session.stop()


def test_spark_writes_the_rows_of_the_stream_by_date_and_replaces_nothing_unasked(
    spark, lake, expected, tmp_path, capsys
):
    out = tmp_path / "out"
    command = ["--raw", str(lake / "raw"), "--models", str(lake / "registry"), "--out", str(out)]
    command += ["--from", str(DAYS[0]), "--to", str(DAYS[-1])]
    main(command)
    counts = [f"{day}  rows {expected[day].num_rows}  model v1\n" for day in DAYS]
    assert capsys.readouterr().out == "".join(counts)
    for day in DAYS:
        table = pq.read_table(out / f"date={day}", partitioning=None)
        assert rows_of(table.cast(expected[day].schema)) == rows_of(expected[day])
    whole = pa.concat_tables(expected.values())
    assert (whole.num_rows, pa.compute.sum(whole["anomaly_flag"]).as_py() > 0) == (3600, True)
    with pytest.raises(Exception, match="already exists"):
        main(command)


def packed(run, place):
    """What reaches the task of a facility, without Spark."""
    found = {}
    for day in run.stretches[place].dates:
        for number, path in enumerate(sorted((Path(run.raw) / f"date={day}").iterdir())):
            for facility, body in packed_by_facility(read_members(path.name, path.read_bytes())):
                row = {"date": str(day), "number": number, "written_ms": 0, "body": body}
                found.setdefault(facility, []).append(row)
    return {facility: pa.Table.from_pylist(rows) for facility, rows in found.items()}


@pytest.mark.parametrize("days_per_task", [0, 1, 2])
def test_stretches_that_begin_warm_make_the_same_rows(lake, expected, days_per_task):
    run = a_run(lake, days_per_task=days_per_task, warm_up_days=-1)
    models = models_of(FolderRegistry(lake / "registry"), "v1")
    tables = [
        score_stretch(run, stretch, table, models)
        for place, stretch in enumerate(run.stretches)
        for table in packed(run, place).values()
    ]
    found = pa.concat_tables(tables).drop_columns(["date"])
    assert rows_of(found) == rows_of(pa.concat_tables(expected.values()))


def test_stretches_have_their_days_before_and_after():
    one, other = stretches_of(DAYS, DAYS[0], DAYS[2], days_per_task=2, warm_up_days=1)
    assert (one.warm_up, one.own, one.ahead) == ((), (DAYS[0], DAYS[1]), DAYS[2])
    assert (other.warm_up, other.own, other.ahead) == ((DAYS[1],), (DAYS[2],), DAYS[3])
    assert stretches_of(DAYS, DAYS[3], DAYS[3], warm_up_days=-1)[0].warm_up == tuple(DAYS[:3])
    assert stretches_of([], DAYS[0], DAYS[1]) == ()


@pytest.mark.parametrize(
    ("more", "named"),
    [
        (["--from", "2026-11-21", "--to", "2026-11-20"], "--to 2026-11-20 is before --from 2026-11-21"),
        (["--from", "2020-01-01", "--to", "2020-01-02"], "has no object of the dates"),
        (["--from", "yesterday", "--to", "2026-11-20"], "--from"),
    ],
)
def test_an_unusable_command_is_refused_by_name(lake, capsys, more, named):
    with pytest.raises(SystemExit):
        run_of(["--raw", str(lake / "raw"), "--models", str(lake / "registry"), "--out", "x", *more])
    assert named in capsys.readouterr().err
