"""A lake with gold, without an emulator: S3 and Glue by moto, SQL by DuckDB over the catalogue's files.

Views are those that Athena would have: the text that a job last created, with the dates it put there.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

import boto3
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from botocore.config import Config

from batch import BatchSettings, JobContext, JobRequest, JobResult
from batch.catalogue import Catalogue, gold_dates
from batch.columns import arrow_schema
from batch.compact import compact
from batch.gold import Gold
from batch.views import FOLDER, GOLD_VIEWS, with_dates
from local.adaptations.athena import hive_options
from local.athena import bridge
from petrostream.backoff import NO_DEADLINE, Deadline
from petrostream.schema import STREAMED_TABLES, TABLES, schema
from tests.support.mocked import mock_aws

BUCKET = "lake-curated"
DATABASE = "petrostream"
NOW = datetime(2026, 12, 24, 12, tzinfo=UTC)
DAY = date(2026, 11, 20)
SETTINGS = BatchSettings(
    database=DATABASE,
    workgroup="petrostream",
    raw_bucket="lake-raw",
    raw_prefix="ingest/",
    curated_bucket=BUCKET,
    quarantine_bucket="lake-quarantine",
    artifacts_bucket="lake-artifacts",
    keep_days=7,
    settle_hours=6,
)
_DUCK = {"string": "VARCHAR", "array<string>": "VARCHAR[]", "int": "INTEGER"}


def readings(
    well: str = "WELL-00001",
    *,
    day: date = DAY,
    first: int = 0,
    count: int = 100,
    every_s: float = 60.0,
    copy: int = 0,
    sequence: int = 10**20,
    **columns: Any,
) -> pa.Table:
    """Rows of scored_readings: readings of a well, numbers `first` to `first + count`, as their n-th copy."""
    numbers = range(first, first + count)
    start = datetime(day.year, day.month, day.day)
    values: dict[str, list[Any]] = {
        "event_id": [f"{well}/{day}/{n}" for n in numbers],
        "well_id": [well] * count,
        "facility_id": ["FAC-01"] * count,
        "ts": [start + timedelta(seconds=every_s * n) for n in numbers],
        "source": ["0/a"] * count,
        "pressure": [2e7 + n for n in numbers],
        "temperature": [None if n % 5 == 0 else 80.0 + n for n in numbers],
        "validation_status": ["SUCCESS"] * count,
        "validation_reasons": [_reasons(n) for n in numbers],
        "data_quality_score": [100.0 - n % 3 for n in numbers],
        "anomaly_score": [None if n % 7 == 0 else (n % 10) / 10 for n in numbers],
        "anomaly_flag": [int(n % 10 == 9) for n in numbers],
        "risk_score": [n % 60 for n in numbers],
        "well_status": ["ALERT" if n % 60 > 30 else "NORMAL" for n in numbers],
        "alarm_active": [None if n % 4 == 0 else n % 2 for n in numbers],
        "kinesis_sequence": [str(sequence + n) for n in numbers],
        "scored_at": [start + timedelta(seconds=every_s * n + 1 + copy) for n in numbers],
        "model_version": [f"copy-{copy}"] * count,
    }
    values |= {name: [value] * count for name, value in columns.items()}
    kind = arrow_schema("scored_readings")
    return pa.table([pa.array(values.get(f.name, [None] * count), f.type) for f in kind], schema=kind)


def firehose_file(rows: pa.Table) -> bytes:
    """Parquet as Firehose writes it."""
    file = pa.BufferOutputStream()
    pq.write_table(rows, file, use_deprecated_int96_timestamps=True)
    data: bytes = file.getvalue().to_pybytes()
    return data


def _reasons(number: int) -> list[str] | None:
    return {0: None, 1: [], 2: ["late:ts"], 3: ["unit:p_tpt:bar?", "late:ts"]}.get(number % 11, [])


def transitions(*, day: date = DAY, count: int = 5, copy: int = 0, first: int = 0) -> pa.Table:
    """Rows of alarms."""
    numbers = range(first, first + count)
    start = datetime(day.year, day.month, day.day)
    values: dict[str, list[Any]] = {
        "transition_id": [f"{day}/{n}" for n in numbers],
        "alarm_id": [f"{day}/{n // 2}" for n in numbers],
        "well_id": ["WELL-00001"] * count,
        "facility_id": ["FAC-01"] * count,
        "ts": [start + timedelta(minutes=n) for n in numbers],
        "event": ["activated"] * count,
        "kinesis_sequence": [str(n) for n in numbers],
        "recorded_at": [start + timedelta(minutes=n, seconds=copy) for n in numbers],
    }
    kind = arrow_schema("alarms")
    return pa.table([pa.array(values.get(f.name, [None] * count), f.type) for f in kind], schema=kind)


@dataclass
class GoldLake:
    """S3, Glue and the views of one lake.

    Attributes:
        folder: for copies of files.
        views: text of each view, as Athena has it.
        now: the jobs' clock.
        clients: AWS clients by service; moto's when left out.
        bucket: that of the curated zone.
    """

    folder: Path
    views: dict[str, str] = field(default_factory=dict)
    now: datetime = NOW
    clients: dict[str, Any] = field(default_factory=dict)
    bucket: str = BUCKET

    def client(self, service: str) -> Any:
        if service not in self.clients:
            self.clients[service] = _client(service)
        return self.clients[service]

    def land(self, rows: pa.Table, name: str, *, day: date = DAY, table: str = "scored_readings") -> None:
        """Write an object of the curated zone, as Firehose does."""
        self.land_file(firehose_file(rows), name, day=day, table=table)

    def land_file(self, data: bytes, name: str, *, day: date = DAY, table: str = "scored_readings") -> None:
        """Write an object of the curated zone whose Parquet is made already."""
        key = f"{schema(table).prefix}date={day}/{name}.parquet"
        self.client("s3").put_object(Bucket=BUCKET, Key=key, Body=data)

    def context(self, deadline: Deadline = NO_DEADLINE) -> JobContext:
        return JobContext(SETTINGS, client=self.client, clock=lambda: self.now, deadline=deadline)

    def compact(self, *, step: Callable[[str], None] = lambda _: None, **event: Any) -> JobResult:
        return compact(Gold(self.context(), step=step), JobRequest.from_event({"job": "compact", **event}))

    def keys(self, prefix: str = "") -> list[str]:
        pages = self.client("s3").get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=prefix)
        return [one["Key"] for page in pages for one in page.get("Contents", [])]

    def read_views(self) -> None:
        """Take the dates that are registered now into the views, as a job does at its end."""
        dates = gold_dates(Catalogue(self.client("glue"), DATABASE))
        for name in GOLD_VIEWS:
            text = (FOLDER / f"{name}.sql").read_text(encoding="utf-8")
            self.views[name] = with_dates(text, dates)

    def ask(self, sql: str) -> list[dict[str, Any]]:
        """Rows of a query."""
        found = self._run(self._translated(sql))
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]

    def files_read(self, sql: str) -> int:
        """How many files a query reads: DuckDB says so of each scan, and skips files by their partition."""
        plan = self._run(f"EXPLAIN ANALYZE {self._translated(sql)}").fetchall()[0][1]
        return sum(int(n) for n in re.findall(r"Total Files Read: (\d+)", re.sub(r"[│\s]+", " ", plan)))

    def _run(self, sql: str) -> duckdb.DuckDBPyConnection:
        connection = duckdb.connect()
        connection.execute(f"SET TimeZone = 'UTC'; CREATE SCHEMA {DATABASE}; USE {DATABASE}")
        for table in TABLES:
            if re.search(rf"\b{table}\b", sql):
                connection.execute(f"CREATE VIEW {table} AS {self._relation(table)}")
        return connection.execute(sql)

    def _translated(self, sql: str) -> str:
        files = {path.stem: path.read_text(encoding="utf-8") for path in FOLDER.glob("*.sql")}
        return _translated(sql, tuple(sorted((files | self.views).items())))

    def _relation(self, table: str) -> str:
        fields = (*schema(table).fields, *schema(table).partitions)
        columns = ", ".join(f'"{one.name}"' for one in fields)
        files = [str(path) for path in self._files(table)]
        if not files:
            nulls = ", ".join(f'CAST(NULL AS {_duck(one.type)}) AS "{one.name}"' for one in fields)
            return f"SELECT {nulls} WHERE FALSE"
        keys = [{"Name": key.name, "Type": key.type} for key in schema(table).partitions]
        return (
            f"SELECT {columns} FROM read_parquet({files}, union_by_name = true, {hive_options(keys, _duck)})"
        )

    def _files(self, table: str) -> Iterator[Path]:
        """Copies of the files that the catalogue names, in folders of their partitions."""
        if table in STREAMED_TABLES:
            prefix = str(schema(table).prefix)
            for key in self.keys(prefix):
                day = key.removeprefix(prefix).split("/")[0]
                yield self._copy(key, f"{table}/{day}")
            return
        pages = (
            self.client("glue")
            .get_paginator("get_partitions")
            .paginate(DatabaseName=DATABASE, TableName=table)
        )
        for found in (one for page in pages for one in page["Partitions"]):
            keys = zip(schema(table).partitions, found["Values"], strict=True)
            place = "/".join(f"{key.name}={value}" for key, value in keys)
            prefix = found["StorageDescriptor"]["Location"].removeprefix(f"s3://{self.bucket}/")
            for key in self.keys(prefix):
                if not key.rsplit("/", 1)[-1].startswith("_"):
                    yield self._copy(key, f"{table}/{place}")

    def _copy(self, key: str, folder: str) -> Path:
        path = self.folder / folder / key.replace("/", "__").replace("=", "-")
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(self.client("s3").get_object(Bucket=self.bucket, Key=key)["Body"].read())
        return path


@cache
def _client(service: str) -> Any:
    """A client of moto's, whose state is new in each lake: to make one takes longer than most lakes.

    It serves tests with different environments, and depends on none.
    """
    return boto3.client(
        service,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(ignore_configured_endpoint_urls=True),
    )


@cache
def _translated(sql: str, views: tuple[tuple[str, str], ...]) -> str:
    return bridge.translate(sql, dict(bridge._view(name, text) for name, text in views))


def _duck(kind: str) -> str:
    return _DUCK.get(kind, kind.upper())


@contextmanager
def gold_lake(folder: Path) -> Iterator[GoldLake]:
    """A lake with the tables of the schema, and nothing in them."""
    lake = GoldLake(folder)

    def create_view(sql: str, **_: Any) -> None:
        named = re.search(r"CREATE OR REPLACE VIEW (\w+)", sql)
        assert named is not None
        lake.views[named[1]] = sql

    with mock_aws(), mock.patch("batch.refresh.run_sql", create_view):
        lake.client("s3").create_bucket(Bucket=BUCKET)
        glue = lake.client("glue")
        glue.create_database(DatabaseInput={"Name": DATABASE})
        for name in TABLES:
            glue.create_table(DatabaseName=DATABASE, TableInput=_table_input(name))
        yield lake


def _table_input(name: str) -> Mapping[str, Any]:
    table = schema(name)
    return {
        "Name": name,
        "PartitionKeys": [{"Name": key.name, "Type": key.type} for key in table.partitions],
        "StorageDescriptor": {
            "Columns": [{"Name": one.name, "Type": one.type} for one in table.fields],
            "Location": f"s3://{BUCKET}/{table.prefix}",
        },
    }
