"""What one perturbation costs an operator on one course, and the figures of a row over all courses."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.data.dataset import InstanceFile
from ml.evaluation.mirror import WellCourse
from ml.evaluation.perturbations import Perturbation
from ml.evaluation.stream import RaisedAlarm, stream
from ml.evaluation.verdicts import Verdict, judge_alarms, largest_share, total
from petrostream.arrays import IntArray
from petrostream.detection import ModelSet

CLEARED_S = 3600.0
"""An alarm for a change must have returned to normal, or been suppressed by design, within an hour."""

BLOCK_S = 600


@dataclass(frozen=True, slots=True, eq=False)
class Trial:
    """A perturbation of one course.

    Attributes:
        file: the instance behind it.
        verdict: its alarms against the labels, from the change on (or from the start, if it holds there).
        alarms: types of the alarms that began in the normal part, in order.
        standing_s: how long each stood there, seconds.
        before: alarms that began before the change.
        detected_by: type of the alarm that found the event, None where missed.
        rejected: readings that validation refused.
    """

    file: InstanceFile
    verdict: Verdict
    alarms: tuple[str, ...]
    standing_s: tuple[float, ...]
    before: int
    detected_by: str | None
    rejected: int

    @property
    def lasting(self) -> int:
        """How many alarms stood for more than an hour."""
        return sum(seconds > CLEARED_S for seconds in self.standing_s)


def try_out(course: WellCourse, models: ModelSet, perturbation: Perturbation) -> Trial:
    """Streams a changed course and judges its alarms.

    Args:
        course: the course, changed already.
        models: what scores it.
        perturbation: what was changed.
    """
    one = course.instance
    found = stream(one, models, block_s=BLOCK_S, order=course.order)
    watched_from = 0 if perturbation.whole else course.begin
    watched = [alarm for alarm in found.alarms if alarm.onset >= watched_from]
    verdict = judge_alarms(one.ts_ms, one.label, watched, watched_from)
    false = [alarm for alarm in watched if one.label[alarm.onset] == 0]
    return Trial(
        file=InstanceFile(one.path, one.event_class, one.well_id),
        verdict=verdict,
        alarms=tuple(alarm.alarm_type for alarm in false),
        standing_s=tuple(_standing_s(alarm, one.ts_ms, one.label) for alarm in false),
        before=sum(alarm.onset < watched_from for alarm in found.alarms),
        detected_by=next((alarm.alarm_type for alarm in watched if alarm.onset == verdict.onset), None),
        rejected=found.rejected,
    )


def _standing_s(alarm: RaisedAlarm, ts_ms: IntArray, label: IntArray) -> float:
    """Seconds that an alarm stood in the normal part."""
    last = int(np.flatnonzero(label == 0)[-1])
    return float(ts_ms[min(alarm.end, last)] - ts_ms[alarm.onset]) / 1000.0


def summarise(trials: Sequence[Trial]) -> dict[str, Any]:
    """The figures of a row, as the JSON file holds them."""
    totals = total([one.verdict for one in trials])
    alarms = [len(one.alarms) for one in trials]
    return {
        "instances": len(trials),
        "hours": totals.normal_hours,
        "alarms": sum(alarms),
        "alarms_per_change": sum(alarms) / len(alarms) if alarms else None,
        "most_alarms_for_one_change": max(alarms, default=0),
        "changes_with_several_alarms": (several := sum(count > 1 for count in alarms)),
        "share_with_several_alarms_at_most": largest_share(several, len(alarms)),
        "alarms_per_hour": totals.false_alarms_per_hour,
        "alarms_per_hour_at_most": totals.false_alarms_per_hour_at_most,
        "share_in_alarm": totals.normal_share_in_alarm,
        "alarms_longer_than_an_hour": sum(one.lasting for one in trials),
        "alarms_before": sum(one.before for one in trials),
        "alarm_types": dict(Counter(name for one in trials for name in one.alarms).most_common()),
        "rejected": sum(one.rejected for one in trials),
        "events": totals.events,
        "missed": totals.missed,
        "missed_share_at_most": largest_share(totals.missed, totals.events),
        "median_delay_s": totals.median_delay_s,
        "p90_delay_s": totals.p90_delay_s,
        "instances_missed": [one.file.source for one in trials if one.verdict.missed],
    }


def listed(trial: Trial) -> dict[str, Any]:
    """A trial for the JSON file."""
    verdict = trial.verdict
    return {
        "instance": trial.file.source,
        "well_id": trial.file.well_id,
        "class": trial.file.event_class,
        "normal_s": verdict.normal_s,
        "normal_s_in_alarm": verdict.alarm_s,
        "alarms": [
            {"alarm_type": name, "standing_s": seconds}
            for name, seconds in zip(trial.alarms, trial.standing_s, strict=True)
        ],
        "alarms_before": trial.before,
        "event": verdict.event is not None,
        "missed": verdict.missed,
        "delay_s": verdict.delay_s,
        "detected_by": trial.detected_by,
        "rejected": trial.rejected,
    }
