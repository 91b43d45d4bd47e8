"""One row of figures for each instance evaluated, and the summaries over rows."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from ml.data.dataset import EVENT_NAMES, TRANSIENT, Instance, InstanceFile
from ml.evaluation.stream import RaisedAlarm, Streamed
from ml.evaluation.svg import Trace, thin
from ml.evaluation.verdicts import AlarmSpan, Verdict, event_rows, judge_alarms, total
from petrostream.alarms import FOREST
from petrostream.arrays import BoolArray, FloatArray

By = Literal["verdict", "forest", "rules"]
"""Which of a row's verdicts."""

_BEFORE_S = 1800.0
_AFTER_S = 900.0
"""What is drawn of an instance: at most this long before, and after, the start of its event."""


@dataclass(frozen=True, slots=True, eq=False)
class Row:
    """The evaluation of one instance.

    Attributes:
        file: the instance.
        verdict: by all alarms together.
        forest, rules: by the alarms of the forest only, and by those of the physics rules only.
        score_share: share of the watched normal observations, and of the event's, with an anomalous score;
            None without any.
        alarms: what was raised, for the JSON file.
        baseline: how the well was commissioned, for the JSON file; None for the fleet's model.
        rejected: observations that validation refused.
        trace: for the report.
    """

    file: InstanceFile
    verdict: Verdict
    forest: Verdict
    rules: Verdict
    score_share: tuple[float | None, float | None]
    alarms: list[dict[str, Any]]
    baseline: dict[str, Any] | None
    rejected: int
    trace: Trace


def make_row(
    instance: Instance,
    found: Streamed,
    watched_from: int,
    baseline: dict[str, Any] | None,
    threshold: float,
) -> Row:
    """The row of one streamed instance.

    Args:
        instance: the instance.
        found: its scores and alarms.
        watched_from: first row after commissioning.
        baseline: how it was commissioned.
        threshold: where the forest's alarm begins, for the plot.
    """
    label, ts_ms = instance.label, instance.ts_ms
    of_forest = [one for one in found.alarms if one.alarm_type == FOREST]
    of_rules = [one for one in found.alarms if one.alarm_type != FOREST]
    event = event_rows(label, watched_from)
    normal: BoolArray = label == 0
    normal[:watched_from] = False
    since_ms = int(ts_ms[event[0] if event else 0])
    return Row(
        file=InstanceFile(instance.path, instance.event_class, instance.well_id),
        verdict=judge_alarms(ts_ms, label, found.alarms, watched_from),
        forest=judge_alarms(ts_ms, label, of_forest, watched_from),
        rules=judge_alarms(ts_ms, label, of_rules, watched_from),
        score_share=(_share(found, normal), _share(found, label > 0)),
        alarms=[_listed(one, instance, since_ms if event else None) for one in found.alarms],
        baseline=baseline,
        rejected=found.rejected,
        trace=_trace(instance, found, watched_from, threshold, since_ms),
    )


def _listed(one: RaisedAlarm, instance: Instance, event_ms: int | None) -> dict[str, Any]:
    ts_ms, label = instance.ts_ms, int(instance.label[one.onset])
    onset_ms = int(ts_ms[one.onset])
    return {
        "alarm_type": one.alarm_type,
        "onset": _instant(onset_ms),
        "end": _instant(int(ts_ms[one.end])) if one.end < len(ts_ms) else None,
        "label": None if label < 0 else label,
        "seconds_after_event": None if event_ms is None else (onset_ms - event_ms) / 1000.0,
        "likely_class": one.likely and one.likely.event_class,
        "likely_event": one.likely and one.likely.event,
        "evidence": one.likely and one.likely.evidence,
    }


def _share(found: Streamed, where: BoolArray) -> float | None:
    return float(found.flagged[where].mean()) if where.any() else None


def _instant(ms: int) -> str:
    return f"{np.datetime64(ms, 'ms')}Z"


