import dataclasses
import errno
import os

import orjson
import pytest

from producer import resume
from producer.errors import ResumeBusy, ResumeInvalid
from producer.resume import Progress
from producer.schedule import Span

PROGRESS = Progress(
    run_id="4f0c",
    digest="d1",
    options={"speed": "60"},
    started_ms=1_790_000_000_000,
    offset_ms={"2/WELL-00011_1": 5},
    positions={"WELL-00011": 17},
    blocks=3,
    calls=4,
    retries=1,
    seconds=2.5,
)


def test_what_is_saved_is_loaded(tmp_path):
    file = tmp_path / "home" / "replay-default.json"
    assert resume.load(file) is None
    resume.save(file, PROGRESS)
    assert resume.load(file) == PROGRESS
    assert resume.load(file).readings == 17


def test_a_save_that_fails_half_way_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    file = tmp_path / "replay-default.json"
    resume.save(file, PROGRESS)

    def no_space(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", no_space)
    with pytest.raises(OSError, match=f"No space left.*{file.name}"):
        resume.save(file, dataclasses.replace(PROGRESS, positions={"WELL-00011": 99}))
    assert resume.load(file) == PROGRESS


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"{", "not JSON"),
        (b"[]", "format 1"),
        (b'{"format": 2}', "format 1"),
        (orjson.dumps({**dataclasses.asdict(PROGRESS), "started_ms": "now"}), "'started_ms' is 'now'"),
        (orjson.dumps({**dataclasses.asdict(PROGRESS), "positions": {"A": -1}}), "'positions' has"),
    ],
)
def test_a_file_that_is_no_resume_file_is_named_with_what_is_wrong(tmp_path, content, problem):
    file = tmp_path / "replay-default.json"
    file.write_bytes(content)
    with pytest.raises(ResumeInvalid, match=problem) as caught:
        resume.load(file)
    assert str(file) in str(caught.value)


def test_the_digest_distinguishes_runs_that_would_send_other_readings_or_times():
    span = Span("2/WELL-00011_1", "WELL-00011", "FAC-03", 0, 9000, 0, 10)
    base = resume.digest([span], {"speed": "60"})
    assert resume.digest([span], {"speed": "60"}) == base
    other = [
        resume.digest([span], {"speed": "1"}),
        resume.digest([dataclasses.replace(span, facility_id="FAC-04")], {"speed": "60"}),
        resume.digest([dataclasses.replace(span, high=9)], {"speed": "60"}),
        resume.digest([span, dataclasses.replace(span, source="2/other")], {"speed": "60"}),
    ]
    assert base not in other
    assert len(set(other)) == len(other)


@pytest.mark.skipif(resume.fcntl is None, reason="no advisory locks on this system")
def test_two_replays_of_one_name_do_not_run_at_once(tmp_path):
    file = tmp_path / "replay-default.json"
    with resume.only_one(file), pytest.raises(ResumeBusy, match="--name"), resume.only_one(file):
        pass
    with resume.only_one(file):
        pass
