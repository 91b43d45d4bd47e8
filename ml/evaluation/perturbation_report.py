"""The perturbation bench as a table on a terminal and as one HTML page."""

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from rich.box import SIMPLE
from rich.table import Column, Table

from ml.evaluation.html import document, table_of
from ml.evaluation.terminal import console, number, say
from petrostream.names import shown

_FIGURES = (
    ("alarms", "alarms", 0, 1.0),
    ("most", "most_alarms_for_one_change", 0, 1.0),
    ("per h", "alarms_per_hour", 2, 1.0),
    ("at most", "alarms_per_hour_at_most", 2, 1.0),
    ("alarm %", "share_in_alarm", 1, 100.0),
    (">1 h", "alarms_longer_than_an_hour", 0, 1.0),
    ("missed", "missed", 0, 1.0),
    ("delay s", "median_delay_s", 0, 1.0),
)
_MORE = (
    ("courses", "instances", 0, 1.0),
    ("h", "hours", 1, 1.0),
    *_FIGURES[:2],
    ("several", "changes_with_several_alarms", 0, 1.0),
    ("at most %", "share_with_several_alarms_at_most", 0, 100.0),
    *_FIGURES[2:6],
    ("before", "alarms_before", 0, 1.0),
    ("rejected", "rejected", 0, 1.0),
    ("events", "events", 0, 1.0),
    _FIGURES[6],
    ("at most %", "missed_share_at_most", 0, 100.0),
    _FIGURES[7],
    ("p90 s", "p90_delay_s", 0, 1.0),
)

_DEFINITIONS = (
    (
        "Course",
        "An instance's normal period, without what happens in it once, mirrored in time to last hours; then "
        "its own event.",
    ),
    ("alarms, most", "Alarms that begin in normal operation after the change; the most that one course had."),
    (
        "several, at most %",
        "Courses with more than one alarm, and the exact upper limit of their share.",
    ),
    ("per h, at most", "The same over all the time together, and its exact upper limit (95 %, Poisson)."),
    ("alarm %", "Share of that time with an alarm standing."),
    (">1 h", "Alarms that stood for more than an hour."),
    ("before", "Alarms that began before the change."),
    (
        "missed, at most %",
        "Events at the end of the courses that no new alarm announced, and the limit of their share.",
    ),
)


def show(result: Mapping[str, Any]) -> None:
    """Prints the figures of the bench.

    Args:
        result: what the JSON file holds.
    """
    table = Table(
        Column("", min_width=17),
        *(Column(title, justify="right", no_wrap=True) for title, *_ in _FIGURES),
        box=SIMPLE,
        padding=(0, 1, 0, 0),
    )
    for name, row in result["rows"].items():
        table.add_row(name, *_cells(row))
    console.print(table)
    for name, row in result["rows"].items():
        if row["alarm_types"]:
            kinds = ", ".join(f"{count} {kind}" for kind, count in row["alarm_types"].items())
            say(f"{name}: {kinds}.")
    for source, why in result["left_out"].items():
        say(f"Left out {source}: {why}.", "yellow")


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [
        number(None if row[key] is None else row[key] * factor, digits) for _, key, digits, factor in _FIGURES
    ]


def page(result: Mapping[str, Any]) -> str:
    """The HTML page.

    Args:
        result: what the JSON file holds.
    """
    return document("PetroStream: perturbation bench", "\n".join(_body(result)))


def _body(result: Mapping[str, Any]) -> Iterator[str]:
    settings = result["settings"]
    yield "<h1>Perturbation bench</h1>"
    yield (
        f'<p class="note">Real normal operation, mirrored in time to {settings["hours"]:g} h '
        f"({'with' if settings['keep_slow'] else 'without'} its slow part), changed after "
        f"{settings['settle_s'] / 60:.0f} min in one way a row, and followed by the instance's own event. "
        "Every second went through the code that scores in operation; the forest knew nothing of the "
        "well.</p>"
    )
    yield table_of(result["rows"], _MORE)
    for name, row in result["rows"].items():
        yield f"<h3>{escape(name)}</h3>"
        yield f'<p class="note">{escape(_said(row))}</p>'
        yield _trials(row["trials"])
    yield "<h2>Definitions</h2>"
    yield "<dl>" + "".join(f"<dt>{term}</dt><dd>{text}</dd>" for term, text in _DEFINITIONS) + "</dl>"
    used = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    yield f'<p class="note">Seed {settings["seed"]}; {escape(used)}.</p>'


def _said(row: Mapping[str, Any]) -> str:
    kinds = ", ".join(f"{count} {kind}" for kind, count in row["alarm_types"].items())
    return f"{row['description']}; {kinds or 'no alarm'}"


def _trials(trials: list[dict[str, Any]]) -> str:
    lines = []
    for one in trials:
        if not one["alarms"] and not one["missed"]:
            continue
        alarms = ", ".join(
            f"{alarm['alarm_type']} {alarm['standing_s']:.0f} s" for alarm in one["alarms"][:8]
        )
        more = f" and {len(one['alarms']) - 8} more" if len(one["alarms"]) > 8 else ""
        event = "missed" if one["missed"] else number(one["delay_s"], 0, " s")
        lines.append(
            f"<tr><td>{escape(shown(one['instance']))}</td><td>{escape(alarms + more) or '-'}</td>"
            f"<td>{event}</td></tr>"
        )
    if not lines:
        return ""
    head = "<tr><th>course</th><th>alarms, how long they stood</th><th>event</th></tr>"
    return f'<div class="scroll"><table class="text">{head}{"".join(lines)}</table></div>'
