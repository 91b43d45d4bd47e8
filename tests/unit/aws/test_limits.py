"""What is configured and what is cut keeps within AWS's limits, and the page of limits names each of them."""

import re

import pytest

from infra.settings import load_settings
from lambdas.firehose_transform import handler as transform
from petrostream.aws import limits
from petrostream.aws.state import MAX_STATE_BYTES
from petrostream.facility.state import MAX_TANKS
from petrostream.lake.blocks import MAX_BLOCK_BYTES
from petrostream.lake.scored_readings import rows_to_blocks
from petrostream.live.items import facility_key, fleet_item, slot_sk, well_pk
from petrostream.readings import validate_block
from petrostream.readings.inspection import MAX_DATES, MAX_NAME_CHARS
from petrostream.schema import schema
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from tests.support.paths import ROOT
from tests.support.scoring_world import START_MS, block, reading
from toolchain.package import MAX_UNPACKED_BYTES

SETTINGS = load_settings()
PAGE = (ROOT / "docs" / "reference" / "aws-limits.md").read_text()
LIMITS = sorted(name for name in vars(limits) if name.isupper() and name not in {"KIB", "MIB"})
DAY = 86_400


@pytest.mark.parametrize("name", LIMITS)
def test_the_page_names_every_limit_with_its_source(name):
    (line,) = [line for line in PAGE.splitlines() if f"`{name}`" in line]
    assert re.search(r"\(https://docs\.aws\.amazon\.com/\S+\)", line)


def test_blocks_and_answers_are_cut_below_their_limits():
    assert SETTINGS.stream.max_block_bytes <= limits.KINESIS_RECORD_BYTES
    assert MAX_BLOCK_BYTES <= limits.FIREHOSE_ENTRY_BYTES
    assert transform.MAX_RESPONSE_BYTES < limits.LAMBDA_PAYLOAD_BYTES
    assert MAX_STATE_BYTES < limits.DYNAMODB_ITEM_BYTES
    assert MAX_UNPACKED_BYTES < limits.LAMBDA_UNPACKED_BYTES


def test_functions_and_their_sources_are_configured_within_lambdas_limits():
    scoring, firehose = SETTINGS.scoring, SETTINGS.firehose_transform
    assert scoring.batch_size <= limits.EVENT_SOURCE_RECORDS
    assert scoring.batching_window_seconds <= limits.EVENT_SOURCE_WINDOW_SECONDS
    assert scoring.timeout_seconds <= limits.LAMBDA_SECONDS
    assert firehose.timeout_seconds <= limits.FIREHOSE_TRANSFORM_SECONDS <= limits.LAMBDA_SECONDS


@pytest.mark.parametrize("name", ["delivery", "facility", "alarms"])
def test_a_full_buffer_of_a_transform_fits_a_request_and_an_answer_in_base64(name):
    hose = getattr(SETTINGS.firehose, name)
    # A buffer may pass its hint by one entry.
    size = hose.transform_buffer_mb * limits.MIB + limits.FIREHOSE_ENTRY_BYTES
    assert hose.transform_buffer_mb <= limits.FIREHOSE_TRANSFORM_MB
    assert size * 4 / 3 <= transform.MAX_RESPONSE_BYTES


def test_the_longest_keys_of_objects_and_items_fit():
    longest = max(len(schema(table).prefix) for table in ("scored_readings", "facility_readings", "alarms"))
    names = [SETTINGS.firehose.delivery.name, SETTINGS.firehose.facility.name, SETTINGS.firehose.alarms.name]
    prefix = len(SETTINGS.firehose.error_prefix) + longest + 2 * max(map(len, names))
    assert prefix + len("format-conversion-failed/date=2026-11-20/2026/11/20/09/") + 100 < limits.S3_KEY_BYTES
    # DynamoDB: 2,048 bytes of a partition key, 1,024 of a sort key; a character may take four.
    name = "\U0001f6e2" * MAX_NAME_CHARS
    assert len(well_pk(name).encode()) <= 2048
    assert len(facility_key(name)["pk"]["S"].encode()) <= 2048
    assert len(fleet_item(name)["sk"]["S"].encode()) <= 1024
    assert len(slot_sk(START_MS).encode()) <= 1024
    assert MAX_TANKS * 4 * MAX_NAME_CHARS < MAX_STATE_BYTES


@pytest.mark.parametrize("path", sorted((ROOT / "sql").rglob("*.sql")), ids=lambda path: path.name)
def test_every_statement_fits_athenas_query(path):
    assert len(path.read_bytes()) < limits.ATHENA_QUERY_BYTES


def dated(days):
    """A reading a day, from long ago to the day of the record."""
    rows = (reading(1, -DAY * day, source=f"s{day}") for day in reversed(range(days)))
    return validate_block(block(*rows), sequence="1", now_ms=START_MS + 60_000)


def test_one_record_opens_a_bounded_number_of_partitions_and_nothing_of_it_is_lost():
    content = dated(5_300)
    assert len(content.readings) == MAX_DATES
    assert len(content.rejected) == 5_300 - MAX_DATES
    assert {rejected.reasons for rejected in content.rejected} == {("too_many_dates:ts",)}
    assert content.rejected[0].well_id == "WELL-00001"
    scored = score_batch(FacilityState("FAC-01"), content.readings, None, scored_at_ms=START_MS)
    assert len(rows_to_blocks(scored.rows)) == MAX_DATES < limits.FIREHOSE_ACTIVE_PARTITIONS


def test_dates_up_to_the_bound_are_all_kept_in_whatever_order_they_come():
    assert dated(MAX_DATES).rejected == []
    rows = [reading(1, -DAY * (i % MAX_DATES), source=f"s{i}") for i in range(3 * MAX_DATES)]
    assert validate_block(block(*rows), sequence="1", now_ms=START_MS + 60_000).rejected == []
    over = [*rows, reading(1, -DAY * MAX_DATES), reading(2, 0)]
    content = validate_block(block(*over), sequence="1", now_ms=START_MS + 60_000)
    assert [rejected.line for rejected in content.rejected] == [3 * MAX_DATES]
    assert content.readings.well_id[-1] == "WELL-00002"
