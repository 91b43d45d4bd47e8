"""Plots of the evaluation report as inline SVG: no library, no script, no font, nothing to fetch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

from petrostream.arrays import FloatArray, IntArray

WIDTH = 920
_LEFT = 56
_RIGHT = 16
BINS = 640

INK, FAINT, RULE = "#1f2933", "#66727f", "#d9dee3"
SCORE, ALARM = "#1d5fa8", "#c2410c"
BANDS = {
    "commissioning": "#e3e8ee",
    "unlabelled": "#f5f0dc",
    "transient": "#fde4cf",
    "steady": "#f9cfc4",
}
"""Backgrounds by what an observation is; plain white is normal operation under watch."""

_TICKS = (5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 43200, 86400)


@dataclass(frozen=True, slots=True)
class Trace:
    """One instance, small enough to draw.

    Attributes:
        start_s, end_s: what is drawn, seconds from the event's first labelled second (or the start).
        score: highest score of each of equal stretches of it, NaN where none, shape (b,).
        bands: (kind, from, to) in the same seconds.
        alarms: (onset, end) in the same seconds.
        threshold: lowest anomalous score.
    """

    start_s: float
    end_s: float
    score: FloatArray
    bands: list[tuple[str, float, float]]
    alarms: list[tuple[float, float]]
    threshold: float


def thin(seconds: FloatArray, score: FloatArray, start_s: float, end_s: float) -> FloatArray:
    """The highest score of each of `BINS` equal stretches, NaN where there is none; inputs of shape (n,)."""
    at: IntArray = ((seconds - start_s) * (BINS / max(end_s - start_s, 1.0))).astype(np.int64)
    out = np.full(BINS, -np.inf)
    inside = (at >= 0) & (at < BINS) & ~np.isnan(score)
    np.maximum.at(out, at[inside], score[inside])
    return np.where(np.isinf(out), np.nan, out)


def timeline(trace: Trace, height: int = 120) -> str:
    """Score over time on the labels, threshold, and the alarms below."""
    x = _Scale(trace.start_s, trace.end_s, _LEFT, WIDTH - _RIGHT)
    y = _Scale(0.35, 0.85, height - 34, 6)
    foot = height - 34
    parts = [_band(x, kind, begin, end, 6, foot) for kind, begin, end in trace.bands]
    parts += [_line(_LEFT, y(trace.threshold), WIDTH - _RIGHT, y(trace.threshold), FAINT, "4 3")]
    parts += [_text(_LEFT - 6, y(level) + 4, f"{level:.1f}", "end") for level in (0.4, 0.6, 0.8)]
    parts += [_polyline(points) for points in _pieces(trace, x, y)]
    for onset, end in trace.alarms:
        left, right = x(max(onset, trace.start_s)), x(min(end, trace.end_s))
        if right >= left:
            parts.append(_rect(left, foot + 2, max(right - left, 2.0), 6, ALARM))
    parts += list(_time_axis(x, foot + 8, height - 6))
    return _svg(height, parts, "Score, labels and alarms over time")


def delays(rows: Sequence[tuple[str, float | None]]) -> str:
    """One line per event: how long after its first labelled second the alarm came; None is missed."""
    known = [delay for _, delay in rows if delay is not None]
    limit = max([60.0, *(delay for delay in known)]) * 1.05
    early = min([0.0, *known]) * 1.1
    height = 22 * len(rows) + 34
    x = _Scale(early, limit, 250, WIDTH - 70)
    parts = [_line(x(0), 4, x(0), height - 28, FAINT)]
    for at, (name, delay) in enumerate(rows):
        middle = 16 + 22 * at
        parts.append(_text(240, middle + 4, name, "end"))
        if delay is None:
            parts.append(_text(x(0) + 8, middle + 4, "missed", "start", ALARM))
            continue
        left, right = sorted((x(0), x(delay)))
        parts.append(_rect(left, middle - 5, max(right - left, 1.5), 10, SCORE))
        parts.append(_text(max(right, x(0)) + 6, middle + 4, f"{delay:.0f} s", "start"))
    parts += list(_time_axis(x, height - 28, height - 8))
    return _svg(height, parts, "Detection delay of each event")


def cumulative(found: Sequence[float], events: int, height: int = 200) -> str:
    """Share of the events detected within a time after their first labelled second, from the delays."""
    waits = np.sort(np.maximum(np.asarray(found, np.float64), 0.0))
    limit = max(60.0, float(waits[-1]) * 1.1 if len(waits) else 0.0)
    x = _Scale(0.0, limit, _LEFT, WIDTH - _RIGHT)
    y = _Scale(0.0, 1.0, height - 34, 10)
    parts: list[str] = []
    for share in (0.0, 0.25, 0.5, 0.75, 1.0):
        parts.append(_line(_LEFT, y(share), WIDTH - _RIGHT, y(share), RULE))
        parts.append(_text(_LEFT - 6, y(share) + 4, f"{share:.0%}", "end"))
    points = [(x(0.0), y(0.0))]
    for at, wait in enumerate(waits.tolist()):
        points += [(x(wait), y(at / max(events, 1))), (x(wait), y((at + 1) / max(events, 1)))]
    points.append((x(limit), points[-1][1]))
    parts.append(_polyline(points, 2.0))
    parts += list(_time_axis(x, height - 34, height - 12))
    return _svg(height, parts, "Share of events detected over time")


@dataclass(frozen=True, slots=True)
class _Scale:
    low: float
    high: float
    first: float
    last: float

    def __call__(self, value: float) -> float:
        span = self.high - self.low or 1.0
        share = (value - self.low) / span
        return self.first + share * (self.last - self.first)


def _pieces(trace: Trace, x: _Scale, y: _Scale) -> Iterator[list[tuple[float, float]]]:
    """The score as unbroken lines; a stretch without score breaks them."""
    width = (trace.end_s - trace.start_s) / len(trace.score)
    piece: list[tuple[float, float]] = []
    for at, value in enumerate(trace.score.tolist()):
        if value == value:  # noqa: PLR0124  (NaN differs from itself)
            shown = min(max(value, y.low), y.high)
            piece.append((x(trace.start_s + (at + 0.5) * width), y(shown)))
        elif piece:
            yield piece
            piece = []
    if piece:
        yield piece


def _time_axis(x: _Scale, top: float, text_y: float) -> Iterator[str]:
    span = x.high - x.low
    step = next((tick for tick in _TICKS if span / tick <= 9), _TICKS[-1])
    at = step * np.ceil(x.low / step)
    while at <= x.high:
        yield _line(x(at), top, x(at), top + 4, FAINT)
        yield _text(x(at), text_y, duration(at), "middle")
        at += step


def duration(seconds: float) -> str:
    """Seconds as a person writes them: `45 s`, `-5 min`, `2 h`."""
    for size, unit in ((3600, "h"), (60, "min")):
        if abs(seconds) >= size and seconds % size == 0:
            return f"{seconds / size:.0f} {unit}"
    whole = abs(seconds) >= 600
    return f"{seconds / 60:.1f} min" if whole else f"{seconds:.0f} s"


def _band(x: _Scale, kind: str, begin: float, end: float, top: float, foot: float) -> str:
    left, right = x(max(begin, x.low)), x(min(end, x.high))
    return _rect(left, top, right - left, foot - top, BANDS[kind]) if right > left else ""


def _svg(height: float, parts: Sequence[str], title: str) -> str:
    box = f"0 0 {WIDTH} {height:.0f}"
    return f'<svg viewBox="{box}" role="img" aria-label="{escape(title)}">{"".join(parts)}</svg>'


def _rect(left: float, top: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{left:.1f}" y="{top:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{fill}"/>'


def _line(x1: float, y1: float, x2: float, y2: float, stroke: str, dash: str = "none") -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" '
        f'stroke-dasharray="{dash}"/>'
    )


def _polyline(points: Sequence[tuple[float, float]], width: float = 1.2) -> str:
    joined = " ".join(f"{left:.1f},{top:.1f}" for left, top in points)
    return f'<polyline points="{joined}" fill="none" stroke="{SCORE}" stroke-width="{width}"/>'


def _text(left: float, top: float, text: str, anchor: str, fill: str = FAINT) -> str:
    return f'<text x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}" fill="{fill}">{escape(text)}</text>'
