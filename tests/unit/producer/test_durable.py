"""A file that survives a crash and a full disk whole. /dev/full refuses bytes as a full disk does."""

import errno
from datetime import UTC, datetime
from pathlib import Path

import pytest

from producer import durable, resume
from producer.cdc import state as cdc_state
from producer.cdc.keys import RowKey
from producer.cdc.poll import Position
from producer.resume import Progress

FULL = Path("/dev/full")

pytestmark = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full on this system")


def fill_disk(path):
    path.with_suffix(".part").symlink_to(FULL)


def test_a_full_disk_leaves_the_old_content_and_no_part_and_is_said_with_the_file(tmp_path):
    path = tmp_path / "replay.json"
    durable.write(path, b"before")
    fill_disk(path)
    with pytest.raises(OSError, match="No space left on device") as caught:
        durable.write(path, b"after")
    assert caught.value.errno == errno.ENOSPC
    assert str(path) in str(caught.value)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
    durable.write(path, b"after")
    assert path.read_bytes() == b"after"


def test_a_replays_progress_is_the_last_that_was_written_whole(tmp_path):
    path = tmp_path / "replay.json"
    progress = Progress(run_id="r", digest="d", options={}, started_ms=1)
    resume.save(path, progress)
    fill_disk(path)
    progress.positions["WELL-00001"] = 7
    with pytest.raises(OSError, match="No space left"):
        resume.save(path, progress)
    assert resume.load(path).positions == {}


def test_a_polls_state_is_the_last_that_was_written_whole(tmp_path):
    path = tmp_path / "cdc-wells.json"
    first, second = (
        cdc_state.PollState("t", Position(mark=RowKey(datetime(2026, 1, 1, 0, minute, tzinfo=UTC), "1")))
        for minute in (1, 2)
    )
    cdc_state.save(path, first)
    fill_disk(path)
    with pytest.raises(OSError, match="No space left"):
        cdc_state.save(path, second)
    assert cdc_state.load(path, "t") == first
