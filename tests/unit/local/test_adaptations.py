"""The twin's changes to the emulator: the answers of its own functions, without their faults."""

import asyncio
import base64
import gzip
import io
import json
import time
from datetime import date, timedelta

import duckdb
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ministack.core import iam_actions
from ministack.core.responses import AccountRegionScopedDict
from ministack.services import athena, firehose, glue, kinesis, lambda_svc, s3
from ministack.services.cloudformation import provisioners

from local import adaptations
from local.adaptations import firehose as our_firehose
from local.adaptations import guard
from local.adaptations import kinesis as our_kinesis
from local.adaptations.journal import Journal
from local.adaptations.kinesis import Increasing, expire
from local.adaptations.partitions import ActivePartitions
from local.athena import engine
from petrostream.lake import read_members
from petrostream.schema.sensors import schema

BUCKET = "landing"
CONVERSION = {
    "SchemaConfiguration": {"DatabaseName": "petrostream", "TableName": "scored_readings"},
    "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": {}}},
    "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
}


@pytest.fixture(scope="module", autouse=True)
def _adapted():
    adaptations.install()
    columns = [{"Name": field.name, "Type": field.type} for field in schema("scored_readings").fields]
    glue._tables["petrostream/scored_readings"] = {"StorageDescriptor": {"Columns": columns}}
    yield
    firehose.reset()


def ndjson(*rows):
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def row(**values):
    return {"event_id": "e", "well_id": "W", "ts": "2026-11-20 09:00:00.000", "pressure": 2.5e7, **values}


def outcome(convert, data, conversion=None):
    """What a conversion writes (columns, types, values), or the error it reports."""
    try:
        table = pq.read_table(io.BytesIO(convert(conversion or CONVERSION, data)))
    except firehose._DeliveryError as error:
        return (error.output_type, error.code, error.message)
    # Not whether a column may be null: DuckDB marks those without a null, Firehose marks none.
    return (table.column_names, [str(kind) for kind in table.schema.types], repr(table.to_pylist()))


def assert_same(data, conversion=None):
    ours = outcome(firehose._convert_to_parquet, data, conversion)
    assert ours == outcome(firehose._convert_to_parquet.original, data, conversion)


@pytest.mark.parametrize(
    "data",
    [
        ndjson(row(), row(validation_reasons=["out_of_range:p_pdg", "é"], top_sensors=[])),
        ndjson(row(pressure=None, **{"class": 101}), row(p_pdg=1, anomaly_flag=0)),
        ndjson(row(ts="2026-11-20 09:00:00"), row(ts="2026-11-20 09:00:00.123456")),
        ndjson(row(ts="2026-11-20T09:00:00.500Z"), row(ts="2026-11-20T09:00:00Z")),
        ndjson(row(ts="2026-11-20T09:00:00.000Z")),
        ndjson(row(ts="yesterday")),
        ndjson(row(ts="2026-13-45 09:00:00")),
        ndjson(row(pressure="17.5")),
        ndjson(row(pressure="high")),
        ndjson(row(anomaly_flag=True)),
        ndjson(row(anomaly_flag=1.0)),
        ndjson(row(anomaly_flag=3_000_000_000)),
        ndjson(row(well_id=11)),
        ndjson(row(validation_reasons="one")),
        ndjson(row(validation_reasons=[1, 2])),
        ndjson(row(unknown_column=1)),
        ndjson({"WELL_ID": "W", "Pressure": 1.0}),
        json.dumps(row()).encode() * 2,
        b'{"well_id": "W", "pressure": NaN}',
        b"not json",
        b"",
        b" \n ",
        b"[1]",
        b'"text"',
        b"\xff\xfe",
    ],
)
def test_parquet_conversion_answers_as_the_emulators_own(data):
    assert_same(data)


