"""Firehose's quota of active partitions, for the twin: those whose buffer has not been delivered yet."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

from petrostream.aws.limits import FIREHOSE_ACTIVE_PARTITIONS

_DEFAULT_SECONDS = 300


@dataclass
class ActivePartitions:
    """The partitions in the buffers of all streams, each until its buffer would have been delivered.

    Attributes:
        clock: monotonic seconds.
        limit: most partitions of one stream at a time.
    """

    clock: Callable[[], float] = time.monotonic
    limit: int = FIREHOSE_ACTIVE_PARTITIONS
    _until: dict[str, dict[tuple[tuple[str, str], ...], float]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def admits(self, stream: str, destination: Mapping[str, Any], keys: Mapping[str, str] | None) -> bool:
        """Whether a record with these partition keys finds, or opens, a partition of the stream."""
        config = destination.get("config") or {}
        if not keys or not (config.get("DynamicPartitioningConfiguration") or {}).get("Enabled"):
            return True
        seconds = float((config.get("BufferingHints") or {}).get("IntervalInSeconds", _DEFAULT_SECONDS))
        partition = tuple(sorted(keys.items()))
        now = self.clock()
        with self._lock:
            open_ = {key: until for key, until in self._until.get(stream, {}).items() if until > now}
            if partition not in open_ and len(open_) >= self.limit:
                self._until[stream] = open_
                return False
            open_.setdefault(partition, now + seconds)
            self._until[stream] = open_
        return True
