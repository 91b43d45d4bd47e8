"""The lake's SQL on alarms gives what the same rules give in Python, from the rows that are delivered."""

from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pytest

pytest.importorskip("duckdb")

from ml.evaluation.verdicts import AlarmSpan, judge_alarms, total
from petrostream.alarms.events import ANNUNCIATIONS, RETURNED, Active, AlarmEvent, transition
from petrostream.alarms.metrics import Annunciation, report
from petrostream.alarms.types import ALARM_TYPES
from petrostream.lake.alarms import alarm_rows_to_blocks
from petrostream.lake.scored_readings import rows_to_blocks
from petrostream.risk.naming import LikelyEvent
from petrostream.schema.sensors import SENSOR_INDEX
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from petrostream.scoring.scored import Scored
from tests.support.duck_lake import DuckLake
from tests.support.wells import FACILITY, SCALE, SENSORS, START, WELL, models, normal_values, readings

MINUTE = 60_000


@dataclass(frozen=True)
class Instance:
    """A labelled instance: where the well moves, and how it is labelled."""

    source: str
    n: int
    moves: tuple[tuple[int, int], ...]
    unlabelled: int
    event: int
    label: int = 2

    @property
    def labels(self):
        label = np.zeros(self.n, np.int64)
        label[self.unlabelled :] = -1
        label[self.event :] = 100 + self.label
        label[self.event + 200 :] = self.label
        return label


INSTANCES = (
    Instance("2/detected", 900, ((500, 900),), 480, 500),
    Instance("2/early", 900, ((560, 900),), 560, 600),
    Instance("2/missed", 900, (), 480, 500),
    Instance("2/false", 1500, ((200, 260), (1000, 1500)), 980, 1000),
    Instance("6/standing", 1500, ((900, 1500),), 980, 1000, label=6),
    Instance("0/normal", 900, (), 900, 900),
)


def stream(instance, seed, offset_ms):
    values = normal_values(instance.n, seed)
    for first, last in instance.moves:
        for sensor, scale in zip(SENSORS, SCALE, strict=True):
            values[first:last, SENSOR_INDEX[sensor]] += 40 * scale
    ts_ms = START + offset_ms + 1000 * np.arange(instance.n)
    batch = readings(values, ts_ms, source=instance.source, offset_ms=offset_ms)
    return replace(batch, label=[None if label < 0 else label for label in instance.labels.tolist()])


@cache
def landed() -> list[Scored]:
    """Every instance replayed one after another, and the first one again, later."""
    state, found = FacilityState(FACILITY), []
    for number, instance in enumerate((*INSTANCES, INSTANCES[0])):
        batch = stream(instance, number, 3_600_000 * number)
        for first in range(0, instance.n, 400):
            part = batch.take(range(first, min(first + 400, instance.n)))
            part = replace(part, sequence=[str(10 * number + first)] * len(part))
            scored = score_batch(state, part, models(), scored_at_ms=START)
            state = scored.state
            found.append(scored.rows)
    return found


@cache
def lake() -> DuckLake:
    rows, alarms = [], []
    for part in landed():
        rows += rows_to_blocks(part)
        alarms += alarm_rows_to_blocks(part.alarms, recorded_at_ms=START)
    # Delivered at least once: some blocks twice.
    return DuckLake({"scored_readings": rows + rows[::3], "alarms": alarms + alarms[::2]})


def verdicts():
    """What ml.evaluation.verdicts makes of the same readings and transitions."""
    found = {}
    changes = [event.change for part in landed() for event in part.alarms]
    ends = {change.alarm_id: change.ts_ms for change in changes if change.event == RETURNED}
    for number, instance in enumerate((*INSTANCES, INSTANCES[0])):
        ts_ms = START + 3_600_000 * number + 1000 * np.arange(instance.n)
        spans = [
            AlarmSpan(
                int(np.searchsorted(ts_ms, change.ts_ms)),
                int(np.searchsorted(ts_ms, ends.get(change.alarm_id, ts_ms[-1] + 1))),
            )
            for change in changes
            if change.event in ANNUNCIATIONS and ts_ms[0] <= change.ts_ms <= ts_ms[-1]
        ]
        spans.sort(key=lambda span: span.onset)
        found[instance.source, 3600 * number] = judge_alarms(ts_ms, instance.labels, spans)
    return found


