"""Stopping a run cleanly on Ctrl-C or SIGTERM."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """Remembers the signal that asked to stop; a second one stops at once."""

    def __init__(self) -> None:
        self.signal = 0

    def asked(self) -> bool:
        """Whether a signal has come."""
        return self.signal != 0

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Take a signal."""
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number


@contextmanager
def stop_signal() -> Iterator[Stop]:
    """Catch Ctrl-C and SIGTERM while a replay runs."""
    stop = Stop()
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, stop) for number in numbers]
    try:
        yield stop
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
