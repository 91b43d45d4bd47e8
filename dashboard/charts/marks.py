"""Priorities by shape, text and colour: each tells them apart without the others (ISA-101, ISA-18.2).

Colours differ in lightness as well as in hue, so that they stay apart in the common kinds of colour
blindness, and on a grey print. Nothing else on a screen uses them.
"""

from dataclasses import dataclass
from html import escape

from petrostream.alarms import PRIORITIES
from petrostream.names import shown


@dataclass(frozen=True, slots=True)
class Mark:
    """How a priority, or a state without one, is drawn.

    Attributes:
        text: what it is called.
        number: a digit inside the shape; empty for states that are no alarm.
        shape: a shape of Vega.
        clip: the same shape as a clip-path of CSS.
        colour: its fill.
        ink: colour of the digit.
    """

    text: str
    number: str
    shape: str
    clip: str
    colour: str
    ink: str


_CROSS = (
    "polygon(35% 0,65% 0,65% 35%,100% 35%,100% 65%,65% 65%,65% 100%,35% 100%,35% 65%,0 65%,0 35%,35% 35%)"
)
_MARKS = (
    Mark("critical", "1", "square", "inset(4%)", "#D92B3A", "#FFFFFF"),
    Mark("high", "2", "triangle-up", "polygon(50% 0,100% 96%,0 96%)", "#E8730C", "#000000"),
    Mark("medium", "3", "diamond", "polygon(50% 0,100% 50%,50% 100%,0 50%)", "#F2C400", "#000000"),
    Mark("low", "4", "circle", "circle(47%)", "#5B8DB8", "#000000"),
)
BY_PRIORITY: dict[str, Mark] = dict(zip(PRIORITIES, _MARKS, strict=True))
QUIET = Mark("normal", "", "circle", "circle(27%)", "#9AA3AA", "#000000")
STALE = Mark("stale", "?", "cross", _CROSS, "#D4D8DB", "#000000")
ALL = (*_MARKS, QUIET, STALE)


def mark_of(priority: str | None, *, stale: bool = False) -> Mark:
    """The mark of a well: of its most urgent alarm's priority, else stale, else quiet."""
    if priority is not None:
        return BY_PRIORITY[priority]
    return STALE if stale else QUIET


def mark_html(mark: Mark, size: int = 16) -> str:
    """A mark in HTML: Streamlit removes inline images, so it is a clipped box; its name is said beside it."""
    lift = 2 if mark.shape == "triangle-up" else 0
    style = (
        f"width:{size}px;height:{size}px;line-height:{size + lift}px;font-size:{size * 0.62:.0f}px;"
        f"background:{mark.colour};color:{mark.ink};clip-path:{mark.clip}"
    )
    return f'<span class="ps-mark" aria-hidden="true" style="{style}">{mark.number}</span>'


def safe(text: object) -> str:
    """Text from outside as HTML may hold it: control characters shown, markup escaped."""
    return escape(shown(str(text)))