@pytest.mark.parametrize(
    "ts",
    [
        "2026-11-20T09:00:00",
        "2026-11-20T09:00:00.500",
        "2026-11-20 09:00:00Z",
        "2026-11-20 09:00:00+00",
        "2026-11-20",
    ],
)
def test_a_time_that_firehose_does_not_read_is_refused_though_duckdb_reads_it(ts):
    data = ndjson(row(), row(source_ts=ts))
    assert outcome(firehose._convert_to_parquet.original, data)[0] != "format-conversion-failed"
    error = firehose._conversion_error("mismatch")
    assert outcome(firehose._convert_to_parquet, data) == (error.output_type, error.code, error.message)


NUMBERS = st.none() | st.integers(-(2**31), 2**31 - 1) | st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.fixed_dictionaries(
            {"well_id": st.text(max_size=5)},
            optional={
                "pressure": NUMBERS,
                "p_pdg": NUMBERS,
                "class": st.none() | st.integers(-5, 200),
                "rule_ids": st.none() | st.lists(st.text(max_size=3), max_size=3),
                "source_ts": st.none()
                | st.datetimes().map(lambda moment: moment.isoformat(" ", "milliseconds")),
            },
        ),
        min_size=1,
        max_size=4,
    )
)
def test_any_rows_become_the_same_parquet(rows):
    assert_same(ndjson(*rows))


def test_every_setting_of_the_reader_is_honoured():
    mapped = {"OpenXJsonSerDe": {"ColumnToJsonKeyMappings": {"well_id": "well"}}}
    conversion = CONVERSION | {"InputFormatConfiguration": {"Deserializer": mapped}}
    assert_same(ndjson({"well": "W"}), conversion)
    assert_same(ndjson(row()), CONVERSION | {"OutputFormatConfiguration": {"Serializer": {"OrcSerDe": {}}}})


def test_a_changed_emulator_is_refused_by_name():
    with pytest.raises(
        guard.IncompatibleEmulatorError, match=r"firehose\._put_record_batch .*constraints\.txt"
    ):
        guard.check(firehose, {"_put_record_batch": "0000000000000000"})
    with pytest.raises(guard.IncompatibleEmulatorError, match="missing"):
        guard.check(firehose, {"no_such_function": "0000000000000000"})


@pytest.fixture
def stream(monkeypatch):
    """A delivery stream with a transform that fails every record that holds `bad`."""
    calls = []

    def transform(_function, _config, event, *_):
        calls.append(len(event["records"]))
        records = []
        for record in event["records"]:
            text = base64.b64decode(record["data"]).decode()
            if "bad" in text:
                records.append({**record, "result": "ProcessingFailed"})
            else:
                keys = {"date": json.loads(text.splitlines()[0])["ts"][:10]}
                records.append({**record, "result": "Ok", "metadata": {"partitionKeys": keys}})
        return {"body": {"records": records}}

    config = {"FunctionName": "t", "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:t"}
    monkeypatch.setattr(lambda_svc, "_resolve_name_and_qualifier", lambda _: ("t", None))
    monkeypatch.setattr(lambda_svc, "_get_func_record_for_qualifier", lambda *_: ({"config": config}, config))
    monkeypatch.setattr(lambda_svc, "_execute_function_dispatch", transform)
    s3._buckets[BUCKET] = {"created": "now", "objects": {}, "region": "us-east-1"}
    parameters = [{"ParameterName": "LambdaArn", "ParameterValue": config["FunctionArn"]}]
    destination = {
        "BucketARN": f"arn:aws:s3:::{BUCKET}",
        "Prefix": "rows/date=!{partitionKeyFromLambda:date}/",
        "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/!{timestamp:yyyy}/",
        "DynamicPartitioningConfiguration": {"Enabled": True},
        "ProcessingConfiguration": {
            "Enabled": True,
            "Processors": [{"Type": "Lambda", "Parameters": parameters}],
        },
    }
    request = {"DeliveryStreamName": "rows", "ExtendedS3DestinationConfiguration": destination}
    firehose._create_delivery_stream(request)
    yield calls
    firehose._streams.pop("rows", None)
    s3._buckets.pop(BUCKET, None)


