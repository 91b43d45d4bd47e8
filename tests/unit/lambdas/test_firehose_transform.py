import base64
import json
import zlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.firehose_transform.handler import (
    MAX_BLOCK_BYTES,
    MAX_RESPONSE_BYTES,
    TIMESTAMP_COLUMNS,
    Unplaceable,
    date_of,
    handler,
    transform,
)
from petrostream.lake.scored_readings import rows_to_blocks
from petrostream.readings.validation import validate_block
from petrostream.schema import schema
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from tests.support.event_source import Context
from tests.support.scoring_world import START_MS, block, reading

ROW = b'{"event_id":"e","ts":"2026-11-20 09:00:00.000"}\n'
OTHER_DAY = b'{"event_id":"f","ts":"2026-11-21 00:00:00.000"}\n'


def record(data, number=0):
    return {
        "recordId": f"4966{number:050d}",
        "approximateArrivalTimestamp": 1_795_000_000_000,
        "data": base64.b64encode(data).decode() if isinstance(data, bytes) else data,
    }


def one(data):
    (result,) = transform([record(data)])
    return result


def test_a_block_gets_the_date_of_its_rows_and_is_left_as_it_was():
    result = one(ROW + ROW)
    assert result == {
        "recordId": record(b"")["recordId"],
        "result": "Ok",
        "data": base64.b64encode(ROW + ROW).decode(),
        "metadata": {"partitionKeys": {"date": "2026-11-20"}},
    }


def test_blocks_of_scoring_are_placed_by_the_date_of_each_reading():
    day = 86_400
    found = validate_block(
        block(*(reading(1, second) for second in (0, 1, day, day + 1))),
        sequence="1",
        now_ms=START_MS + 1000 * 2 * day,
    )
    scored = score_batch(FacilityState("FAC-01"), found.readings, None, scored_at_ms=START_MS)
    blocks = rows_to_blocks(scored.rows)
    results = transform([record(made.data, i) for i, made in enumerate(blocks)])
    assert [result["result"] for result in results] == ["Ok", "Ok"]
    dates = [result["metadata"]["partitionKeys"]["date"] for result in results]
    assert dates == [made.date for made in blocks] == ["2025-10-09", "2025-10-10"]


def test_data_ends_with_a_line_feed_so_that_blocks_do_not_run_together():
    assert base64.b64decode(one(ROW.rstrip())["data"]) == ROW


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n \n",
        b"not json\n",
        b"[1]\n",
        b"null\n",
        b'{"event_id":"e"}\n',
        b'{"ts":1763629200000}\n',
        b'{"ts":"2026-11-20"}\n',
        b'{"ts":"2026-13-40 09:00:00.000"}\n',
        b'{"ts":"2026-11-20T23:00:00-05:00"}\n',
        b'{"ts":"date=2026-11-20/../../"}\n',
        ROW + OTHER_DAY,
        ROW + b"{broken\n",
        b"\xff\xfe\n",
        "@@@ not base64",
    ],
)
def test_a_block_without_one_date_fails_with_its_original_data(data):
    result = one(data)
    assert result["result"] == "ProcessingFailed"
    assert result["data"] == record(data)["data"]
    assert "metadata" not in result


# Firehose Developer Guide, "Convert input data format": what its OpenX JSON SerDe reads as a timestamp.
@pytest.mark.parametrize(
    "ts",
    [
        "2026-11-20 09:00:00",
        "2026-11-20 09:00:00.5",
        "2026-11-20 09:00:00.123456789",
        "2026-11-20T09:00:00Z",
        "2026-11-20T09:00:00.000Z",
        "2026-11-2 09:00:00.000",
    ],
)
def test_a_time_that_the_conversion_reads_is_placed(ts):
    result = one(b'{"ts":"%b"}\n' % ts.encode())
    assert result["result"] == "Ok"
    assert result["metadata"]["partitionKeys"]["date"] == f"2026-11-{'02' if '-2 ' in ts else '20'}"


