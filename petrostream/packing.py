"""Encodes small arrays and a JSON header as bytes, for states that are stored in one item.

Layout: a magic of three letters and a version byte, then zlib (level 1) of: length of the header (4 bytes,
little-endian), the header, and the arrays in the header's order, little-endian. The bytes of an array are
grouped by significance, which halves the size after zlib.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import orjson
from isal import isal_zlib

MAX_RAW_BYTES = 64 * 1024 * 1024
"""Most bytes that an item is decompressed to, so that a damaged or hostile one cannot exhaust memory."""


class StateFormatError(ValueError):
    """The bytes are not a state of this version."""


Arrays = dict[str, np.ndarray[Any, Any]]
_TYPES = {"b": np.dtype("?"), "i": np.dtype("<i8"), "f": np.dtype("<f8")}


def pack(magic: bytes, version: int, header: dict[str, Any], arrays: Arrays) -> bytes:
    """Encode a header and arrays as bytes for `unpack`.

    Args:
        magic: three bytes that name the format.
        version: version of the format, 0 to 255.
        header: JSON values.
        arrays: arrays of bool, int64 or float64, of any shape.
    """
    layout = [[name, array.dtype.kind, list(array.shape)] for name, array in arrays.items()]
    text = orjson.dumps({"header": header, "arrays": layout})
    parts = [len(text).to_bytes(4, "little"), text]
    for array in arrays.values():
        plain = np.ascontiguousarray(array, _TYPES[array.dtype.kind])
        parts.append(plain.view(np.uint8).reshape(-1, plain.dtype.itemsize).T.tobytes())
    # Zlib data as any other: by ISA-L in an eighth of the time, and 5 % smaller.
    return magic + bytes([version]) + isal_zlib.compress(b"".join(parts), 1)


def unpack(what: str, magic: bytes, version: int, data: bytes) -> tuple[dict[str, Any], Arrays]:
    """Decode what `pack` returned: header and arrays.

    Args:
        what: name of the format, for errors.
        magic: the expected three bytes.
        version: the expected version.
        data: the bytes.

    Raises:
        StateFormatError: the bytes are damaged, or have another format or version.
    """
    raw = payload(what, magic, version, data)
    with damage(what, data):
        return _unpack(raw)


def payload(what: str, magic: bytes, version: int, data: bytes, words: bytes = b"") -> bytes:
    """Check magic and version, and decompress what follows them.

    Args:
        what: name of the format, for errors.
        magic: the expected three bytes.
        version: the expected version.
        data: the bytes.
        words: the preset dictionary that they were compressed with.

    Raises:
        StateFormatError: the bytes are damaged, or have another format or version.
    """
    if data[:3] != magic or len(data) < 5:
        raise StateFormatError(f"not a {what}: it starts with {data[:4]!r}, expected {magic!r}")
    if data[3] != version:
        raise StateFormatError(f"{what} has version {data[3]}; this release reads version {version}")
    with damage(what, data):
        return _inflate(data[4:], words)


@contextmanager
def damage(what: str, data: bytes) -> Iterator[None]:
    """Report what goes wrong while decoding as damage of the data.

    Raises:
        StateFormatError: the block failed on a key, position, type or value that the format does not have.
    """
    try:
        yield
    except (zlib.error, LookupError, ValueError, TypeError, AttributeError) as error:
        raise StateFormatError(f"damaged {what} of {len(data)} bytes: {error}") from error


def _inflate(data: bytes, words: bytes) -> bytes:
    """Decompress complete zlib data to at most `MAX_RAW_BYTES`.

    Raises:
        ValueError: the data is truncated, too long, or has bytes after its end.
        zlib.error: the data is damaged.
    """
    unpacker = zlib.decompressobj(zdict=words)
    raw = unpacker.decompress(data, MAX_RAW_BYTES)
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("the data is truncated, too long or has bytes after its end")
    return raw


def _unpack(raw: bytes) -> tuple[dict[str, Any], Arrays]:
    at = 4 + int.from_bytes(raw[:4], "little")
    content = orjson.loads(raw[4:at])
    arrays: Arrays = {}
    for name, kind, shape in content["arrays"]:
        dtype = _TYPES[kind]
        count = 1
        for length in shape:
            if not isinstance(length, int) or length < 0:
                raise ValueError(f"array {name} has shape {shape}")
            count *= length
        end = at + count * dtype.itemsize
        if end > len(raw):
            raise ValueError(f"array {name} is longer than the data")
        planes = np.frombuffer(raw, np.uint8, count * dtype.itemsize, at).reshape(dtype.itemsize, count)
        arrays[name] = np.ascontiguousarray(planes.T).view(dtype).reshape(shape)
        at = end
    if at != len(raw):
        raise ValueError(f"{len(raw) - at} bytes follow the last array")
    return content["header"], arrays
