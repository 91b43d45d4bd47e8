"""From the bytes of a line to a JSON object, or to the one reason why there is none."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson

from petrostream.arrays import FloatArray
from petrostream.readings.wells import MAX_LINE_BYTES

Record = dict[str, Any]
"""A decoded line: any JSON object."""


def decode_lines(lines: list[bytes]) -> list[Record | str]:
    """What each line holds: its JSON object, or the reason it has none.

    Reasons: `line_too_long`, `not_utf8`, `not_json` (NaN and Infinity are not JSON), `not_object`.
    """
    if lines and len(max(lines, key=len)) <= MAX_LINE_BYTES:
        try:
            records = [orjson.loads(line) for line in lines]
        except orjson.JSONDecodeError:
            pass  # some line is bad: find out which, and why
        else:
            if {type(record) for record in records} == {dict}:
                return records
    return [_decode(line) for line in lines]


def _decode(line: bytes) -> Record | str:
    # A line over the limit is not even parsed: the limit is there to bound the work one line can cause.
    if len(line) > MAX_LINE_BYTES:
        return "line_too_long"
    try:
        value = orjson.loads(line)
    except orjson.JSONDecodeError:
        try:
            value = _decode_leniently(line)
        except UnicodeDecodeError:
            return "not_utf8"
        except (ValueError, RecursionError):
            return "not_json"
    return value if isinstance(value, dict) else "not_object"


def _decode_leniently(line: bytes) -> object:
    """Read JSON that orjson refuses although it is JSON: numbers too large for a double.

    `1e999` is a legal JSON number, so it must condemn a value and not the line it stands in; Python's
    own parser reads it as infinite.
    """
    value = json.loads(line.decode(), parse_constant=_refuse, parse_int=_integer)
    # Python's parser lets lone surrogates through, which no later stage could write as UTF-8.
    json.dumps(value, ensure_ascii=False).encode()
    return value


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


def _integer(digits: str) -> int | float:
    # Beyond 64 bits a double is as good, and Python refuses to read an integer of 5,000 digits.
    return int(digits) if len(digits) <= 18 else float(digits)


def frame_rms(text: str) -> float:
    """Root mean square of a vibration frame, in the unit of its samples (m/s2).

    Args:
        text: base64 of little-endian float32 samples.

    Raises:
        ValueError: the text is not base64, or not a whole, positive number of samples.
    """
    return float(frames_rms([text])[0])


def frames_rms(texts: Sequence[str]) -> FloatArray:
    """Root mean squares of n >= 1 vibration frames of one length: shape (n,), as `frame_rms` of each.

    Raises:
        ValueError: a text is not base64, or not a whole, positive number of samples, or the frames differ in
            length.
    """
    try:
        frames = [base64.b64decode(text, validate=True) for text in texts]
    except binascii.Error as error:
        raise ValueError("not base64") from error
    size = len(frames[0])
    if not size or size % 4 or any(len(frame) != size for frame in frames):
        raise ValueError(f"{size} bytes are not a whole, positive number of float32 samples in every frame")
    with np.errstate(invalid="ignore"):  # converting a signalling NaN warns; the result is NaN, as it should
        samples = np.frombuffer(b"".join(frames), dtype="<f4").astype(np.float64).reshape(len(frames), -1)
    rms: FloatArray = np.sqrt(np.mean(samples * samples, axis=1))
    return rms
