"""The page of a soak, for a sceptic: a line for each series, its slope with its confidence, a verdict."""

from collections.abc import Sequence
from html import escape

from tests.chaos.page import STYLE
from tests.soak.gauges import Key
from tests.soak.outcome import BY_DESIGN, LATE_PART, Outcome
from tests.soak.slopes import Slope

WIDTH, HEIGHT = 140, 32
MORE_STYLE = """
table { font-size: 13px } th, td { padding: .2rem .45rem } td svg { display: block }
polyline { fill: none; stroke: #2a78d6; stroke-width: 1.5 }
"""
HEADS = ("what", "course", "mean", "growth an hour", "95 % interval", "allowed", "verdict", "second half")


def page(outcome: Outcome) -> str:
    """The run as one HTML document without anything from elsewhere."""
    load, slopes, late = outcome.load, outcome.slopes, outcome.slopes_after(LATE_PART)
    rows = "".join(
        _row(key, points, slopes[key], late[key]) for key, points in sorted(outcome.series.items())
    )
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>PetroStream: soak</title>
<style>{STYLE}{MORE_STYLE}</style></head><body>
<h1>Soak</h1>
<p>{load.seconds:,} s, {len(load.courses)} wells in {len(load.places)} facilities with {load.each} readings a
second each: {outcome.sent:,} sent, {outcome.landed:,} landed, {outcome.quarantined} quarantined,
{outcome.lost} lost, {outcome.doubled} doubled, {outcome.unseen} never seen in the live table. Of
{outcome.minutes:,} closed minutes {outcome.minutes_wrong} lack readings or have too many.
{outcome.alerts:,} alerts, {outcome.alerts_doubled} of them twice. Sending was up to {outcome.late_s:.1f} s
behind its time; the machine's load was {outcome.busy:.1f} on average.</p>
<p>A point is the median of a minute; the first sixth of the run is left out of the lines. The interval takes
into account that neighbouring minutes resemble each other. <em>Flat</em>: all of it is within what is
allowed. <em>Grows</em>: it lies beyond. <em>Undecided</em>: it reaches over the limit, so that a longer or a
calmer run is needed. The verdict is of the whole line. Beside it is the interval of the second half alone:
what bends while it fills has no straight line, and is flat by then. What the emulator keeps in memory and on
disk grows by design.</p>
<table><tr>{"".join(f"<th>{head}</th>" for head in HEADS)}</tr>
{rows}</table>
</body></html>
"""


def _row(key: Key, points: Sequence[tuple[int, float]], line: Slope | None, late: Slope | None) -> str:
    name = f'<td class="text">{escape(" · ".join(key))}</td><td>{_course(points)}</td>'
    if line is None:
        return f"<tr>{name}<td colspan=6>too short for a line</td></tr>\n"
    bad = line.verdict == "grows" and key[0] not in BY_DESIGN
    figures = (f"{line.mean:,.1f}", f"{line.hourly:+z,.2f}", _interval(line))
    verdict = (
        f"{line.verdict}, by design" if key[0] in BY_DESIGN and line.verdict == "grows" else line.verdict
    )
    then = "" if late is None else f"{_interval(late)}, {late.verdict}"
    cells = "".join(f"<td>{cell}</td>" for cell in (*figures, f"±{line.allowed:,.2f}", verdict, then))
    kind = ' class="failed"' if bad else ""
    return f"<tr{kind}>{name}{cells}</tr>\n"


def _interval(line: Slope) -> str:
    return f"{line.low:+z,.2f} to {line.high:+z,.2f}"


def _course(points: Sequence[tuple[int, float]]) -> str:
    """The series as a small line, its lowest value at the bottom, zero where it is never far from it."""
    values = [value for _, value in points]
    low, high = min(*values, 0.0) if len(values) > 1 else 0.0, max(values)
    across, up = max(1, len(values) - 1), (high - low) or 1.0
    dots = " ".join(
        f"{WIDTH * place / across:.1f},{HEIGHT - (HEIGHT - 2) * (value - low) / up - 1:.1f}"
        for place, value in enumerate(values)
    )
    label = f"from {values[0]:,.1f} to {values[-1]:,.1f}"
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    return f'<svg {size} role="img" aria-label="{label}"><polyline points="{dots}"/></svg>'
