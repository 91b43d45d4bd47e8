"""Tasks of the service share the shards, lose nothing and double nothing, whoever comes, goes or dies."""

import threading
import time
from collections import defaultdict

import pytest

from lambdas.scoring import reader as reading_loop
from lambdas.scoring.reader import Reports, ShardReader
from lambdas.scoring.service import Service
from petrostream.aws.leases import LeaseTable
from petrostream.aws.settings import ServiceSettings
from petrostream.aws.shard_stream import ShardStream
from petrostream.backoff import Backoff
from petrostream.errors import SettingInvalid
from petrostream.pipeline import LEASE_MS, RENEW_MS
from tests.support.alarm_desk import TableClient
from tests.support.fakes import PARTIAL, THROTTLED
from tests.support.scoring_world import ARRIVED_MS, World, block, reading, tank_reading
from tests.support.sharded_stream import ShardedStream

STREAM = "petrostream-ingest"
FACILITIES = [f"FAC-{number:02d}" for number in range(12)]


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(reading_loop, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(reading_loop, "CATCH_UP_SECONDS", 0.0)


class Fleet:
    """A stream, the services around it, and the tasks that read it, on a clock of its own."""

    def __init__(self, shards=4, page=10_000):
        self.world = World()
        self.stream = ShardedStream(shards, ARRIVED_MS, page)
        self.world.stream = self.stream
        self.now_ms = ARRIVED_MS
        self.tasks = {}
        self.sent = defaultdict(list)

    def join(self, name, most=100):
        leases = LeaseTable("live", TableClient(self.world.table), name)
        stream = ShardStream(STREAM, self.stream, Backoff(limit=3, sleep=lambda _: None))

        def reader(shard_id):
            worker = self.world._new()
            backoff = Backoff(limit=6, base=0.001, sleep=lambda _: None)
            return ShardReader(shard_id, stream, worker.ports, Reports(), backoff=backoff)

        self.tasks[name] = Service(leases, stream, reader, most, lambda: self.now_ms)
        return self.tasks[name]

    def share(self, *names):
        """Let tasks join, and wait until each has its share."""
        for name in names:
            self.join(name)
        for _ in range(100):
            self.turn(0.1)
            if self.loads() == [2, 2]:
                return
            time.sleep(0.02)
        raise AssertionError(self.loads())

    def turn(self, seconds=RENEW_MS / 1000):
        for task in list(self.tasks.values()):
            task.tick()
        self.now_ms += round(1000 * seconds)

    def kill(self, name):
        """As by SIGKILL: nothing is stored, nothing is given back."""
        for _, reader in self.tasks.pop(name).readers.values():
            reader.lose()
            reader.join()

    def drain(self, name):
        self.tasks.pop(name).drain()

    def send(self, seconds):
        """A second of every facility's well in each record, and now and then a tank's reading."""
        for second in seconds:
            for well, facility in enumerate(FACILITIES, 1):
                rows = [reading(well, second, facility, methane_ppm=900.0 if 20 <= second < 40 else 5.0)]
                if second % 10 == 0:
                    rows.append(tank_reading(second, facility))
                self.stream.put(facility, block(*rows))
                self.sent[facility].append(second)

    def wait(self, rows, turns=60):
        """Turn until so many readings are in the lake."""
        for _ in range(turns):
            self.turn()
            end = time.monotonic() + 0.3
            while time.monotonic() < end:
                if len(self.landed()) >= rows:
                    return
                time.sleep(0.05)  # to read all rows takes the core from the tasks
        raise AssertionError(f"{len(self.landed())} of {rows} readings landed")

    def landed(self):
        return {row["event_id"] for row in self.world.scored()}

    def stop(self):
        for name in list(self.tasks):
            self.drain(name)

    def loads(self):
        return sorted(len(task.readers) for task in self.tasks.values())


def view(rows, key):
    """One row of each identity, without what differs from run to run, as the views show them."""
    unlike = ("scored_at", "recorded_at", "joined_at", "kinesis_sequence")
    found = {}
    for row in sorted(rows, key=lambda row: (len(row["kinesis_sequence"]), row["kinesis_sequence"])):
        # A column without any value in a block is left out of its rows, which readers take for null.
        known = {name: value for name, value in row.items() if name not in unlike and value is not None}
        found.setdefault(row[key], known)
    return found


def calm(seconds):
    """What one task makes of the same readings, undisturbed."""
    fleet = Fleet(shards=1)
    fleet.join("only")
    fleet.send(seconds)
    fleet.wait(len(seconds) * len(FACILITIES))
    fleet.stop()
    return fleet.world


def same(world, other):
    assert view(world.scored(), "event_id") == view(other.scored(), "event_id")
    assert view(world.alarms(), "transition_id") == view(other.alarms(), "transition_id")
    assert len(view(world.alarms(), "transition_id")) == 2 * len(FACILITIES)
    assert view(world.joined(), "event_id") == view(other.joined(), "event_id")


SECONDS = range(120)


@pytest.fixture(scope="module")
def expected():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading_loop, "POLL_SECONDS", 0.01)
        patch.setattr(reading_loop, "CATCH_UP_SECONDS", 0.0)
        return calm(SECONDS)


