"""The streaming evaluation as one HTML page: figures, plots, tables, definitions; nothing to fetch."""

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from ml.data.dataset import EVENT_NAMES
from ml.evaluation.rows import Row
from ml.evaluation.svg import ALARM, BANDS, SCORE, cumulative, delays, timeline
from ml.evaluation.terminal import number
from petrostream.names import shown

_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;color:#1f2933;background:#fff;max-width:960px;margin:2rem auto;
padding:0 1rem}
h1{font-size:1.6rem;margin-bottom:.2rem}
h2{font-size:1.2rem;margin-top:2.4rem}
h3{font-size:1rem;margin:1.4rem 0 .2rem}
svg{width:100%;height:auto;display:block}
svg text{font:11px system-ui,sans-serif}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(140px,1fr));gap:.8rem;margin:1.2rem 0}
.tile{border:1px solid #d9dee3;border-radius:6px;padding:.7rem .9rem}
.tile b{display:block;font-size:1.5rem;line-height:1.2}
.tile span,.note{color:#52606d;font-size:.85rem}
.note{margin:.2rem 0 .4rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:.85rem;margin:.6rem 0 1.4rem;width:100%}
th,td{padding:.25rem .5rem;border-bottom:1px solid #e4e7eb;text-align:right;vertical-align:bottom}
th{color:#52606d;font-weight:600;line-height:1.2}
td:first-child,th:first-child,.text td{text-align:left}
td{white-space:nowrap}
.key{display:inline-block;width:1.6em;height:.8em;margin:0 .35em 0 1em;vertical-align:-1px;
border:1px solid #d9dee3}
.key:first-child{margin-left:0}
dt{font-weight:600;margin-top:.5rem}
dd{margin-left:1.2rem}
"""

_FIGURES = (
    ("instances", "instances", 0, 1.0),
    ("events", "events", 0, 1.0),
    ("missed", "missed", 0, 1.0),
    ("early", "early", 0, 1.0),
    ("normal h", "normal_hours", 2, 1.0),
    ("false alarms", "false_alarms", 0, 1.0),
    ("per h", "false_alarms_per_hour", 2, 1.0),
    ("at most", "false_alarms_per_hour_at_most", 2, 1.0),
    ("median per h", "median_false_alarms_per_hour", 2, 1.0),
    ("normal time in alarm %", "normal_share_in_alarm", 2, 100.0),
    ("median delay s", "median_delay_s", 0, 1.0),
    ("p90 delay s", "p90_delay_s", 0, 1.0),
)
_UNSEEN = (
    *(figure for figure in _FIGURES[:8] if figure[1] != "events"),
    ("event h", "event_hours", 1, 1.0),
    ("alarms in event", "event_alarms", 0, 1.0),
    ("event time in alarm %", "event_share_in_alarm", 1, 100.0),
    ("median delay s", "median_delay_s", 0, 1.0),
)

_DEFINITIONS = (
    (
        "Watched time",
        "What follows the first 60 % of an instance's normal period, which made its baseline; on an earlier"
        " baseline, all of it.",
    ),
    (
        "Age of a baseline",
        "From the end of the period that made it to the first watched reading; nothing is streamed in"
        " between.",
    ),
    ("False alarm", "An alarm that begins in watched time labelled normal, however long it stands."),
    ("Early detection", "One that begins in the unlabelled stretch between normal operation and the event."),
    (
        "Delay",
        "Onset of the first alarm after normal operation, less the first second labelled as event."
        " In medians and percentiles an early detection counts as 0 s.",
    ),
    ("Missed", "An event without such an alarm. One that stands since normal time detects nothing."),
    (
        "At most",
        "The exact upper limit of the pooled rate, 95 % one-sided, if false alarms come independently.",
    ),
    ("Pooled, median", "False alarms of all instances over their hours together; median over instances."),
)


def page(result: Mapping[str, Any], rows: Sequence[Row], fleet: Sequence[Row]) -> str:
    """The page.

    Args:
        result: what the JSON file holds.
        rows: instances on baselines of their own.
        fleet: instances on the model for wells without a baseline.
    """
    body = "\n".join([*_head(result), *_detection(rows), *_tables(result), *_timelines(rows)])
    rest = "\n".join([*_unseen(result, fleet), *_foot(result)])
    return document("PetroStream: streaming evaluation", f"{body}\n{rest}")


def document(title: str, body: str) -> str:
    """One page that fetches nothing.

    Args:
        title: its title, as text.
        body: its content, as HTML.
    """
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body>{body}</body></html>\n"
    )


def _head(result: Mapping[str, Any]) -> Iterator[str]:
    one = result["summary"]
    yield "<h1>Streaming evaluation</h1>"
    if (choice := result["settings"]["baseline"]) != "fresh":
        yield f"<p>Baselines of earlier instances of the same wells (<code>--baseline {choice}</code>).</p>"
    yield (
        f'<p class="note">{one["instances"]} instances, {one["events"]} events, {one["normal_hours"]:.2f} h '
        "of watched normal operation. Every second went through the code that scores in operation; the "
        "forest knew nothing of the evaluated well.</p>"
    )
    tiles = (
        (
            number(one["false_alarms_per_hour"]),
            "false alarms per hour, pooled; so few hours prove "
            f"{number(one['false_alarms_per_hour_at_most'], 1)} or fewer (95 %)",
        ),
        (number(one["median_false_alarms_per_hour"]), "false alarms per hour, median"),
        (_percent(one["normal_share_in_alarm"]), "of normal time in alarm"),
        (f"{one['missed']} of {one['events']}", "events missed"),
        (number(one["median_delay_s"], 0, " s"), "median delay"),
        (number(one["p90_delay_s"], 0, " s"), "90 % of delays within"),
    )
    inner = "".join(f'<div class="tile"><b>{value}</b><span>{what}</span></div>' for value, what in tiles)
    yield f'<div class="tiles">{inner}</div>'


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _detection(rows: Sequence[Row]) -> Iterator[str]:
    events = [row for row in rows if row.verdict.event is not None]
    if not events:
        return
    yield "<h2>Detection delays</h2>"
    known = sorted(events, key=lambda row: (row.verdict.missed, row.verdict.delay_s or 0.0))
    yield delays([(_name(row), row.verdict.delay_s) for row in known])
    yield '<p class="note">Left of zero: before the first second labelled as event.</p>'
    yield cumulative([row.verdict.delay_s for row in events if row.verdict.delay_s is not None], len(events))
    yield '<p class="note">Share of all events detected by that time after their first labelled second.</p>'


def _name(row: Row) -> str:
    return shown(row.file.source)


def _tables(result: Mapping[str, Any]) -> Iterator[str]:
    yield "<h2>By class, well and kind of alarm</h2>"
    yield table_of(result["by_class"], _FIGURES)
    yield table_of(result["by_well"], _FIGURES)
    if result["by_age"]:
        yield "<h3>By age of the baseline</h3>"
        yield table_of(result["by_age"], _FIGURES)
        yield "<p>The forest's alarms alone:</p>"
        yield table_of(result["forest_by_age"], _FIGURES)
    kinds = {
        "all alarms": result["summary"],
        "the forest's alone": result["forest_alone"],
        "the physics rules' alone": result["rules_alone"],
    }
    yield table_of(kinds, _FIGURES)
    yield "<h2>Events named by alarms</h2>"
    yield (
        '<p class="note">Alarms raised in time labelled as an event, by the event that they most likely '
        "announce: from rules, unknown where these do not decide.</p>"
    )
    yield _named(result["named_events"])


def table_of(groups: Mapping[str, Any], figures: Sequence[tuple[str, str, int, float]]) -> str:
    """A table with a row for each group.

    Args:
        groups: figures by name.
        figures: title, key, digits and factor of each column.
    """
    head = "".join(f"<th>{escape(title)}</th>" for title, *_ in figures)
    lines = []
    for name, group in groups.items():
        cells = "".join(
            f"<td>{number(None if group[key] is None else group[key] * factor, digits)}</td>"
            for _, key, digits, factor in figures
        )
        lines.append(f"<tr><td>{escape(shown(name))}</td>{cells}</tr>")
    return f'<div class="scroll"><table><tr><th></th>{head}</tr>{"".join(lines)}</table></div>'


def _named(named: Mapping[str, Mapping[str, int]]) -> str:
    lines = [
        f"<tr><td>{escape(label)}</td><td>"
        + escape(", ".join(f"{event}: {count}" for event, count in events.items()))
        + "</td></tr>"
        for label, events in named.items()
    ]
    head = "<tr><th>labelled</th><th>named by alarms</th></tr>"
    return f'<div class="scroll"><table>{head}{"".join(lines)}</table></div>'


def _timelines(rows: Sequence[Row]) -> Iterator[str]:
    yield "<h2>Instances</h2>"
    keys = "".join(
        f'<span class="key" style="background:{color}"></span>{kind}' for kind, color in BANDS.items()
    )
    yield (
        f'<p class="note"><span class="key" style="background:{SCORE}"></span>score{keys}'
        f'<span class="key" style="background:{ALARM}"></span>alarm; dashed: '
        "where the forest's alarm begins. Time is from the first second labelled as event.</p>"
    )
    for row in rows:
        yield f"<h3>{escape(_name(row))}</h3>"
        yield f'<p class="note">{escape(_said(row))}</p>'
        yield timeline(row.trace)


def _said(row: Row) -> str:
    verdict, baseline = row.verdict, row.baseline
    parts = [EVENT_NAMES[row.file.event_class]]
    if baseline:
        age = f" from {baseline['source']}, {baseline['age_days']:.1f} days old" if "age" in baseline else ""
        parts.append(f"baseline of {baseline['seconds']:.0f} s{age}, gauges {', '.join(baseline['sensors'])}")
    parts.append(
        f"{verdict.false_alarms} false alarms in {verdict.normal_s / 60:.0f} min of normal operation"
    )
    if verdict.delay_s is not None:
        when = "before its first label" if verdict.delay_s < 0 else "after its first label"
        parts.append(f"detected {abs(verdict.delay_s):.0f} s {when}")
    elif verdict.event is not None:
        parts.append("missed")
    return "; ".join(parts)


def _unseen(result: Mapping[str, Any], fleet: Sequence[Row]) -> Iterator[str]:
    if not fleet:
        return
    yield "<h2>Wells never seen</h2>"
    yield (
        "<p>Every instance again, as on a well without a baseline. In operation the fleet's forest marks "
        "readings there and raises no alarm; the table shows what its alarms would have been worth. The "
        "physics rules do raise theirs. Instances of some classes are event from their first second on: "
        "nothing in them is normal, and a delay in them means little.</p>"
    )
    for name, title in (("forest", "The fleet's forest, if it were allowed to"), ("rules", "Physics rules")):
        yield f"<h3>{title}</h3>"
        yield table_of(result["fleet"][name]["by_class"], _UNSEEN)
        yield table_of(result["fleet"][name]["by_well"], _UNSEEN)
    yield "<h3>Events named by the rules' alarms</h3>"
    yield _named(result["fleet"]["named_events"])


def _foot(result: Mapping[str, Any]) -> Iterator[str]:
    if result["not_commissioned"]:
        yield "<h2>Instances without a baseline</h2>"
        without: dict[str, list[str]] = {}
        for source, why in result["not_commissioned"].items():
            without.setdefault(why, []).append(source)
        for why, sources in without.items():
            yield f'<p>{escape(why)}: <span class="note">{escape(shown(", ".join(sources)))}</span></p>'
    yield "<h2>Definitions</h2>"
    terms = "".join(f"<dt>{term}</dt><dd>{meaning}</dd>" for term, meaning in _DEFINITIONS)
    yield f"<dl>{terms}</dl>"
    used = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    yield f'<p class="note">Seed {result["settings"]["seed"]}; {escape(used)}.</p>'