UNCONVERTIBLE = [
    "2026-11-20T09:00:00",
    "2026-W47-5T09:00:00",
    "20261120T090000.000",
    "20261120 090000.000",
    "2026-11-20 09:00:00,123",
    "2026-11-20T09:00:00,123Z",
    "2026-11-20 09:00",
    "2026-11-20 09:00:00.",
    "2026-11-20 09:00:00.1234567890",
    "2026-11-20 09:00:00Z",
    "2026-11-20 09:00:00.000+00:00",
    "2026-11-20x09:00:00.000",
    "2026-1-2T09:00:00Z",
    "2026-11-20 24:00:00",
    "2026-11-20 09:00:60",
    "2026-02-30 09:00:00",
    " 2026-11-20 09:00:00",
    "2026-11-20 09:00:00\n",
    "\u0662\u0660\u0662\u0666-11-20 09:00:00",
]


@pytest.mark.parametrize("ts", UNCONVERTIBLE)
@pytest.mark.parametrize("column", ["ts", "source_ts", "scored_at"])
def test_a_time_that_the_conversion_refuses_fails_with_its_line_and_column(ts, column):
    data = ROW + json.dumps(json.loads(ROW) | {column: ts}).encode() + b"\n"
    assert one(data)["result"] == "ProcessingFailed"
    with pytest.raises(Unplaceable, match=rf"line 1 has {column} "):
        date_of(data)


def test_a_missing_or_null_time_other_than_ts_is_no_fault():
    assert one(b'{"ts":"2026-11-20 09:00:00.000","source_ts":null}\n')["result"] == "Ok"


def test_every_timestamp_column_of_the_tables_behind_the_transform_is_checked():
    tables = ("scored_readings", "facility_readings", "alarms")
    columns = {field.name for table in tables for field in schema(table).fields if field.type == "timestamp"}
    assert columns == set(TIMESTAMP_COLUMNS)


def test_every_record_is_answered_in_order_and_good_ones_do_not_suffer():
    results = transform([record(ROW, 0), record(b"bad", 1), record(OTHER_DAY, 2)])
    assert [result["recordId"] for result in results] == [record(b"", i)["recordId"] for i in range(3)]
    assert [result["result"] for result in results] == ["Ok", "ProcessingFailed", "Ok"]


def test_an_answer_never_passes_what_lambda_may_return():
    large = ROW * 20_000
    results = transform([record(large, i) for i in range(6)])
    assert len(json.dumps({"records": results})) <= MAX_RESPONSE_BYTES < 6 * 1024 * 1024
    assert [result["result"] for result in results].count("Ok") == 4
    assert len(results) == 6


@given(st.lists(st.one_of(st.binary(max_size=60), st.just(ROW), st.text(max_size=40)), max_size=6))
def test_any_data_gets_an_answer(payloads):
    results = transform([record(data, i) for i, data in enumerate(payloads)])
    assert [result["recordId"][-1] for result in results] == [str(i) for i in range(len(payloads))]
    for result in results:
        assert result["result"] in {"Ok", "ProcessingFailed"}
        if result["result"] == "Ok":
            assert base64.b64decode(result["data"], validate=True).endswith(b"\n")


def test_the_handler_answers_in_firehose_s_form_and_counts(capsys):
    event = {"invocationId": "i", "deliveryStreamArn": "arn", "region": "us-east-1"}
    result = handler({**event, "records": [record(ROW), record(b"bad", 1)]}, Context())
    assert orjson.loads(orjson.dumps(result))["records"][0]["result"] == "Ok"
    emf = [line for line in map(json.loads, capsys.readouterr().out.splitlines()) if "_aws" in line]
    assert emf[0]["BlocksFailed"] == [1.0]
    handler({**event, "records": [record(ROW)]}, Context())
    assert "_aws" not in capsys.readouterr().out


def test_a_compressed_block_is_returned_as_rows():
    result = one(zlib.compress(ROW * 50, 1))
    assert result["result"] == "Ok"
    assert base64.b64decode(result["data"]) == ROW * 50
    assert base64.b64decode(one(zlib.compress(ROW.rstrip(), 1))["data"]) == ROW


@pytest.mark.parametrize(
    "damaged",
    [
        zlib.compress(ROW, 1)[:-3],
        zlib.compress(ROW, 1) + b"more",
        b"x no zlib",
        zlib.compress(ROW * (MAX_BLOCK_BYTES // len(ROW) + 1), 1),  # over what a block may be
    ],
)
def test_a_block_that_cannot_be_decompressed_fails_with_its_original_data(damaged):
    result = one(damaged)
    assert result["result"] == "ProcessingFailed"
    assert base64.b64decode(result["data"]) == damaged