def test_two_tasks_share_the_shards_and_the_rows_are_those_of_one(expected):
    fleet = Fleet()
    fleet.share("a", "b")
    fleet.send(SECONDS)
    fleet.wait(len(SECONDS) * len(FACILITIES))
    fleet.stop()
    same(fleet.world, expected)
    assert len(fleet.world.scored()) == len(fleet.landed())


@pytest.mark.parametrize("how", ["kill", "drain"])
def test_one_task_goes_in_mid_replay_and_the_other_takes_over_within_30_s(expected, how):
    fleet = Fleet(page=40)
    fleet.share("a", "b")
    fleet.send(SECONDS[:60])
    fleet.wait(30 * len(FACILITIES))
    getattr(fleet, how)("a")
    gone_ms = fleet.now_ms
    while fleet.loads() != [4]:
        fleet.turn(1)
        assert fleet.now_ms - gone_ms <= 30_000
    if how == "drain":
        assert fleet.now_ms - gone_ms <= 5_000
    fleet.send(SECONDS[60:])
    fleet.wait(len(SECONDS) * len(FACILITIES))
    fleet.stop()
    same(fleet.world, expected)


def test_resharding_from_two_to_four_to_two_keeps_each_facility_in_order(expected):
    fleet = Fleet(shards=2, page=30)
    fleet.join("a")
    fleet.join("b")
    fleet.send(SECONDS[:40])
    fleet.turn()
    fleet.stream.double()
    fleet.send(SECONDS[40:80])
    fleet.turn()
    fleet.stream.halve()
    fleet.send(SECONDS[80:])
    fleet.wait(len(SECONDS) * len(FACILITIES), turns=120)
    fleet.stop()
    same(fleet.world, expected)
    order = defaultdict(list)
    for row in fleet.world.scored():
        order[row["well_id"], row["facility_id"]].append(row["ts"])
    assert all(times == sorted(times) for times in order.values())
    assert not [row for row in fleet.world.scored() if "late:ts" in (row.get("validation_reasons") or [])]


def test_services_that_fail_delay_and_lose_nothing(expected):
    fleet = Fleet(page=60)
    fleet.join("a")
    fleet.world.firehose.scripts[0] = [THROTTLED, PARTIAL, THROTTLED] * 6
    fleet.world.table.scripts[1] = [THROTTLED] * 5
    fleet.send(SECONDS)
    fleet.wait(len(SECONDS) * len(FACILITIES), turns=120)
    fleet.stop()
    same(fleet.world, expected)


def test_two_tasks_that_both_believe_they_have_a_shard_deliver_each_row_once_in_the_view(expected):
    fleet = Fleet(shards=1, page=150)
    one, two = fleet.join("a"), fleet.join("b")
    fleet.send(SECONDS)
    both = [task.reader(f"{STREAM}/shardId-000000000000") for task in (one, two)]
    for reader in both:
        reader.start()
    end = time.monotonic() + 120
    while len(fleet.landed()) < len(SECONDS) * len(FACILITIES) and time.monotonic() < end:
        time.sleep(0.05)
    for reader in both:
        reader.finish()
        reader.join(30)
    same(fleet.world, expected)


def test_a_task_whose_lease_was_taken_stops_at_once():
    fleet = Fleet(shards=1)
    one = fleet.join("a")
    fleet.turn()
    ((_, reader),) = one.readers.values()
    fleet.now_ms += LEASE_MS + 1
    fleet.join("b").tick()
    one.tick()
    assert one.readers == {}
    reader.join(10)
    assert not reader.is_alive()
    fleet.stop()


def test_a_task_that_cannot_renew_stops_when_its_lease_is_over(monkeypatch):
    fleet = Fleet(shards=1)
    one = fleet.join("a")
    fleet.turn()
    fleet.world.table.scripts[2] = [THROTTLED] * 50
    stop = threading.Event()
    thread = threading.Thread(target=one.run, args=(stop,))
    monkeypatch.setattr("lambdas.scoring.service.RENEW_MS", 20)
    fleet.now_ms += LEASE_MS + 1
    thread.start()
    end = time.monotonic() + 10
    while one.readers and time.monotonic() < end:
        time.sleep(0.01)
    assert one.readers == {}
    fleet.world.table.scripts[2] = []
    stop.set()
    thread.join(20)
    assert not thread.is_alive()


@pytest.mark.parametrize(
    ("variables", "told"),
    [({}, "INGEST_STREAM"), ({"INGEST_STREAM": "s", "MOST_SHARDS": "0"}, "MOST_SHARDS")],
)
def test_a_setting_that_is_missing_or_cannot_be_used_is_named(variables, told):
    with pytest.raises(SettingInvalid, match=told):
        ServiceSettings.from_environment(variables)
