"""Random numbers that are a pure function of a key and an instant.

A resumed replay asks for the same instants again and must get the same numbers, wherever it begins. So
no number depends on earlier ones: SplitMix64's mixing function (Steele, Lea, Flood 2014) is applied to
key + instant, which makes every number independent of all others.
"""

from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from petrostream.arrays import FloatArray, IntArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def key_of(seed: int, *names: str) -> int:
    """A key for a stream of random numbers: 64 bits that depend on all arguments."""
    text = "|".join([str(seed), *(f"{len(name)}:{name}" for name in names)])
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "little")


def uniform(key: int, ts_ms: IntArray, columns: int = 1) -> FloatArray:
    """Numbers from 0 up to 1, exclusive: shape (n, columns).

    Args:
        key: names the stream of numbers.
        ts_ms: shape (n,), instants.
        columns: independent numbers for each instant.
    """
    with np.errstate(over="ignore"):  # arithmetic modulo 2**64 is meant
        instants = _mixed(ts_ms.astype(np.uint64) * _GOLDEN + np.uint64(key))
        lanes = np.arange(1, columns + 1, dtype=np.uint64) * _GOLDEN
        bits = _mixed(instants[:, None] + lanes[None, :])
    numbers: FloatArray = (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return numbers


def normal(key: int, ts_ms: IntArray, columns: int = 1) -> FloatArray:
    """Standard normal numbers (Box and Muller 1958): shape (n, columns)."""
    pairs = uniform(key, ts_ms, 2 * columns)
    radius = np.sqrt(-2.0 * np.log1p(-pairs[:, :columns]))
    numbers: FloatArray = radius * np.cos(2.0 * np.pi * pairs[:, columns:])
    return numbers


def _mixed(bits: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    bits = (bits ^ (bits >> np.uint64(30))) * _FIRST
    bits = (bits ^ (bits >> np.uint64(27))) * _SECOND
    return bits ^ (bits >> np.uint64(31))
