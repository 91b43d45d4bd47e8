import base64

import pytest

from tests.support.event_source import MAX_EVENT_BYTES, EventSource, Mapping, StreamRecord, failed_from


def shard(count, size=10, every_ms=0):
    return [StreamRecord(str(100 + i), "FAC-01", b"x" * size, 1_000 + i * every_ms) for i in range(count)]


def numbers(event):
    return [record["kinesis"]["sequenceNumber"] for record in event["Records"]]


def naming(*bad):
    """A function that reports, of its batch, the records named."""

    def function(event, context):
        return {"batchItemFailures": [{"itemIdentifier": n} for n in numbers(event) if n in bad]}

    return function


def test_batches_close_at_the_batch_size():
    source = EventSource(lambda event, context: None, Mapping(batch_size=2))
    source.run(shard(5))
    assert source.batches == [["100", "101"], ["102", "103"], ["104"]]


def test_batches_close_before_the_event_passes_six_megabytes():
    sizes = []
    source = EventSource(lambda event, context: sizes.append(len(str(event))), Mapping(batch_size=100))
    source.run(shard(12, size=1_000_000))
    assert [len(batch) for batch in source.batches] == [4, 4, 4]
    assert max(sizes) <= MAX_EVENT_BYTES


def test_a_record_that_arrives_after_the_window_waits_for_the_next_batch():
    source = EventSource(lambda event, context: None, Mapping(window_ms=2_500))
    source.run(shard(5, every_ms=1_000))
    assert source.batches == [["100", "101", "102"], ["103", "104"]]


def test_the_event_carries_what_was_put():
    seen = []
    EventSource(lambda event, context: seen.extend(event["Records"])).run(shard(1))
    kinesis = seen[0]["kinesis"]
    assert base64.b64decode(kinesis["data"]) == b"x" * 10
    assert (kinesis["partitionKey"], kinesis["sequenceNumber"]) == ("FAC-01", "100")
    assert kinesis["approximateArrivalTimestamp"] == 1.0


def test_delivery_starts_again_at_the_lowest_failure_named():
    failures = [["103", "101"], []]
    source = EventSource(
        lambda event, context: {"batchItemFailures": [{"itemIdentifier": n} for n in failures.pop(0)]},
        Mapping(report_item_failures=True, bisect=True),
    )
    source.run(shard(5))
    assert source.batches == [["100", "101", "102", "103", "104"], ["101", "102", "103", "104"]]


def test_an_answer_means_nothing_when_reporting_is_off():
    source = EventSource(naming("101"), Mapping(report_item_failures=False))
    source.run(shard(3))
    assert len(source.batches) == 1


def test_an_error_is_bisected_down_to_the_record_that_causes_it():
    def function(event, context):
        if "102" in numbers(event):
            raise ValueError("poison")

    source = EventSource(function, Mapping(bisect=True, retry_attempts=0))
    source.run(shard(4))
    assert source.batches == [["100", "101", "102", "103"], ["100", "101"], ["102", "103"], ["102"], ["103"]]
    (notice,) = source.notices
    assert notice["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert notice["KinesisBatchInfo"]["startSequenceNumber"] == "102"
    assert notice["KinesisBatchInfo"]["batchSize"] == 1


def test_without_bisect_the_batch_is_repeated_then_dropped_and_the_shard_moves_on():
    def function(event, context):
        if "100" in numbers(event):
            raise ValueError("poison")

    notices = []
    source = EventSource(function, Mapping(batch_size=2, retry_attempts=2), on_failure=notices.append)
    source.run(shard(4))
    assert source.batches == [["100", "101"]] * 3 + [["102", "103"]]
    assert notices[0]["KinesisBatchInfo"]["endSequenceNumber"] == "101"
    assert notices[0]["requestContext"]["approximateInvokeCount"] == 3


def test_records_over_the_maximum_age_are_dropped_while_a_batch_fails():
    def function(event, context):
        raise TimeoutError

    source = EventSource(function, Mapping(maximum_record_age_ms=5_000))
    source.run(shard(1))
    assert len(source.batches) == 6
    assert source.notices[0]["requestContext"]["condition"] == "RecordAgeExceeded"


@pytest.mark.parametrize("answer", [None, {}, {"batchItemFailures": []}, {"batchItemFailures": None}])
def test_answers_that_mean_success(answer):
    assert failed_from(answer, ["1", "2"]) == (None, False)


@pytest.mark.parametrize(
    "answer",
    [
        {"batchItemFailures": [{"itemIdentifier": ""}]},
        {"batchItemFailures": [{"itemIdentifier": None}]},
        {"batchItemFailures": [{"sequenceNumber": "2"}]},
        {"batchItemFailures": [{"itemIdentifier": "7"}]},
        {"batchItemFailures": "2"},
        {"failures": []},
        "done",
    ],
)
def test_answers_that_fail_the_whole_batch(answer):
    assert failed_from(answer, ["1", "2"]) == (0, True)
