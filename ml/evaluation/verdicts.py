"""What alarms were worth to an operator: false alarms, missed events, delays. Arithmetic on labels alone.

An instance is watched from the end of its commissioning on. Its event reaches from the first to the last
observation labelled as an event (transient or steady) after the normal period. An alarm belongs to where it
begins:

* in an observation labelled normal: a false alarm, however long it stands;
* in the unlabelled stretch between the last normal observation and the event: an early detection;
* within the event: a detection;
* anywhere else (unlabelled, after the event): neither.

The first detection is the event's; its delay is the alarm's onset less the first labelled second of the
event, negative where early. An event without a detection is missed, even when a false alarm from normal time
is still active: it tells an operator nothing new.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray

MAX_STEP_S = 60.0
"""An observation stands for the time since the one before it, but not for a gap longer than this."""


@dataclass(frozen=True, slots=True)
class AlarmSpan:
    """One alarm: it stands in the observations `onset..end-1`."""

    onset: int
    end: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the alarms of one instance were worth.

    Attributes:
        normal_s: watched time labelled normal, seconds.
        false_alarms: alarms that began in it.
        alarm_s: watched normal time with an alarm standing, seconds.
        event: first and last row of the event, None where there is none.
        onset: row of the alarm that detected it, None where missed or without event.
        delay_s: its time less the event's first second; negative where early.
        standing: whether a false alarm still stood when the event began.
        event_s: time labelled as event, seconds.
        event_alarms: alarms that began in it.
        event_alarm_s: time labelled as event with an alarm standing, seconds.
    """

    normal_s: float
    false_alarms: int
    alarm_s: float
    event: tuple[int, int] | None
    onset: int | None
    delay_s: float | None
    standing: bool
    event_s: float
    event_alarms: int
    event_alarm_s: float

    @property
    def missed(self) -> bool:
        """Whether there was an event and no alarm for it."""
        return self.event is not None and self.onset is None

    @property
    def false_per_hour(self) -> float | None:
        """False alarms per watched hour of normal operation, None without any."""
        return 3600.0 * self.false_alarms / self.normal_s if self.normal_s > 0 else None


def judge_alarms(
    ts_ms: IntArray, label: IntArray, alarms: Sequence[AlarmSpan], watched_from: int = 0
) -> Verdict:
    """Compares the alarms of one instance with its labels.

    Args:
        ts_ms: shape (n,), strictly increasing, epoch ms.
        label: shape (n,), 3W classes, negative where unlabelled.
        alarms: alarms by onset, none of which began before `watched_from`.
        watched_from: first row after commissioning.
    """
    seconds = observed_seconds(ts_ms)
    normal: BoolArray = label == 0
    normal[:watched_from] = False
    eventful: BoolArray = label > 0
    eventful[:watched_from] = False
    event = event_rows(label, watched_from)
    opened = _opened(label, event) if event else len(label)
    counts = [one.onset for one in alarms if event and opened <= one.onset <= event[1] and label[one.onset]]
    caught = counts[0] if counts else None
    standing: BoolArray = np.zeros(len(label), np.bool_)
    for one in alarms:
        standing[one.onset : one.end] = True
    false = [one for one in alarms if normal[one.onset]]
    return Verdict(
        normal_s=float(seconds[normal].sum()),
        false_alarms=len(false),
        alarm_s=float(seconds[normal & standing].sum()),
        event=event,
        onset=caught,
        delay_s=None if caught is None or event is None else (ts_ms[caught] - ts_ms[event[0]]) / 1000.0,
        standing=bool(event and any(one.end > event[0] for one in false)),
        event_s=float(seconds[eventful].sum()),
        event_alarms=sum(bool(eventful[one.onset]) for one in alarms),
        event_alarm_s=float(seconds[eventful & standing].sum()),
    )


def observed_seconds(ts_ms: IntArray) -> FloatArray:
    """Seconds that each observation stands for, shape (n,)."""
    steps: FloatArray = np.diff(ts_ms) / 1000.0
    first = float(np.median(steps)) if len(steps) else 1.0
    seconds: FloatArray = np.minimum(np.concatenate([[first], steps]), MAX_STEP_S)
    return seconds


def event_rows(label: IntArray, watched_from: int = 0) -> tuple[int, int] | None:
    """First and last row of the event from a row on, None where there is none."""
    rows = np.flatnonzero(label[watched_from:] > 0) + watched_from
    return (int(rows[0]), int(rows[-1])) if len(rows) else None


