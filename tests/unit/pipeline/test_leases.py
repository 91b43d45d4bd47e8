"""Tasks that plan by themselves share the shards: each is read, by one task, parents before children."""

from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.pipeline.leases import LEASE_MS, RENEW_MS, Lease, Shard, plan, readable
from tests.support.depth import examples


@dataclass
class Room:
    """Tasks that plan in turn, over a table that refuses what was read too long ago."""

    shards: list[Shard]
    most: int = 100
    now_ms: int = 1_000_000
    leases: dict[str, Lease] = field(default_factory=dict)
    tasks: list[str] = field(default_factory=list)

    def turn(self, order=None):
        for task in order or self.tasks:
            for name, lease in list(self.leases.items()):
                if lease.task == task and lease.held(self.now_ms):
                    self.leases[name] = replace(lease, until_ms=self.now_ms + LEASE_MS)
            found = plan(task, self.shards, self.leases, len(self.tasks) - 1, self.most, self.now_ms)
            for name in found.give_back:
                self.leases[name] = replace(self.leases[name], task="", until_ms=0)
            for lease in found.take:
                assert not self.leases.get(lease.shard_id, lease).held(self.now_ms)
                self.leases[lease.shard_id] = replace(lease, task=task, until_ms=self.now_ms + LEASE_MS)
        self.now_ms += RENEW_MS

    def loads(self):
        held = [lease.task for lease in self.leases.values() if lease.held(self.now_ms)]
        return [held.count(task) for task in self.tasks]


def shards(n):
    return [Shard(f"s/{i}") for i in range(n)]


def test_the_first_task_reads_everything_and_gives_back_when_another_comes():
    room = Room(shards(4), tasks=["a"])
    room.turn()
    assert room.loads() == [4]
    room.tasks.append("b")
    for _ in range(4):
        room.turn()
    assert sorted(room.loads()) == [2, 2]


def test_a_task_that_is_gone_is_replaced_within_half_a_minute():
    room = Room(shards(4), tasks=["a", "b"])
    for _ in range(4):
        room.turn()
    room.tasks.remove("b")
    began = room.now_ms
    while sum(room.loads()) < 4:
        room.turn()
    assert room.now_ms - began <= 30_000


@settings(max_examples=examples(200))
@given(n=st.integers(1, 12), events=st.lists(st.sampled_from(["join", "leave", "turn"]), max_size=25))
def test_whoever_comes_and_goes_every_shard_is_read_and_the_load_is_even(n, events):
    room = Room(shards(n), tasks=["t0"])
    count = 0
    for event in events:
        if event == "join":
            count += 1
            room.tasks.append(f"t{count}")
        elif event == "leave" and len(room.tasks) > 1:
            room.tasks.pop(0)
        room.turn()
    for _ in range(LEASE_MS // RENEW_MS + 2 * n + 2):
        room.turn()
    loads = room.loads()
    assert sum(loads) == n
    assert max(loads) <= -(-n // len(room.tasks))


def test_no_task_reads_more_than_it_may():
    room = Room(shards(10), most=3, tasks=["a", "b"])
    for _ in range(20):
        room.turn()
    assert room.loads() == [3, 3]


def test_children_wait_for_their_parents_and_for_no_parent_that_expired():
    old, left, right, merged = (
        Shard("s/0"),
        Shard("s/1", ("s/0",)),
        Shard("s/2", ("s/0", "s/gone")),
        Shard("s/3", ("s/1", "s/2")),
    )
    everything = [merged, right, left, old]
    ended = {}
    assert readable(everything, ended) == [old]
    ended["s/0"] = Lease("s/0", read_to_end=True)
    assert readable(everything, ended) == [right, left]
    ended["s/1"] = Lease("s/1", read_to_end=True)
    assert readable(everything, ended) == [right]
    ended["s/2"] = Lease("s/2", read_to_end=True)
    assert readable(everything, ended) == [merged]
    assert readable([merged, right], {}) == [right]
