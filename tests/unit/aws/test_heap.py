import ctypes
import gc
import platform
import subprocess
import sys

import pytest

from petrostream.aws.heap import COLLECT_AFTER, collect_seldom, keep_freed_memory
from tests.support.paths import ROOT

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="the allocator is not glibc's")

# Two blocks, so that the larger one is at the end of the heap when it is freed.
FAULTS = """
import resource, sys
from petrostream.aws.heap import keep_freed_memory
assert keep_freed_memory() if sys.argv[1] == "keep" else True
def once():
    small = bytearray(200_000)
    large = bytearray(24_000_000)
once()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    once()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how):
    command = [sys.executable, "-c", FAULTS, how]
    found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    return int(found.stdout)


@glibc
def test_what_is_freed_stays_in_the_process():
    assert keep_freed_memory()
    # A page of 4 KB each: 5,900 for the larger block, every time, where it is returned.
    assert 5 * faults("keep") < faults("return")


@pytest.mark.parametrize("library", [object(), None])
def test_another_allocator_is_left_alone(library, monkeypatch):
    def loaded(_):
        if library is None:
            raise OSError("no library of the process")
        return library

    monkeypatch.setattr(ctypes, "CDLL", loaded)
    assert not keep_freed_memory()


def test_a_batch_of_readings_is_no_reason_to_look_for_garbage():
    before = gc.get_threshold()
    try:
        collect_seldom()
        counted = gc.get_stats()[0]["collections"]
        batch = [{"ts": number} for number in range(COLLECT_AFTER[0] // 2)]

        assert gc.get_stats()[0]["collections"] - counted <= 1
        assert len(batch) == COLLECT_AFTER[0] // 2
    finally:
        gc.set_threshold(*before)
