"""Small arrays and a JSON header as bytes, and back; for states that travel as one item.

Layout: a magic of three letters and a version byte, then zlib (level 1) of: length of the header (4 bytes,
little-endian), the header, and the arrays in the header's order, little-endian. Bytes of an array are sorted
by significance, which zlib then packs to about a half.
"""

import zlib
from typing import Any

import numpy as np
import orjson

MAX_RAW_BYTES = 64 * 1024 * 1024
"""Stops a damaged or hostile item from being unpacked without end."""


class StateFormatError(ValueError):
    """Bytes that are not a state of this version."""


Arrays = dict[str, np.ndarray[Any, Any]]
_TYPES = {"b": np.dtype("?"), "i": np.dtype("<i8"), "f": np.dtype("<f8")}


def pack(magic: bytes, version: int, header: dict[str, Any], arrays: Arrays) -> bytes:
    """Bytes that `unpack` reads back.

    Args:
        magic: three bytes that name the format.
        version: of the format, 0 to 255.
        header: anything JSON can hold.
        arrays: booleans, int64 or float64, of any shape.
    """
    layout = [[name, array.dtype.kind, list(array.shape)] for name, array in arrays.items()]
    text = orjson.dumps({"header": header, "arrays": layout})
    parts = [len(text).to_bytes(4, "little"), text]
    for array in arrays.values():
        plain = np.ascontiguousarray(array, _TYPES[array.dtype.kind])
        parts.append(plain.view(np.uint8).reshape(-1, plain.dtype.itemsize).T.tobytes())
    return magic + bytes([version]) + zlib.compress(b"".join(parts), 1)


def unpack(what: str, magic: bytes, version: int, data: bytes) -> tuple[dict[str, Any], Arrays]:
    """Header and arrays that `pack` was given.

    Args:
        what: names the format in errors.
        magic: as packed.
        version: the one that is read.
        data: the bytes.

    Raises:
        StateFormatError: the bytes are damaged, of another format or of another version.
    """
    if data[:3] != magic or len(data) < 5:
        raise StateFormatError(f"not a {what}: it starts with {data[:4]!r}, expected {magic!r}")
    if data[3] != version:
        raise StateFormatError(f"{what} of version {data[3]}, this release reads version {version}")
    try:
        return _unpack(inflate(data[4:]))
    except (zlib.error, ValueError, KeyError, TypeError) as error:
        raise StateFormatError(f"damaged {what} of {len(data)} bytes: {error}") from error


def inflate(data: bytes) -> bytes:
    """Unpack zlib data, whole and at most `MAX_RAW_BYTES` of it.

    Raises:
        ValueError: it is cut off, too long, or has bytes after its end.
        zlib.error: it is damaged.
    """
    unpacker = zlib.decompressobj()
    raw = unpacker.decompress(data, MAX_RAW_BYTES)
    if not unpacker.eof or unpacker.unused_data:
        raise ValueError("it is cut off, too long or has bytes after its end")
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
            raise ValueError(f"array {name} does not fit")
        planes = np.frombuffer(raw, np.uint8, count * dtype.itemsize, at).reshape(dtype.itemsize, count)
        arrays[name] = np.ascontiguousarray(planes.T).view(dtype).reshape(shape)
        at = end
    if at != len(raw):
        raise ValueError(f"{len(raw) - at} bytes are left over")
    return content["header"], arrays
