"""Reads the times of a block at once where all have the form of the stream: a quarter of the time of each."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from petrostream.arrays import IntArray, anywhere, everywhere
from petrostream.times import parse_ms

FEW = 16
"""Fewer texts than this are quicker to parse one by one."""

_FORM = "2026-11-20T09:00:00.000Z"
_DATE = len("2026-11-20")
_MARKS = [at for at, letter in enumerate(_FORM) if not letter.isdigit()]
_CLOCK = [at for at, letter in enumerate(_FORM) if letter.isdigit() and at > _DATE]
_MARK = np.array([ord(_FORM[at]) for at in _MARKS], np.uint8)
_ZERO = np.uint8(ord("0"))
_WEIGHTS: IntArray = np.array([36_000_000, 3_600_000, 600_000, 60_000, 10_000, 1_000, 100, 10, 1], np.int64)
_MOST = np.array([23, 59, 59], np.uint8)


def stream_times(texts: Sequence[object]) -> list[int] | None:
    """Return the epoch ms of n instants, as `petrostream.times.parse_ms` of each.

    Args:
        texts: n decoded values of any type.

    Returns:
        n times; None if there are few texts, or if any is not an instant written as `to_iso` writes it:
        `parse_ms` decides what those are.
    """
    if len(texts) < FEW or set(map(type, texts)) != {str}:
        return None
    digits = _digits("".join(texts), len(texts))  # type: ignore[arg-type]
    if digits is None or set(map(len, texts)) != {len(_FORM)}:  # type: ignore[arg-type]
        return None
    dates = [str(text)[:_DATE] for text in texts]
    begins = _beginnings(set(dates))
    if begins is None:
        return None
    since_midnight = digits @ _WEIGHTS
    if len(begins) == 1:
        times: list[int] = (since_midnight + begins[dates[0]]).tolist()
        return times
    return [begins[date] + ms for date, ms in zip(dates, since_midnight.tolist(), strict=True)]


def _digits(joined: str, n: int) -> npt.NDArray[np.uint8] | None:
    """The digits after the dates of n instants: shape (n, 9); None if they are not in the stream's form."""
    if len(joined) != n * len(_FORM) or not joined.isascii():
        return None
    letters = np.frombuffer(joined.encode(), np.uint8).reshape(n, len(_FORM))
    # Letters below "0" wrap around to large numbers.
    digits = letters[:, _CLOCK] - _ZERO
    if anywhere(digits > 9) or not everywhere(letters[:, _MARKS] == _MARK):
        return None
    return None if anywhere(10 * digits[:, :6:2] + digits[:, 1:6:2] > _MOST) else digits


def _beginnings(dates: set[str]) -> dict[str, int] | None:
    """The midnight at which each date begins, epoch ms; None if one is not in the calendar."""
    try:
        return {date: parse_ms(f"{date}T00:00:00.000Z") for date in dates}
    except ValueError:
        return None
