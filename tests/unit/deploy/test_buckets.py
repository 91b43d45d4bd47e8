"""Emptying a bucket: every version, in calls S3 accepts, with what fails repeated or named."""

import pytest

from deploy import buckets
from tests.support.fake_bucket import FakeBucket
from toolchain.errors import ToolError


def objects(number):
    return [(f"k{n}", f"v{n}") for n in range(number)]


def empty(bucket):
    waits = []
    return buckets.empty("b", bucket, sleep=waits.append), waits


def test_old_versions_and_marks_of_deletions_go_too():
    bucket = FakeBucket([("a", "1"), ("a", "2")], [("b", "3")])
    assert empty(bucket)[0] == 3
    assert (bucket.versions, bucket.markers) == ([], [])


@pytest.mark.parametrize(("versions", "markers"), [(0, 0), (1, 0), (0, 1), (1000, 1001), (3200, 1600)])
def test_no_call_holds_more_than_s3_takes(versions, markers):
    bucket = FakeBucket(objects(versions), [(f"m{n}", "1") for n in range(markers)])
    assert empty(bucket)[0] == versions + markers
    assert all(size <= 1000 for size in bucket.call_sizes)
    assert not bucket.versions
    assert not bucket.markers


def test_a_passing_refusal_is_repeated_for_that_object_alone():
    bucket = FakeBucket(objects(3), refusals=["SlowDown", "InternalError"])
    _, waits = empty(bucket)
    assert bucket.call_sizes == [3, 1, 1]
    assert len(waits) == 2
    assert not bucket.versions


def test_a_lasting_refusal_names_the_object():
    with pytest.raises(ToolError, match=r"s3://b/k0 cannot be deleted: AccessDenied"):
        empty(FakeBucket(objects(3), refusals=["AccessDenied"]))


def test_refusals_without_end_are_given_up():
    with pytest.raises(ToolError, match="in 6 attempts"):
        empty(FakeBucket(objects(1), refusals=["SlowDown"] * 100))


def test_what_arrives_meanwhile_is_deleted_as_well():
    bucket = FakeBucket(objects(1))
    bucket.late = [("late", "1")]
    assert empty(bucket)[0] == 2
    assert not bucket.versions


def test_a_bucket_that_is_gone_is_empty():
    assert empty(FakeBucket(missing=True))[0] == 0
    assert buckets.content("b", FakeBucket(missing=True)) is None


def test_content_counts_versions_marks_and_bytes():
    assert buckets.content("b", FakeBucket(objects(3), [("m", "1")])) == buckets.Content(4, 30)
