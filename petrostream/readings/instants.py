"""Reads the times of a block at once where all have the form of the stream: a tenth of the time of each."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from petrostream.arrays import anywhere, everywhere
from petrostream.times import parse_ms

FEW = 16
"""Fewer texts than this are quicker to parse one by one."""

_FORM = "2026-11-20T09:00:00.000Z"
_SEPARATOR = "\n"
_DATE = len("2026-11-20")
_LEAST = np.array([ord("0") if letter.isdigit() else ord(letter) for letter in _FORM + _SEPARATOR], np.uint8)
_ABOVE = np.array([9 if letter.isdigit() else 0 for letter in _FORM + _SEPARATOR], np.uint8)
"""By how much a letter may be above the least of its place."""
_CLOCK = [at for at, letter in enumerate(_FORM) if letter.isdigit() and at > _DATE]
_WEIGHTS = np.zeros(len(_LEAST))
_WEIGHTS[_CLOCK] = [36_000_000, 3_600_000, 600_000, 60_000, 10_000, 1_000, 100, 10, 1]
_TENS, _ONES = (slice(at, at + 7, 3) for at in (_CLOCK[0], _CLOCK[1]))
_MOST = np.array([23, 59, 59], np.uint8)
"""Largest hour, minute and second."""


def stream_times(texts: Sequence[object]) -> list[int] | None:
    """Return the epoch ms of n instants, as `petrostream.times.parse_ms` of each.

    Args:
        texts: n decoded values of any type.

    Returns:
        n times; None if there are few texts, or if any is not an instant written as `to_iso` writes it:
        `parse_ms` decides what those are.
    """
    found = _digits(texts) if len(texts) >= FEW else None
    if found is None:
        return None
    digits, dates = found
    # Exact: a day has fewer milliseconds than a float64 has whole numbers.
    since_midnight = (digits @ _WEIGHTS).astype(np.int64)
    try:
        begins = {date: parse_ms(f"{date}T00:00:00.000Z") for date in set(dates)}
    except ValueError:
        return None
    if len(dates) == 1:
        times: list[int] = (since_midnight + begins[dates[0]]).tolist()
        return times
    return [begins[date] + ms for date, ms in zip(dates, since_midnight.tolist(), strict=True)]


def _digits(texts: Sequence[object]) -> tuple[npt.NDArray[np.uint8], list[str]] | None:
    """By how much each letter is above the least of its place, shape (n, 25), and the dates.

    One date if all share it; None if a text is not in the stream's form.
    """
    try:
        joined = _SEPARATOR.join(texts)  # type: ignore[arg-type]
    except TypeError:
        return None
    if len(joined) + 1 != len(texts) * len(_LEAST) or not joined.isascii():
        return None
    letters = np.frombuffer((joined + _SEPARATOR).encode(), np.uint8).reshape(len(texts), len(_LEAST))
    # Letters below the least of their place wrap around to large numbers. With as many separators as texts,
    # each where a text of the form ends, every text has the form.
    digits = letters - _LEAST
    if not everywhere(digits <= _ABOVE) or anywhere(10 * digits[:, _TENS] + digits[:, _ONES] > _MOST):
        return None
    if everywhere(letters[:, :_DATE] == letters[0, :_DATE]):
        return digits, [joined[:_DATE]]
    return digits, [str(text)[:_DATE] for text in texts]
