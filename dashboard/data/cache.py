"""A cache by key and time to live, shared by all viewers, with one caller at a time for each key.

A failure is kept for a moment too: a screen that refreshes every two seconds must not hammer a service that
is down, nor wait for its time-outs each time.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import TypeVar, cast

Value = TypeVar("Value")

FAILURE_SECONDS = 5.0
MOST_ENTRIES = 200


@dataclass(slots=True)
class _Entry:
    lock: threading.Lock = field(default_factory=threading.Lock)
    until: float = 0.0
    value: object = None
    error: Exception | None = None


class TtlCache:
    """Values that expire.

    Args:
        most: how many keys are kept; those used longest ago are dropped first.
        clock: returns monotonic seconds.
    """

    def __init__(self, most: int = MOST_ENTRIES, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Hashable, seconds: float, make: Callable[[], Value]) -> Value:
        """The value of a key, made if there is none that is young enough.

        Args:
            key: what is asked for; the same key must always be asked for with the same `make`.
            seconds: how long a value made now is kept.
            make: makes it; called once at a time for each key.

        Raises:
            Exception: what `make` raised, now or up to `FAILURE_SECONDS` ago.
        """
        with self._lock:
            entry = self._entries.setdefault(key, _Entry())
            self._entries.move_to_end(key)
            while len(self._entries) > self._most:
                self._entries.popitem(last=False)
        with entry.lock:
            if self._clock() >= entry.until:
                self._make(entry, seconds, make)
            if entry.error is not None:
                raise entry.error
            return cast("Value", entry.value)

    def _make(self, entry: _Entry, seconds: float, make: Callable[[], object]) -> None:
        try:
            entry.value, entry.error = make(), None
        except Exception as error:
            entry.value, entry.error = None, error
        kept = seconds if entry.error is None else min(seconds, FAILURE_SECONDS)
        entry.until = self._clock() + kept

    def peek(self, key: Hashable) -> object | None:
        """The last value of a key, however old, None if there is none; nothing is made or waited for."""
        with self._lock:
            entry = self._entries.get(key)
        return None if entry is None else entry.value

    def forget(self, key: Hashable) -> None:
        """Drop the value of a key, if there is one."""
        with self._lock:
            self._entries.pop(key, None)

    def clear(self) -> None:
        """Drop everything."""
        with self._lock:
            self._entries.clear()