def test_each_run_s_verdict_is_that_of_the_offline_evaluation_to_the_second():
    rows = {
        (row["source"], row["run_offset_s"]): row for row in lake().ask("SELECT * FROM detector_scoreboard")
    }
    expected = verdicts()
    assert rows.keys() == expected.keys()
    for key, verdict in expected.items():
        row = rows[key]
        assert float(row["normal_hours"]) * 3600 == pytest.approx(verdict.normal_s)
        assert float(row["normal_hours_in_alarm"]) * 3600 == pytest.approx(verdict.alarm_s)
        assert row["false_alarms"] == verdict.false_alarms
        assert bool(row["missed"]) == verdict.missed
        assert bool(row["false_alarm_standing"]) == verdict.standing
        assert (row["delay_s"] if verdict.delay_s is None else float(row["delay_s"])) == verdict.delay_s


def test_the_instances_show_every_kind_of_verdict():
    found = verdicts().values()
    assert {verdict.missed for verdict in found} == {True, False}
    assert any(verdict.false_alarms for verdict in found)
    assert any(verdict.standing for verdict in found)
    delays = [verdict.delay_s for verdict in found if verdict.delay_s is not None]
    assert min(delays) < 0 < max(delays)


def test_the_scoreboard_sums_up_as_the_offline_evaluation_does():
    (row,) = lake().named("scoreboard")
    expected = total(list(verdicts().values()))
    for name in (
        "instances",
        "events",
        "missed",
        "early",
        "normal_hours",
        "false_alarms",
        "false_alarms_per_hour",
        "median_false_alarms_per_hour",
        "normal_share_in_alarm",
        "median_delay_s",
        "p90_delay_s",
    ):
        assert float(row[name]) == pytest.approx(getattr(expected, name)), name


def test_the_scoreboard_of_each_class_and_well():
    classes = {row["event_class"]: row for row in lake().named("scoreboard_by_class")}
    assert classes[2]["instances"] == 5
    assert (classes[2]["missed"], classes[2]["events"]) == (1, 5)
    assert classes[6]["false_alarms"] == 1
    (well,) = lake().named("scoreboard_by_well")
    assert (well["well_id"], well["instances"]) == (WELL, 7)


def test_the_history_has_each_transition_once_and_spans_each_alarm_once():
    changes = [event.change for part in landed() for event in part.alarms]
    history = lake().ask("SELECT * FROM alarm_history ORDER BY ts")
    assert sorted(row["transition_id"] for row in history) == sorted(c.transition_id for c in changes)
    spans = lake().ask("SELECT * FROM alarm_spans")
    assert sorted(row["alarm_id"] for row in spans) == sorted({c.alarm_id for c in changes})
    assert all(row["sentence"] for row in spans)
    causes = {row["cause"] for row in spans}
    assert {"cleared", "feed_ended"} <= causes


def event(minute, well=WELL, kind="forest", end=None, second=0.0, facility=FACILITY):
    """An alarm's rows: annunciated, and returned if it has an end."""
    row = ALARM_TYPES[kind]
    began = START // (10 * MINUTE) * 10 * MINUTE + round(MINUTE * minute + 1000 * second)
    active = Active(began - 10_000, began, annunciated=True)
    changes = [transition(row, active, well, "2/x", "activated", began)]
    if end is not None:
        changes.append(transition(row, active, well, "2/x", "returned", began + end * MINUTE, "cleared"))
    return [AlarmEvent(change, facility, sentence="Methane", sequence="1") for change in changes]


