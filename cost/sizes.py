"""Arithmetic of sizes and shares: pieces, rounding, compression, buffers."""

from collections.abc import Iterator
from fractions import Fraction
from math import ceil

from cost import figures as f
from petrostream.aws.firehose import COMPRESSED_FROM_BYTES


def pieces(size: Fraction, limit: int) -> Iterator[tuple[int, Fraction]]:
    """Split `size` bytes as the producer does, into full pieces and a rest: (count, bytes of each)."""
    full = int(size // limit)
    if full:
        yield full, Fraction(limit)
    if rest := size - full * limit:
        yield 1, rest


def rounded(size: Fraction, unit: int) -> int:
    """`size` in bytes rounded up to a multiple of `unit`."""
    return ceil(size / unit) * unit


def compressed(size: Fraction) -> Fraction:
    """Bytes of an entry of scored rows as it is sent."""
    return size * f.COMPRESSED_SHARE if size > COMPRESSED_FROM_BYTES else size


def vcpus(memory_mb: int) -> Fraction:
    """Share of a vCPU that comes with the memory; the code uses one at most."""
    return min(Fraction(1), Fraction(memory_mb, f.VCPU_MB))


def buffered(arrivals: Fraction, size: Fraction, seconds: int, megabytes: Fraction) -> Fraction:
    """Flushes a second of a buffer that is flushed by time or size, whichever is first; never empty."""
    by_time = Fraction(1, seconds) if seconds else arrivals
    return min(arrivals, max(by_time, size / (megabytes * 1024**2)))
