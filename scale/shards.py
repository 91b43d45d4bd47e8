"""How facilities fall on shards: a facility is a partition key, placed by its MD5, and stays on its shard."""

import hashlib
from collections.abc import Iterable

import numpy as np

from petrostream.arrays import IntArray


def shard_of(facility: str, shards: int) -> int:
    """The shard of a partition key, of shards with hash ranges of one size, as Kinesis places it."""
    place = hashlib.md5(facility.encode(), usedforsecurity=False).digest()
    return int.from_bytes(place, "big") * shards >> 128


def facilities_of_shards(facilities: Iterable[str], shards: int) -> IntArray:
    """How many facilities each shard has, shape (shards,)."""
    return np.bincount([shard_of(one, shards) for one in facilities], minlength=shards)


def names(facilities: int) -> list[str]:
    """Partition keys of that many facilities."""
    return [f"FAC-{number:05d}" for number in range(1, facilities + 1)]