def put(*payloads):
    entries = [{"Data": base64.b64encode(payload).decode()} for payload in payloads]
    status, _, body = firehose._HANDLERS["PutRecordBatch"]({"DeliveryStreamName": "rows", "Records": entries})
    return status, json.loads(body)


def objects(prefix):
    bucket = s3._buckets[BUCKET]["objects"]
    return [s3._get_object_data(BUCKET, key) for key in sorted(bucket) if key.startswith(prefix)]


def test_a_batch_is_transformed_at_once_and_lands_by_partition_key(stream):
    first, second = ndjson(row()), ndjson(row(ts="2026-11-21 00:00:00.000"))
    status, answer = put(first, second)
    assert (status, answer["FailedPutCount"], stream) == (200, 0, [2])
    assert objects("rows/date=2026-11-20/") == [first]
    assert objects("rows/date=2026-11-21/") == [second]


def test_what_the_transform_refuses_is_kept_under_the_error_prefix(stream):
    put(ndjson(row()), b"bad line\n")
    (document,) = [json.loads(data) for data in objects("errors/processing-failed/")]
    assert base64.b64decode(document["rawData"]) == b"bad line\n"
    assert document["errorCode"] == "Lambda.ProcessingFailedStatus"
    assert len(objects("rows/")) == 1


def test_delivered_records_are_forgotten_and_big_batches_split(stream):
    put(*[ndjson(row(source="x" * 900_000))] * 4)
    assert stream == [3, 1]
    assert all(not destination["records"] for destination in firehose._streams["rows"]["destinations"])


def test_a_transform_gets_no_more_at_once_than_its_own_buffer(stream):
    """Its entries are compressed: a call of all of them would have a response over 6 MB."""
    (destination,) = firehose._streams["rows"]["destinations"]
    (processor,) = destination["config"]["ProcessingConfiguration"]["Processors"]
    processor["Parameters"].append({"ParameterName": "BufferSizeInMBs", "ParameterValue": "0.25"})
    put(*[ndjson(row(source="x" * 100_000))] * 5)
    assert stream == [2, 2, 1]


@pytest.fixture
def source(stream, monkeypatch):
    """A Kinesis stream with a Firehose that keeps its records as they are."""
    monkeypatch.setattr(kinesis, "_streams", AccountRegionScopedDict())
    kinesis._create_stream({"StreamName": "ingest", "ShardCount": 1})
    kinesis._streams["ingest"]["StreamStatus"] = "ACTIVE"
    arn = kinesis._streams["ingest"]["StreamARN"]
    firehose._create_delivery_stream(
        {
            "DeliveryStreamName": "raw",
            "DeliveryStreamType": "KinesisStreamAsSource",
            "KinesisStreamSourceConfiguration": {"KinesisStreamARN": arn, "RoleARN": "r"},
            "ExtendedS3DestinationConfiguration": {
                "BucketARN": f"arn:aws:s3:::{BUCKET}",
                "Prefix": "raw/",
                "RoleARN": "r",
            },
        }
    )
    yield
    firehose._streams.pop("raw", None)


def test_records_are_acknowledged_when_their_raw_copies_are_written(source):
    records = [{"PartitionKey": key, "Data": base64.b64encode(key.encode()).decode()} for key in "abc"]
    body = json.dumps({"StreamName": "ingest", "Records": records}).encode()
    target = {"x-amz-target": "Kinesis_20131202.PutRecords"}

    async def put_records():
        # Nothing else may run between the answer and the look.
        status, _, _ = await kinesis.handle_request("POST", "/", target, body, {})
        return status, objects("raw/")

    before = time.time_ns() // 1_000_000
    status, written = asyncio.run(put_records())
    assert (status, sorted(map(gzip.decompress, written))) == (200, [b"a\n", b"b\n", b"c\n"])
    (shard,) = kinesis._streams["ingest"]["shards"].values()
    copies = [record for one in written for record in read_members("one", one).records]
    places = {record.data: (record.sequence, record.partition_key) for record in copies}
    sequences = [record["SequenceNumber"] for record in shard["records"]]
    assert places == {key.encode(): (sequence, key) for key, sequence in zip("abc", sequences, strict=True)}
    assert all(before <= record.arrival_ms <= before + 60_000 for record in copies)


