"""Which readings are anomalous before and after a day is replaced: what a new model changes."""

from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
import pyarrow as pa

from petrostream.arrays import IntArray


@dataclass(slots=True)
class Flags:
    """Anomaly flags by reading, 16 bytes each.

    A reading is known by 64 bits of a digest of its `event_id`: of ten million readings two are the same with
    a chance of one in 370,000, and a count is then off by one.
    """

    _ids: list[np.ndarray[tuple[int], np.dtype[np.uint64]]] = field(default_factory=list)
    _flags: list[IntArray] = field(default_factory=list)

    def add(self, rows: pa.Table) -> None:
        """Take rows with `event_id` and `anomaly_flag` in."""
        texts = rows["event_id"].to_pylist()
        digests = b"".join(blake2b(str(text).encode(), digest_size=8).digest() for text in texts)
        self._ids.append(np.frombuffer(digests, np.uint64))
        flags = rows["anomaly_flag"].fill_null(0).to_numpy()
        self._flags.append(np.asarray(flags, np.int64))

    @property
    def readings(self) -> int:
        """How many readings there are, each once."""
        return len(np.unique(np.concatenate(self._ids))) if self._ids else 0

    def settled(self) -> "tuple[np.ndarray[tuple[int], np.dtype[np.uint64]], IntArray]":
        """Each reading once, ascending, and its flag: the highest of its copies.

        A further copy of a reading has no score, so its flag is 0 and does not count.
        """
        if not self._ids:
            return np.empty(0, np.uint64), np.empty(0, np.int64)
        ids, places = np.unique(np.concatenate(self._ids), return_inverse=True)
        flags = np.zeros(len(ids), np.int64)
        np.maximum.at(flags, places, np.concatenate(self._flags))
        return ids, flags


def compared(before: Flags, after: Flags) -> dict[str, int]:
    """How many readings are anomalous before and after, and of how many that differs.

    A reading that is only on one side counts as not anomalous on the other.
    """
    old, old_flags = before.settled()
    new, new_flags = after.settled()
    every = np.union1d(old, new)
    one, other = np.zeros(len(every), np.int64), np.zeros(len(every), np.int64)
    one[np.searchsorted(every, old)] = old_flags
    other[np.searchsorted(every, new)] = new_flags
    return {
        "flags_before": int(one.sum()),
        "flags_after": int(other.sum()),
        "changed_flags": int((one != other).sum()),
    }
