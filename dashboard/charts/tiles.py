"""Tiles of figures, in grey: only an abnormal one is marked, by a bar and a word as well as by colour."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dashboard.charts.marks import BY_PRIORITY, mark_html, safe


@dataclass(frozen=True, slots=True)
class Tile:
    """A figure of the overview.

    Attributes:
        key: stable name, by which tests find it.
        label, value, note: its heading, its figure, and what puts it in proportion.
        abnormal: whether it calls for attention.
    """

    key: str
    label: str
    value: str
    note: str = ""
    abnormal: bool = False


def tiles_html(tiles: Sequence[Tile], alarms: Mapping[str, int] | None = None) -> str:
    """The tiles as HTML, with open alarms by priority as a tile of their own after the first.

    Args:
        tiles: the figures.
        alarms: open alarms by priority.
    """
    parts = [_tile(tile) for tile in tiles]
    if alarms is not None:
        parts.insert(1, _alarms(alarms))
    return f'<div class="ps-tiles">{"".join(parts)}</div>'


def _tile(tile: Tile) -> str:
    flag = '<span class="ps-flag">abnormal</span>' if tile.abnormal else ""
    style = "ps-tile ps-abnormal" if tile.abnormal else "ps-tile"
    return (
        f'<div class="{style}" data-tile="{safe(tile.key)}">'
        f'<div class="ps-label">{safe(tile.label)}</div>'
        f'<div class="ps-figure"><div class="ps-value">{safe(tile.value)}</div>{flag}</div>'
        f'<div class="ps-note">{safe(tile.note)}</div></div>'
    )


def _alarms(alarms: Mapping[str, int]) -> str:
    counts = "".join(
        f'<span class="ps-count" data-priority="{safe(name)}">{mark_html(BY_PRIORITY[name], 20)} '
        f"<b>{count}</b> {safe(name)}</span>"
        for name, count in alarms.items()
    )
    total = sum(alarms.values())
    return (
        f'<div class="ps-tile ps-wide" data-tile="open_alarms"><div class="ps-label">Open alarms: '
        f'<b data-total>{total}</b></div><div class="ps-counts">{counts}</div></div>'
    )
