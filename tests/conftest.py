"""Settings that all tests share."""

import gc
import signal

import pytest
from hypothesis import settings

from tests.support.depth import DEEP, examples

# A deadline would be an assertion about time, and those fail on a busy machine for no fault of the code.
settings.register_profile("explore", deadline=None, print_blob=True)
# The same examples each time: what fails here is the change under test, not somebody else's unlucky draw.
settings.register_profile(
    "repeatable",
    settings.get_profile("explore"),
    derandomize=True,
    max_examples=examples(settings.default.max_examples),
)
settings.load_profile("explore" if DEEP else "repeatable")

# A process that has imported half of the project looks through all of it each time: a twentieth of its work.
gc.set_threshold(100_000, 20, 50)

# What a shell's `&` starts ignores SIGINT, and hands that down: no test could interrupt anything.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from tests.support.schedule import scheduler

    return scheduler(config, log)