def test_a_function_is_not_invoked_before_the_journal_is_read_back(tmp_path, monkeypatch):
    journal = Journal(tmp_path / "journal.db")
    monkeypatch.setattr(kinesis, "_streams", AccountRegionScopedDict())
    poll = our_kinesis._expiring_poll(kinesis, lambda_svc, journal)
    poll.original = lambda: True
    assert not poll()
    journal.ready.set()
    assert poll()


def test_an_entry_over_the_limit_fails_alone(stream):
    status, answer = put(b"x" * (1000 * 1024 + 1), ndjson(row()))
    assert (status, answer["FailedPutCount"]) == (200, 1)
    assert "ErrorCode" in answer["RequestResponses"][0]
    assert "RecordId" in answer["RequestResponses"][1]


def test_a_call_over_four_mebibytes_is_refused_as_a_whole(stream):
    status, answer = put(*[b"x" * (1000 * 1024)] * 5)
    assert (status, stream) == (400, [])
    assert answer["__type"] == "InvalidArgumentException"


def test_a_partition_over_the_quota_goes_to_the_error_prefix_and_nothing_is_lost(stream, monkeypatch):
    monkeypatch.setattr(our_firehose, "_active", ActivePartitions())
    days = [date(2020, 1, 1) + timedelta(days=day) for day in range(502)]
    entries = [ndjson(row(ts=f"{day} 09:00:00.000")) for day in days]
    for part in (entries[:400], entries[400:]):
        put(*part)
    put(entries[0], entries[501])
    assert len(objects("rows/")) == 500 + 1
    over = [json.loads(data) for data in objects("errors/activePartitionExceeded/")]
    assert sorted(base64.b64decode(one["rawData"]) for one in over) == entries[500:] + entries[501:]


def test_a_partition_is_active_for_the_seconds_of_its_buffer():
    now = [0.0]
    active = ActivePartitions(clock=lambda: now[0], limit=2)
    hints = {
        "BufferingHints": {"IntervalInSeconds": 60},
        "DynamicPartitioningConfiguration": {"Enabled": True},
    }

    def admits(day, stream="rows"):
        return active.admits(stream, {"config": hints}, {"date": day})

    assert [admits("1"), admits("2"), admits("3"), admits("1"), admits("3", "others")] == [
        True, True, False, True, True,
    ]  # fmt: skip
    now[0] = 60.0
    assert [admits("3"), admits("4"), admits("1")] == [True, True, False]
    assert active.admits("rows", {"config": {}}, {"date": "9"})


def test_an_unknown_stream_is_answered_as_the_emulator_does():
    status, _, body = firehose._HANDLERS["PutRecordBatch"](
        {"DeliveryStreamName": "nowhere", "Records": [{"Data": ""}]}
    )
    assert status == 400
    assert b"ResourceNotFoundException" in body


def test_expired_records_move_the_readers_place_with_them():
    records = [{"ApproximateArrivalTimestamp": float(second)} for second in range(0, 7200, 600)]
    stream = {"RetentionPeriodHours": 1, "shards": {"s": {"records": records}}}
    reader, idle = {"s": 8}, {}
    following = records[8]
    assert expire(stream, [reader, idle], before=3600.0) == 6
    assert records[0]["ApproximateArrivalTimestamp"] == 3600.0
    assert records[reader["s"]] is following
    assert idle == {}


def test_writers_do_not_expire_records_behind_the_pollers_back():
    stream = {"RetentionPeriodHours": 1, "shards": {"s": {"records": [{"ApproximateArrivalTimestamp": 0.0}]}}}
    kinesis._expire_records(stream)
    assert len(stream["shards"]["s"]["records"]) == 1


