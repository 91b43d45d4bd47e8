"""Decodes the lines of a block: each is a JSON object, or rejected with one reason."""

import base64
import binascii
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson

from petrostream.arrays import FloatArray
from petrostream.readings.wells import MAX_LINE_BYTES

FEW = 4
"""Fewer lines than this are decoded one by one."""

JsonObject = dict[str, Any]
"""A decoded line, not validated yet."""


def decode_lines(lines: list[bytes]) -> list[JsonObject | str]:
    """Decode n lines.

    Returns:
        For each line its JSON object, or the reason it has none: `line_too_long`, `not_utf8`, `not_json`
        (NaN and Infinity are not JSON) or `not_object`.
    """
    if lines and max(map(len, lines)) <= MAX_LINE_BYTES:
        try:
            objects: list[JsonObject | str] = _decode_at_once(lines) or [orjson.loads(line) for line in lines]
        except orjson.JSONDecodeError:
            pass  # at least one line is bad: find out which, and why
        else:
            if set(map(type, objects)) == {dict}:
                return objects
    return [_decode(line) for line in lines]


def _decode_at_once(lines: list[bytes]) -> list[JsonObject | str] | None:
    """Decode n lines as one array, in three quarters of the time.

    None if a line might lend its neighbour a part.

    Each line begins with a brace, and there is no bracket but those of the array. No text holds a line feed,
    and in an object no value begins without a name; so where a line begins, the array's next value does. With
    as many values as lines, each line is one.

    Raises:
        orjson.JSONDecodeError: a line is bad.
    """
    if len(lines) < FEW or min(lines) < b"{" or max(lines) >= b"|":
        return None
    whole = b",\n".join(lines)
    if b"[" in whole or b"]" in whole:
        return None
    objects: list[JsonObject | str] = orjson.loads(b"[" + whole + b"]")
    return objects if len(objects) == len(lines) else None


def _decode(line: bytes) -> JsonObject | str:
    # A line over the limit is not parsed: the limit bounds the work one line can cause.
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
    """Read valid JSON that orjson refuses: numbers too large for a double.

    `1e999` is a legal JSON number, so it must condemn its value and not its line; Python's parser reads it as
    infinity.
    """
    value = json.loads(line.decode(), parse_constant=_refuse, parse_int=_integer)
    # Python's parser accepts lone surrogates, which no later stage could write as UTF-8.
    json.dumps(value, ensure_ascii=False).encode()
    return value


def _refuse(constant: str) -> object:
    raise ValueError(f"{constant} is not JSON")


def _integer(digits: str) -> int | float:
    # Beyond 64 bits a double is precise enough, and Python refuses to parse an integer of 5,000 digits.
    return int(digits) if len(digits) <= 18 else float(digits)


def frame_rms(text: str) -> float:
    """Return the root mean square of a vibration frame, in the unit of its samples (m/s2).

    Args:
        text: base64 of little-endian float32 samples.

    Raises:
        ValueError: the text is not base64, or not a whole, positive number of samples.
    """
    return float(frames_rms([text])[0])


def frames_rms(texts: Sequence[str]) -> FloatArray:
    """Return the root mean squares of n vibration frames of one length, as `frame_rms` of each.

    Args:
        texts: n >= 1 texts, base64 of little-endian float32 samples.

    Returns:
        Shape (n,), in the unit of the samples (m/s2).

    Raises:
        ValueError: a text is not base64 or not a whole, positive number of samples, or lengths differ.
    """
    try:
        frames = [base64.b64decode(text, validate=True) for text in texts]
    except binascii.Error as error:
        raise ValueError("not base64") from error
    size = len(frames[0])
    if not size or size % 4 or any(len(frame) != size for frame in frames):
        raise ValueError(
            f"the first frame has {size} bytes: every frame must have the same whole, positive number of "
            "float32 samples"
        )
    with np.errstate(invalid="ignore"):  # converting a signalling NaN warns, and correctly yields NaN
        samples = np.frombuffer(b"".join(frames), dtype="<f4").astype(np.float64).reshape(len(frames), -1)
    rms: FloatArray = np.sqrt(np.mean(samples * samples, axis=1))
    return rms