def _trace(instance: Instance, found: Streamed, watched_from: int, threshold: float, since_ms: int) -> Trace:
    seconds: FloatArray = (instance.ts_ms - since_ms) / 1000.0
    event = event_rows(instance.label, watched_from)
    start = max(float(seconds[0]), -_BEFORE_S) if event else float(seconds[0])
    end = min(float(seconds[-1]), max(_AFTER_S, -start)) if event else float(seconds[-1])
    return Trace(
        start_s=start,
        end_s=end,
        score=thin(seconds, found.score, start, end),
        bands=list(_bands(instance, seconds, watched_from)),
        alarms=[_seconds(one, seconds) for one in found.alarms],
        threshold=threshold,
    )


def _seconds(span: AlarmSpan, seconds: FloatArray) -> tuple[float, float]:
    return float(seconds[span.onset]), float(seconds[min(span.end, len(seconds) - 1)])


def _bands(instance: Instance, seconds: FloatArray, watched_from: int) -> Iterable[tuple[str, float, float]]:
    """Stretches of one kind, in seconds."""
    kinds = np.where(instance.label < 0, 1, np.where(instance.label > TRANSIENT, 2, 3))
    kinds[instance.label == 0] = 0
    kinds[:watched_from] = 4
    names = ("", "unlabelled", "transient", "steady", "commissioning")
    edges = [0, *(np.flatnonzero(np.diff(kinds)) + 1).tolist(), len(kinds)]
    for first, end in pairwise(edges):
        if names[kinds[first]]:
            yield names[kinds[first]], float(seconds[first]), float(seconds[min(end, len(seconds) - 1)])


def as_json(row: Row) -> dict[str, Any]:
    """A row for the JSON file."""
    verdict = row.verdict
    return {
        "instance": row.file.source,
        "well_id": row.file.well_id,
        "class": row.file.event_class,
        "normal_s": verdict.normal_s,
        "false_alarms": verdict.false_alarms,
        "false_alarms_per_hour": verdict.false_per_hour,
        "normal_s_in_alarm": verdict.alarm_s,
        "event": verdict.event is not None,
        "missed": verdict.missed,
        "delay_s": verdict.delay_s,
        "early": verdict.delay_s is not None and verdict.delay_s < 0,
        "false_alarm_standing_at_event": verdict.standing,
        "normal_share_flagged": row.score_share[0],
        "event_share_flagged": row.score_share[1],
        "baseline": row.baseline,
        "rejected": row.rejected,
        "alarms": row.alarms,
    }


def summary(rows: Sequence[Row], by: By = "verdict") -> dict[str, Any]:
    """Figures over rows, by all alarms together, or by those of the forest or the rules alone."""
    return asdict(total([getattr(row, by) for row in rows]))


def groups(rows: Sequence[Row], key: Callable[[Row], str], by: By = "verdict") -> dict[str, dict[str, Any]]:
    """Summaries of rows with the same key."""
    keys = sorted({key(row) for row in rows})
    return {one: summary([row for row in rows if key(row) == one], by) for one in keys}


def named_events(rows: Iterable[Row]) -> dict[str, dict[str, int]]:
    """How often alarms raised in an event named which one: by the label's event, then by the named one.

    The forest's alarms of a well without a baseline name none; they are left out.
    """
    found: dict[str, Counter[str]] = {}
    for row in rows:
        for one in row.alarms:
            if one["label"] and one["likely_event"] is not None:
                label = EVENT_NAMES[one["label"] % TRANSIENT]
                found.setdefault(label, Counter())[one["likely_event"]] += 1
    return {label: dict(found[label].most_common()) for label in sorted(found)}


def by_class(row: Row) -> str:
    """A key for `groups`: `2 spurious closure of DHSV`."""
    return f"{row.file.event_class} {EVENT_NAMES[row.file.event_class]}"


def by_well(row: Row) -> str:
    """A key for `groups`: the well."""
    return row.file.well_id


def age_groups(rows: Sequence[Row], by: By = "verdict") -> dict[str, dict[str, Any]]:
    """Summaries by the band of the baseline's age, youngest first; an instance on its own is in none."""
    bands: dict[str, list[Row]] = {}
    aged = [(row.baseline, row) for row in rows if row.baseline and "age" in row.baseline]
    for baseline, row in sorted(aged, key=lambda one: float(one[0]["age_days"])):
        bands.setdefault(str(baseline["age"]), []).append(row)
    return {band: summary(its, by) for band, its in bands.items()}