def test_sequence_numbers_never_go_back_with_the_clock():
    numbers = iter(["0000000010", "0000000008", "0000000008", "0000000020"])
    following = Increasing(lambda: next(numbers))
    assert [following() for _ in range(4)] == ["0000000010", "0000000011", "0000000012", "0000000020"]


def test_json_tables_have_the_columns_and_types_of_the_catalogue(tmp_path):
    lines = tmp_path / "date=2026-11-20" / "part"
    lines.parent.mkdir()
    lines.write_text('{"ts": "2026-11-20", "reasons": ["a", "b"], "line": 3}\n')
    table = {
        "StorageDescriptor": {
            "Columns": [{"Name": field.name, "Type": field.type} for field in schema("quarantine").fields],
            "SerdeInfo": {"SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe"},
        },
        "PartitionKeys": [{"Name": "date", "Type": "date"}],
        "Parameters": {"classification": "json"},
    }
    relation = athena._table_relation(table, [str(lines)])
    sql = f'SELECT ts, reasons, line, kind, CAST("date" AS VARCHAR) FROM {relation}'
    assert duckdb.sql(sql).fetchall() == [("2026-11-20", ["a", "b"], 3, None, "2026-11-20")]
    empty = duckdb.sql(f"SELECT UNNEST(reasons) FROM {athena._empty_relation(table)}").fetchall()
    assert empty == []


@pytest.mark.parametrize("join", ["INNER JOIN", "LEFT JOIN"])
def test_a_partitioned_table_may_stand_on_the_right_of_a_join(tmp_path, join):
    file = tmp_path / "date=2026-11-20" / "part.parquet"
    file.parent.mkdir()
    duckdb.sql(f"COPY (SELECT 'a' AS event_id) TO '{file}' (FORMAT parquet)")
    table = {
        "StorageDescriptor": {
            "Columns": [{"Name": "event_id", "Type": "string"}],
            "SerdeInfo": {
                "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
            },
        },
        "PartitionKeys": [{"Name": "date", "Type": "date"}],
        "Parameters": {"classification": "parquet"},
    }
    relation = athena._table_relation(table, [str(file)])
    pairs = f'(SELECT event_id, "date" FROM {relation}) AS f ON f."date" = w."date"'
    sql = f'SELECT typeof(f."date") FROM (SELECT DATE \'2026-11-20\' AS "date") AS w {join} {pairs}'
    assert duckdb.sql(sql).fetchall() == [("DATE",)]


@pytest.mark.parametrize(
    ("sql", "text"),
    [
        ("SELECT true", "true"),
        ("SELECT ['a', NULL, 'b']", "[a, null, b]"),
        ("SELECT TIMESTAMP '2026-11-20 09:00:00'", "2026-11-20 09:00:00.000"),
        ("SELECT DATE '2026-11-20'", "2026-11-20"),
        ("SELECT NULL", None),
        ("SELECT 'x'", "x"),
        ("SELECT 7", "7"),
        ("SELECT CAST(2e7 AS DOUBLE)", "2.0E7"),
        ("SELECT TIMESTAMPTZ '2026-11-20 09:00:00+00'", "2026-11-20 09:00:00.000 UTC"),
        ("SELECT {'a': 1, 'b': NULL}", "{a=1, b=null}"),
    ],
)
def test_values_are_spelt_as_athena_spells_them(sql, text):
    with engine.connect() as connection:
        assert engine.run(connection, sql).rows == [[text]]


def test_sessions_share_a_database_until_it_fails_and_none_keeps_anothers_clock():
    with engine.session() as one, engine.session() as other:
        one.execute("CREATE TABLE shared AS SELECT 1 AS n")
        one.execute("SET TimeZone = 'America/Sao_Paulo'")
        assert other.execute("SELECT n, current_setting('TimeZone') FROM shared").fetchall() == [(1, "UTC")]
    with pytest.raises(duckdb.CatalogException), engine.session() as connection:
        connection.execute("SELECT * FROM nothing")
    with engine.session() as connection:
        assert connection.execute("SELECT n FROM shared").fetchall() == [(1,)]
    with pytest.raises(duckdb.InternalException), engine.session():
        raise duckdb.InternalException("the database has failed")
    with pytest.raises(duckdb.CatalogException), engine.session() as connection:
        connection.execute("SELECT n FROM shared")


