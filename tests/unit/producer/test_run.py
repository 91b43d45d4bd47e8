import copy
import math
import random
from collections import defaultdict

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.aws.kinesis import KinesisWriter, RetryLimits
from petrostream.aws.stream_errors import StreamStalled
from petrostream.readings.lines import Rows
from petrostream.schema.sensors import SENSOR_NAMES
from petrostream.times import parse_ms
from producer.players import FacilityPlayer, WellPlayer
from producer.resume import Progress
from producer.run import Replay, Time
from producer.schedule import FULL_SPEED, Span, make_schedule
from tests.support.depth import examples
from tests.support.fake_kinesis import FakeKinesis, FakeTime

FIRST = 1_400_000_000_000


class Killed(BaseException):
    """Stands for kill -9: nothing that the process still does counts."""


class World:
    """What outlives a process: the stream, the resume file, the time. `attempt` is one process."""

    def __init__(self, wells, speed, *, clock="live", seed=0, refusals=0.0):
        self.time = FakeTime()
        self.speed, self.clock, self.random = speed, clock, random.Random(seed)
        self.spans = [
            Span(f"2/{well}_{number}", well, facility, first, first + 1000 * (count - 1), 0, count)
            for well, (facility, instances) in wells.items()
            for number, (first, count) in enumerate(instances)
        ]
        self.disk = Progress(run_id="r", digest="d", options={}, started_ms=self.time.now_ms())
        self.accepted_at = []
        self.dead = False
        self.stream = FakeKinesis(
            refuse=lambda key, data: self.random.random() < refusals, on_store=self._note
        )
        self.shown = []

    def attempt(self, *, kill_at=None, stop_at=None, limit_s=1e9):
        self.dead = False
        calls = len(self.stream.calls)
        self.stream.disturb = lambda call: Killed() if kill_at and call - calls >= kill_at else None
        progress = copy.deepcopy(self.disk)
        schedule = make_schedule(self.spans, self.clock, self.speed, progress.started_ms)
        facilities = defaultdict(list)
        for well, line in schedule.wells.items():
            player = WellPlayer(line, rows_of, progress.positions.get(well, 0))
            facilities[player.facility_id].append(player)
        patience = RetryLimits(
            limit_s=limit_s, clock=self.time.seconds, sleep=self.time.sleep, draw=self.random.uniform
        )
        replay = Replay(
            players=[FacilityPlayer(players, 4000) for players in facilities.values()],
            writer=KinesisWriter("readings", self.stream, patience),
            progress=progress,
            save=self._save,
            speed=self.speed,
            total=schedule.readings,
            block_s=1.0,
            stopped=lambda: stop_at is not None and len(self.stream.calls) - calls >= stop_at,
            display=self,
            clock=Time(self.time.now_ms, self.time.seconds, self.time.sleep),
        )
        try:
            return replay.run()
        except Killed:
            return False

    def show(self, status):
        self.shown.append(status)

    def lines(self, facility=None):
        return [
            orjson.loads(line)
            for key, data in self.stream.records
            if facility in {None, key}
            for line in data.splitlines()
        ]

    def sent(self):
        return [(line["well_id"], line["source"], line["ts"]) for line in self.lines()]

    def expected(self):
        return {(span.source, source_ms) for span in self.spans for source_ms in rows_of(span).ts_ms.tolist()}

    def arrived(self):
        return {(line["source"], parse_ms(line["source_ts"])) for line in self.lines()}

    def _save(self, progress):
        # A save that the dying process would still make must not count as made.
        if not isinstance(self.stream.disturb(len(self.stream.calls)), Killed):
            self.disk = copy.deepcopy(progress)

    def _note(self, key, data):
        self.accepted_at += [self.time.now_ms()] * data.count(b"\n")


def rows_of(span):
    values = np.full((span.readings, len(SENSOR_NAMES)), math.nan)
    empty = np.full(span.readings, -1)
    return Rows(np.arange(span.first_ms, span.last_ms + 1, 1000), values, empty, empty)


fleets = st.dictionaries(
    st.sampled_from(["A", "B", "C", "D"]),
    st.tuples(
        st.sampled_from(["F1", "F2"]),
        st.lists(
            st.tuples(st.integers(0, 500).map(lambda s: FIRST + 1000 * s), st.integers(1, 40)),
            min_size=1,
            max_size=3,
        ),
    ),
    min_size=1,
)
speeds = st.sampled_from([1.0, 60.0, FULL_SPEED])
some = settings(max_examples=examples(40))  # each example is a whole replay, or several