def busy() -> list[AlarmEvent]:
    events = []
    for place in range(12):
        events += event(place / 2, well=f"WELL-{place:05d}", end=1)
    for place in range(6):
        events += event(10 + place, well=f"WELL-{place:05d}", kind="dhsv_closure", end=3)
    events += event(25, kind="methane_high") + event(45, end=1)
    for second in (0, 20, 40):
        events += event(61, second=second, well="WELL-00099", end=0)
    return events


def test_how_often_alarms_named_the_labelled_event():
    named = [(2, 102), (2, 2), (6, 102), (None, 2), (4, 4), (2, 0), (3, None)]
    events = []
    for place, (likely, label) in enumerate(named):
        (one,) = event(place, well=f"WELL-{place:05d}")
        events.append(replace(one, label=label, likely=LikelyEvent(likely, "a sign")))
    # Rows of a release that named no events.
    events += [replace(one, label=4) for one in event(30, well="WELL-00098", end=1)]
    rows = DuckLake({"alarms": alarm_rows_to_blocks(events, recorded_at_ms=START)}).named("likely_events")
    keys = ("label", "alarms", "named", "named_rightly", "named_wrongly")
    assert [tuple(int(row[key]) for key in keys) for row in rows] == [(2, 4, 3, 2, 1), (4, 2, 1, 1, 0)]


def test_operators_figures_are_those_of_the_metrics():
    events = busy()
    lake = DuckLake({"alarms": alarm_rows_to_blocks(events, recorded_at_ms=START) * 2})
    heard = [
        Annunciation(e.change.ts_ms, e.change.well_id, e.facility_id, e.change.alarm_type, e.change.priority)
        for e in events
        if e.change.event in ANNUNCIATIONS
    ]
    begin = START // (10 * MINUTE) * 10 * MINUTE
    (expected,) = report(heard, begin, begin + 70 * MINUTE)
    slots = lake.named("alarms_per_operator")
    assert sum(row["alarms"] for row in slots) == expected.alarms
    assert max(row["alarms"] for row in slots) == expected.worst_slot
    assert [row["load"] for row in slots] == [
        "flood",
        "over target",
        "acceptable",
        "acceptable",
        "over target",
    ]
    assert {row["console"] for row in slots} == {"console-1"}
    (flood,) = lake.named("alarm_floods")
    (known,) = expected.floods
    assert flood["alarms"] == known.alarms == 18
    minutes = (flood["ended"] - flood["began"]).total_seconds() / 60
    assert minutes == (known.end_ms - known.start_ms) / MINUTE == 20
    shares = {row["priority"]: float(row["alarms_pct"]) for row in lake.named("alarm_priorities")}
    assert shares == pytest.approx({p: 100 * s for p, s in expected.priorities.items() if s}, abs=0.06)
    chatter = {(row["well_id"], row["alarm_type"]): row["times"] for row in lake.named("chattering_alarms")}
    assert chatter == expected.chattering == {("WELL-00099", "forest"): 1}
    actors = [((row["well_id"], row["alarm_type"]), row["alarms"]) for row in lake.named("alarm_bad_actors")]
    assert actors == list(expected.bad_actors)


def test_an_alarm_that_never_returned_is_active_and_stale_after_a_day():
    rows = landed()[0]
    late = replace(rows.readings, ts_ms=rows.readings.ts_ms + 25 * 60 * MINUTE)
    lake = DuckLake(
        {
            "scored_readings": rows_to_blocks(replace(rows, readings=late)),
            "alarms": alarm_rows_to_blocks(
                [*event(0), *event(24 * 60 + 30, kind="dhsv_closure")], recorded_at_ms=START
            ),
        }
    )
    found = lake.named("active_alarms")
    assert [(row["alarm_type"], row["stale"]) for row in found] == [("dhsv_closure", 0), ("forest", 1)]