@pytest.mark.parametrize(
    "sql",
    [
        "DROP TABLE scored_readings",
        "DROP TABLE IF EXISTS petrostream.scored_readings",
        "/* tidy */ drop table `scored_readings`;",
        "CREATE EXTERNAL TABLE other (a int) LOCATION 's3://b/x/'",
    ],
)
def test_no_statement_changes_the_catalogue(monkeypatch, sql):
    tables = {"petrostream/scored_readings": {"StorageDescriptor": {"Columns": []}}}
    monkeypatch.setattr(glue, "_tables", dict(tables))
    monkeypatch.setitem(athena._executions, "q", {"Status": {}, "Statistics": {}})
    asyncio.run(athena._execute_query("q", sql, "petrostream", athena._parse_ddl(sql)))
    status = athena._executions["q"]["Status"]
    assert status["State"] == "FAILED"
    assert "works on AWS, but the local twin answers SELECT and WITH only" in status["StateChangeReason"]
    assert glue._tables == tables


@pytest.mark.parametrize(
    ("sql", "values", "bound"),
    [
        ("SELECT ? + ?", ["1", "2"], "SELECT 1 + 2"),
        ("SELECT '?', ? -- ?", ["'a?'"], "SELECT '?', 'a?' -- ?"),
        ("EXECUTE known USING 7, 'x, y'", None, "SELECT 7, 'x, y'"),
        ("execute immediate 'SELECT 1' ", None, "SELECT 1"),
    ],
)
def test_values_take_the_places_of_question_marks(monkeypatch, sql, values, bound):
    started = []
    monkeypatch.setattr(
        athena._start_query_execution, "original", lambda data: started.append(data["QueryString"])
    )
    monkeypatch.setitem(athena._prepared_statements, "primary/known", {"QueryStatement": "SELECT ?, ?"})
    athena._start_query_execution({"QueryString": sql, "ExecutionParameters": values})
    assert started == [bound]


@pytest.mark.parametrize(
    ("sql", "values", "message"),
    [
        ("SELECT ?", ["1", "2"], "expected 1, found 2"),
        ("EXECUTE unknown", None, "Prepared statement not found: unknown"),
    ],
)
def test_values_that_do_not_fit_are_refused_at_the_start(sql, values, message):
    status, _, body = athena._start_query_execution({"QueryString": sql, "ExecutionParameters": values})
    assert status == 400
    assert message in json.loads(body)["message"]


def test_a_stack_takes_over_a_bucket_rebuilt_from_disk_and_no_other():
    kept = {"k": {"body": b"reading"}}
    s3._buckets["orphan"] = {"created": "then", "objects": kept, "region": None}
    assert provisioners.s3_bucket_name_conflict("orphan") is None
    create = provisioners._RESOURCE_HANDLERS["AWS::S3::Bucket"]["create"]
    name, _ = create("Bucket", {"BucketName": "orphan"}, "Stack")
    assert name == "orphan"
    assert s3._buckets["orphan"]["objects"] == kept
    assert s3._buckets["orphan"]["region"] == "us-east-1"
    assert "already exists" in provisioners.s3_bucket_name_conflict("orphan")
    with pytest.raises(ValueError, match="already exists"):
        create("Bucket", {"BucketName": "orphan"}, "Stack")


@pytest.mark.parametrize(
    ("action", "right"), [("PublishBatch", "sns:Publish"), ("Subscribe", "sns:Subscribe")]
)
def test_a_batch_of_messages_needs_the_right_to_publish(action, right):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    body = f"Action={action}&TopicArn=arn:aws:sns:us-east-1:000000000000:t".encode()
    assert iam_actions.extract_iam_action("sns", "POST", "/", headers, body, {}) == right