@some
@given(fleets, speeds, st.integers(0, 999), st.sampled_from(["live", "original"]))
def test_every_reading_is_sent_once_in_event_time_order_however_often_it_is_refused(
    fleet, speed, seed, clock
):
    world = World(fleet, speed, seed=seed, refusals=0.4, clock=clock)
    assert world.attempt()
    assert world.arrived() == world.expected()
    assert len(world.sent()) == len(set(world.sent())) == len(world.expected())
    if clock == "live":
        for facility in ("F1", "F2"):
            times = [line["ts"] for line in world.lines(facility)]
            assert times == sorted(times)


@some
@given(fleets, speeds, st.integers(0, 999))
def test_live_no_reading_comes_from_the_future(fleet, speed, seed):
    world = World(fleet, speed, seed=seed, refusals=0.2)
    world.attempt(kill_at=5)
    world.time.sleep(3)
    world.attempt()
    assert world.lines()
    for line, accepted_ms in zip(world.lines(), world.accepted_at, strict=True):
        assert parse_ms(line["ts"]) <= accepted_ms


@some
@given(fleets, speeds, st.lists(st.integers(1, 6), max_size=4), st.integers(0, 999))
def test_kills_skip_nothing_and_repeat_with_the_same_identity(fleet, speed, kills, seed):
    world = World(fleet, speed, seed=seed, refusals=0.2)
    for kill_at in kills:
        world.attempt(kill_at=kill_at)
        world.time.sleep(world.random.uniform(0, 100))
    assert world.attempt()
    assert world.arrived() == world.expected()
    # A repeated reading has the event time it had before: as many identities as readings.
    assert len(set(world.sent())) == len(world.expected())


@some
@given(fleets, speeds, st.lists(st.integers(1, 6), max_size=4), st.integers(0, 999))
def test_clean_stops_neither_skip_nor_double(fleet, speed, stops, seed):
    world = World(fleet, speed, seed=seed, refusals=0.2)
    for stop_at in stops:
        world.attempt(stop_at=stop_at)
        world.time.sleep(world.random.uniform(0, 100))
    assert world.attempt()
    assert world.arrived() == world.expected()
    assert len(world.sent()) == len(world.expected())


def test_the_file_never_counts_more_than_the_stream_has():
    world = World({"A": ("F1", [(FIRST, 1500)]), "B": ("F2", [(FIRST, 1500)])}, 60.0, refusals=0.3)
    said = []

    def check(key, data):
        said.append(world.disk.readings)
        assert world.disk.readings <= len(world.accepted_at)
        world.accepted_at += [0] * data.count(b"\n")

    world.stream.on_store = check
    assert world.attempt()
    assert len(set(said)) > 3  # it was written on the way, not only at the end


def test_real_time_sends_what_is_due_every_second():
    world = World({"A": ("F1", [(FIRST, 30)])}, 1.0)
    world.attempt()
    delays = [at - parse_ms(line["ts"]) for line, at in zip(world.lines(), world.accepted_at, strict=True)]
    assert len(world.stream.records) >= 29
    assert max(delays) <= 1300


def test_a_stream_that_stays_closed_ends_in_an_error_and_a_resumable_file():
    world = World({"A": ("F1", [(FIRST, 5000)])}, FULL_SPEED)
    world.stream.refuse = lambda key, data: len(world.stream.records) >= 5
    with pytest.raises(StreamStalled):
        world.attempt(limit_s=30)
    assert 0 < world.disk.readings == len(world.sent()) < 5000
    assert not world.disk.finished
    world.stream.refuse = lambda key, data: False
    assert world.attempt()
    assert len(world.sent()) == len(world.expected()) == 5000


def test_lag_and_retries_are_shown_when_the_stream_is_too_slow():
    world = World({"A": ("F1", [(FIRST, 60)])}, 1.0)
    world.stream.refuse = lambda key, data: len(world.stream.calls) < 12
    world.attempt()
    assert max(status.lag_s for status in world.shown) > 3
    assert world.shown[-1].retries > 0
    assert "ProvisionedThroughput" in world.shown[-1].trouble
    assert world.shown[-1].readings == world.shown[-1].total == 60


def test_counts_of_a_run_add_up_over_its_interruptions():
    world = World({"A": ("F1", [(FIRST, 9000)])}, FULL_SPEED)
    world.attempt(stop_at=2)
    first = world.disk
    world.attempt()
    assert world.disk.blocks == len(world.stream.records)
    assert world.disk.calls == len(world.stream.calls) > first.calls
    assert world.disk.seconds >= first.seconds
    assert world.disk.finished
