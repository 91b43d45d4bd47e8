"""A lock keeps others out, until who holds it lets go or dies."""

import fcntl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.once import once
from toolchain.locks import alone


def is_free(lock):
    with lock.open("a") as other:
        try:
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True


def test_others_are_kept_out_until_it_is_let_go(tmp_path):
    lock = tmp_path / "not" / "there yet" / "lock"
    with alone(lock):
        assert not is_free(lock)
    assert is_free(lock)
    with pytest.raises(ValueError, match="failed"), alone(lock):
        raise ValueError("failed")
    assert is_free(lock)


def test_a_process_that_dies_lets_go(tmp_path):
    lock = tmp_path / "lock"
    code = (
        "import os, sys; from pathlib import Path; from toolchain.locks import alone\n"
        "with alone(Path(sys.argv[1])):\n    print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(lock)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout.readline() == b"held\n"
        assert not is_free(lock)
        process.kill()
        process.wait()
    assert is_free(lock)


def test_of_many_who_need_the_same_one_makes_it(tmp_path):
    made = []

    def make(folder):
        made.append(folder)
        (folder / "part").write_text("whole")

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: (once(tmp_path / "it", make) / "part").read_text(), range(4)))
    assert found == ["whole"] * 4
    assert made == [tmp_path / "it"]


def test_what_failed_is_made_anew(tmp_path):
    def fail(folder):
        (folder / "half").touch()
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        once(tmp_path / "it", fail)
    assert list(once(tmp_path / "it", lambda folder: (folder / "whole").touch()).iterdir()) == [
        tmp_path / "it" / "whole"
    ]
