"""The page of a run, for a sceptic: what was done, what came of it, and how to repeat one row."""

from collections.abc import Iterable, Sequence
from html import escape

from tests.chaos.faults import ROWS
from tests.chaos.reckoning import Reckoning
from tests.chaos.twin.faults import TWIN_ROWS

STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem; color: #222; background: #fff }
table { border-collapse: collapse; margin: 1rem 0 }
th, td { padding: .2rem .7rem; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap }
th:first-child, td:first-child, td.text { text-align: left }
tr.failed td { background: #fde8e6 }
code { font-size: 12px }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #181818 } th, td { border-color: #444 } tr.failed td { background: #4a1f1c }
}
"""

HEADS = (
    *("faults", "held", "wells", "strikes", "sent", "landed", "quarantined", "lost", "doubled"),
    *("stored twice", "rows differ", "minutes", "memories", "live", "alerts missing", "alerts twice"),
    *("recovery, s", "clock", "seed"),
)


def page(seed: int, done: Sequence[Reckoning], skipped: Sequence[str] = ()) -> str:
    """The run as one HTML document without anything from elsewhere.

    Args:
        seed: of the run.
        done: its trials.
        skipped: why others were not run.
    """
    failed = sum(not one.held for one in done)
    rows = (*ROWS, *TWIN_ROWS)
    what = "".join(f"<dt><code>{escape(row.name)}</code></dt><dd>{escape(row.what)}</dd>" for row in rows)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>PetroStream: faults on purpose</title>
<style>{STYLE}</style></head><body>
<h1>Faults on purpose</h1>
<p>{len(done)} trials of seed {seed}, {sum(one.sent for one in done):,} readings sent:
{sum(one.lost for one in done)} lost, {sum(one.doubled for one in done)} doubled, {failed} trials failed.</p>
{"".join(f"<p>Skipped: {escape(reason)}</p>" for reason in skipped)}
<p>Each trial sends a small fleet through the producer's writer, the stream, the scoring function, Firehose
and its transform into tables, on services in memory and a simulated clock. <em>Strikes</em> counts what was
done to calls, records and processes. <em>Doubled</em> counts rows that a view shows twice, <em>stored
twice</em> copies in the tables that the views hide. Rows, closed minutes, stored memories and the live fleet
are compared with a run of the same records without faults; a dash stands where the fault changes them by
design. <em>Recovery</em> is the time from the first strike until no batch was delivered more than ten seconds
late, in seconds of the trial's <em>clock</em>. Wells are synthetic, or real 3W instances around the
beginning of their events.</p>
<p>The faults <code>twin-…</code> strike processes and the disk of a local twin in the middle of a replay by
<code>producer/replay.py</code>, of wells that are simulated in 3W's layout, or real. Athena's views on it are
asked, rows are compared with the join of the stream as it is, closed minutes and the live fleet with the
lake, and messages on the topic with the alarms of the lake, where nothing that carries them was killed.
<em>Recovery</em> is wall time from the first strike until readings landed again. When exactly a process dies
depends on the machine, not on the seed.</p>
<p>Repeat a row: <code>python -m tests.chaos FAULT [FAULT] --trial-seed SEED</code>, with <code>--real</code>
where it has real wells</p>
<table><tr>{"".join(f"<th>{escape(head)}</th>" for head in HEADS)}</tr>
{"".join(_row(one) for one in done)}</table>
<h2>The faults</h2><dl>{what}</dl>
</body></html>
"""


def _row(one: Reckoning) -> str:
    cells: Iterable[object] = (
        *(
            one.wells,
            one.strikes,
            one.sent,
            one.landed,
            one.rejected,
            one.lost,
            one.doubled,
            one.stored_twice,
        ),
        *(_or_dash(one.differing), _same(one.minutes), _same(one.memories), _same(one.live)),
        *(_or_dash(one.alerts_missing), _or_dash(one.alerts_doubled)),
        *(f"{one.recovery_s:g}", one.clock, one.seed),
    )
    names = "<br>".join(map(escape, one.faults))
    kind, held = ("", "yes") if one.held else (' class="failed"', escape(one.error) or "no")
    row = "".join(f"<td>{cell}</td>" for cell in (held, *cells))
    return f'<tr{kind}><td class="text">{names}</td>{row}</tr>\n'


def _or_dash(number: int | None) -> object:
    return "&ndash;" if number is None else number


def _same(same: bool | None) -> str:
    return "&ndash;" if same is None else "equal" if same else "differ"