def _opened(label: IntArray, event: tuple[int, int]) -> int:
    """First row at which an alarm counts for the event: right after the last normal one before it."""
    normal = np.flatnonzero(label[: event[0]] == 0)
    return int(normal[-1]) + 1 if len(normal) else 0


@dataclass(frozen=True, slots=True)
class Totals:
    """Verdicts of several instances together.

    Attributes:
        instances: how many.
        events, missed, early: events among them, those without detection, those detected before their label.
        normal_hours: watched normal time.
        false_alarms: false alarms.
        false_alarms_per_hour: over all the time together; None without normal time.
        false_alarms_per_hour_at_most: what the true rate stays below with 95 % confidence, if false alarms
            come independently of each other (a Poisson process): shows how much this many hours can prove.
        median_false_alarms_per_hour: median over the instances with normal time.
        normal_share_in_alarm: share of normal time with an alarm standing.
        median_delay_s, p90_delay_s: over the events detected, early ones counting as 0; None without any.
        event_hours: watched time labelled as event.
        event_alarms: alarms that began in it.
        event_share_in_alarm: share of it with an alarm standing.
    """

    instances: int
    events: int
    missed: int
    early: int
    normal_hours: float
    false_alarms: int
    false_alarms_per_hour: float | None
    false_alarms_per_hour_at_most: float | None
    median_false_alarms_per_hour: float | None
    normal_share_in_alarm: float | None
    median_delay_s: float | None
    p90_delay_s: float | None
    event_hours: float
    event_alarms: int
    event_share_in_alarm: float | None


def total(verdicts: Sequence[Verdict]) -> Totals:
    """Totals over instances."""
    normal = sum(one.normal_s for one in verdicts)
    event = sum(one.event_s for one in verdicts)
    false = sum(one.false_alarms for one in verdicts)
    rates = [rate for one in verdicts if (rate := one.false_per_hour) is not None]
    delays = [one.delay_s for one in verdicts if one.delay_s is not None]
    waits = np.maximum(delays, 0.0)
    return Totals(
        instances=len(verdicts),
        events=sum(one.event is not None for one in verdicts),
        missed=sum(one.missed for one in verdicts),
        early=sum(bool(delay < 0) for delay in delays),
        normal_hours=normal / 3600.0,
        false_alarms=false,
        false_alarms_per_hour=3600.0 * false / normal if normal else None,
        false_alarms_per_hour_at_most=3600.0 * most_expected(false) / normal if normal else None,
        median_false_alarms_per_hour=float(np.median(rates)) if rates else None,
        normal_share_in_alarm=sum(one.alarm_s for one in verdicts) / normal if normal else None,
        median_delay_s=float(np.median(waits)) if delays else None,
        p90_delay_s=float(np.quantile(waits, 0.9)) if delays else None,
        event_hours=event / 3600.0,
        event_alarms=sum(one.event_alarms for one in verdicts),
        event_share_in_alarm=sum(one.event_alarm_s for one in verdicts) / event if event else None,
    )


def most_expected(seen: int, chance: float = 0.05) -> float:
    """Largest expected number of Poisson events of which `seen` or fewer come with at least that chance.

    The one-sided exact limit (F. Garwood, Biometrika 28, 1936): 3.0 where none was seen.
    """
    low, high = 0.0, seen + 10.0 * np.sqrt(seen + 1.0)
    for _ in range(60):
        middle = (low + high) / 2.0
        terms = np.exp(-middle) * np.cumprod([1.0, *(middle / at for at in range(1, seen + 1))])
        low, high = (middle, high) if terms.sum() >= chance else (low, middle)
    return float(low)


def largest_share(seen: int, of: int, chance: float = 0.05) -> float | None:
    """The largest share of which `seen` of `of` or fewer is not less likely than `chance`.

    The exact upper confidence limit of a binomial share, one-sided (C. J. Clopper and E. S. Pearson,
    Biometrika 26, 1934), by bisection; None for nothing of nothing.

    Args:
        seen: how many were seen.
        of: of how many.
        chance: 1 less the confidence.
    """
    if not of:
        return None
    low, high = seen / of, 1.0
    while high - low > 1e-9:
        share = (low + high) / 2
        likely = sum(comb(of, k) * share**k * (1 - share) ** (of - k) for k in range(seen + 1))
        low, high = (share, high) if likely >= chance else (low, share)
    return high
