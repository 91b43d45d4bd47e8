"""Firehose writes Parquet times as INT96, the twin as microseconds: every reader gets the same from both.

Hive's Parquet writer, which Firehose's conversion uses, knows INT96 only. A table may hold files of both
kinds: those that Firehose landed, and those that a backfill wrote.
"""

from datetime import datetime, timedelta

import boto3
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from local.athena import bridge, engine
from petrostream.schema import schema
from tests.support.mocked import mock_aws

KINDS = ("microseconds", "INT96", "mixed")
TIMES = [field.name for field in schema("scored_readings").fields if field.type == "timestamp"]
START = datetime(2026, 11, 20, 23, 59, 58)
_TYPES = {
    "string": pa.string(), "double": pa.float64(), "int": pa.int32(), "bigint": pa.int64(),
    "boolean": pa.bool_(), "timestamp": pa.timestamp("us"), "array<string>": pa.list_(pa.string()),
}  # fmt: skip


def table(first, rows):
    """Readings of a well, half a second and 123 ms apart, over midnight; some times are null."""
    ts = [START + timedelta(milliseconds=623 * i) for i in range(first, first + rows)]
    values = {
        "event_id": [f"{i:032x}" for i in range(first, first + rows)],
        "well_id": ["WELL-00001"] * rows,
        "facility_id": ["FAC-01"] * rows,
        "ts": ts,
        "source": ["0/WELL-00001_20140515110134"] * rows,
        "source_ts": [None if i % 3 else moment - timedelta(days=4_000) for i, moment in enumerate(ts)],
        "scored_at": [START + timedelta(seconds=9)] * rows,
        "pressure": [2.5e7 + i for i in range(rows)],
        "validation_status": ["SUCCESS"] * rows,
        "data_quality_score": [100.0] * rows,
        "anomaly_flag": [i % 2 for i in range(rows)],
        "risk_score": [10] * rows,
        "well_status": ["NORMAL"] * rows,
        "kinesis_sequence": [str(i) for i in range(rows)],
    }
    fields = schema("scored_readings").fields
    return pa.table(
        [pa.array(values.get(field.name, [None] * rows), _TYPES[field.type]) for field in fields],
        names=[field.name for field in fields],
    )


@pytest.fixture(scope="module")
def lakes(tmp_path_factory):
    """The same ten readings in two files, by the kind of their times."""
    folders = {}
    for kind in KINDS:
        folders[kind] = tmp_path_factory.mktemp(kind)
        for part in (0, 1):
            folder = folders[kind] / "date=2026-11-20"
            folder.mkdir(exist_ok=True)
            int96 = kind == "INT96" or (kind == "mixed" and part == 1)
            path = folder / f"{part}.parquet"
            pq.write_table(table(5 * part, 5), path, use_deprecated_int96_timestamps=int96)
            stored = {column.physical_type for column in _columns(path) if column.name in TIMES}
            assert stored == {"INT96" if int96 else "INT64"}
    return folders


def _columns(path):
    file = pq.ParquetFile(path).schema
    return [file.column(i) for i in range(len(file))]


def athena(folder, sql):
    """A query's answer through the bridge, columns typed and values spelt as Athena does."""
    connection = engine.connect()
    connection.execute(f"CREATE SCHEMA {bridge.DATABASE}; USE {bridge.DATABASE}")
    files = f"read_parquet('{folder}/*/*.parquet', hive_partitioning = true)"
    connection.execute(f"CREATE VIEW scored_readings AS FROM {files}")
    return engine.run(connection, bridge.translate(sql, bridge.load_views()))


@pytest.mark.parametrize("kind", KINDS[1:])
@pytest.mark.parametrize(
    "sql",
    [
        "SELECT event_id, ts, source_ts, scored_at FROM well_data ORDER BY ts",
        "SELECT ts FROM well_data WHERE ts >= TIMESTAMP '2026-11-21 00:00:00.000' ORDER BY ts",
        "SELECT date_trunc('minute', ts) AS minute, COUNT(*) AS n, MAX(ts) AS last FROM well_data GROUP BY 1"
        " ORDER BY 1",
        "SELECT date_diff('millisecond', source_ts, ts) AS apart FROM well_data ORDER BY ts",
        "SELECT CAST(ts AS varchar) AS text, to_unixtime(ts) AS seconds FROM well_data ORDER BY ts",
        "SELECT date_format(ts, '%Y-%m-%d %H:%i:%s') AS text FROM well_data ORDER BY ts",
        "SELECT window_start, readings FROM well_minutes ORDER BY window_start",
    ],
)
def test_views_answer_alike_on_files_of_both_kinds(lakes, kind, sql):
    expected, found = athena(lakes["microseconds"], sql), athena(lakes[kind], sql)
    assert len(found.rows) > 0
    assert (found.columns, found.types, found.rows) == (expected.columns, expected.types, expected.rows)


def moments(frame):
    """Times of a data frame as Python's, whatever unit they are kept in; null as None."""
    frame = frame.sort_values("event_id")
    return {
        name: [None if pd.isna(value) else pd.Timestamp(value).to_pydatetime() for value in frame[name]]
        for name in TIMES
    }


def expected():
    rows = pa.concat_tables([table(0, 5), table(5, 5)])
    return {name: rows.column(name).to_pylist() for name in TIMES}


@pytest.mark.parametrize("kind", KINDS)
def test_pandas_and_pyarrow_read_both_kinds(lakes, kind):
    files = sorted(lakes[kind].glob("*/*.parquet"))
    assert moments(pd.concat([pd.read_parquet(path) for path in files])) == expected()
    assert moments(pd.read_parquet(lakes[kind])) == expected()
    folder = pa.dataset.dataset(lakes[kind], partitioning="hive")
    assert moments(folder.to_table().to_pandas()) == expected()
    late = folder.to_table(filter=pa.dataset.field("ts") >= pa.scalar(datetime(2026, 11, 21)))
    assert late.num_rows == sum(moment >= datetime(2026, 11, 21) for moment in expected()["ts"])


@mock_aws
@pytest.mark.parametrize("kind", KINDS)
def test_awswrangler_reads_both_kinds(lakes, kind, monkeypatch):
    wr = pytest.importorskip("awswrangler")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    session = boto3.Session(region_name="us-east-1")
    s3 = session.client("s3")
    s3.create_bucket(Bucket="curated")
    for path in lakes[kind].glob("*/*.parquet"):
        s3.upload_file(str(path), "curated", f"scored_readings/{path.parent.name}/{path.name}")
    place = {"path": "s3://curated/scored_readings/", "dataset": True, "boto3_session": session}
    if kind == "mixed":
        # It merges the files' schemas, and does not by itself take nanoseconds for microseconds.
        with pytest.raises(pa.ArrowTypeError, match="Unable to merge"):
            wr.s3.read_parquet(**place)
    frame = wr.s3.read_parquet(**place, coerce_int96_timestamp_unit="us")
    assert moments(frame) == expected()
    assert set(frame["date"]) == {"2026-11-20"}


def test_no_zone_is_read_into_times_whatever_the_machines_zone(lakes, monkeypatch):
    monkeypatch.setenv("TZ", "America/Sao_Paulo")
    sql = "SELECT ts FROM well_data ORDER BY ts"
    for kind in KINDS:
        assert athena(lakes[kind], sql).rows[0] == ["2026-11-20 23:59:58.000"]
        assert moments(pd.read_parquet(lakes[kind]))["ts"][0] == START
