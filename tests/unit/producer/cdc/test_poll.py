"""Every row once, whatever commits, polls and kills come in between."""

from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producer.cdc.errors import SourceInvalid
from producer.cdc.poll import Poller, Position
from tests.support.fake_table import FakeTable

LOOK_BACK = 10.0
WRITERS = 3


def poller_of(table, position=None, limit=4, **options):
    return Poller(table, position or Position(), timedelta(seconds=LOOK_BACK), limit, **options)


def versions(rows):
    return Counter(row.values["version"] for row in rows)


def drain(poller, sent, most=200):
    """Poll until nothing is left, as a run does, and twice more."""
    idle = 0
    for _ in range(most):
        found = False
        for batch in poller.poll():
            sent += batch.rows
            poller.sent(batch)
            found = found or bool(batch.rows) or batch.more
        idle = 0 if found else idle + 1
        if idle == 3:
            return
    pytest.fail(f"not at an end after {most} polls")


class World:
    """A table, its writers, a poller that is killed, and what the stream has of it."""

    def __init__(self, *, counted, dated, limit, early):
        self.table = FakeTable(counted=counted, dated=dated)
        self.options = {"limit": limit, "early": early}
        self.poller = poller_of(self.table, **self.options)
        self.saved = Position()
        self.sent = []
        self.kills = self.step_backs = 0

    def poll(self, batches=None):
        """One poll; killed after so many batches, before the state of the last one is saved."""
        for done, batch in enumerate(self.poller.poll(), 1):
            self.sent += batch.rows
            if batches is not None and done >= batches:
                self.kill()
                return
            self.poller.sent(batch)
            if batch.position is not None:
                self.saved = batch.position

    def kill(self):
        self.kills += 1
        self.poller = poller_of(self.table, self.saved, **self.options)

    def write(self, writer, now, savepoint):
        # How long a transaction may wait before it writes, or commits, without being found: the contract of a
        # source that does not say when transactions began, or has no numbers at all.
        one = self.table.open.get(writer)
        if one is not None and not self.table.dated and one.number is None and self.age(one) > 7:
            self.table.abort(writer)
        self.table.write(writer, at=self.table.clock if now else None, savepoint=savepoint)

    def commit(self, writer):
        one = self.table.open.get(writer)
        if one is not None and not self.table.counted and self.age(one) > 7:
            self.table.abort(writer)
        self.table.commit(writer)

    def age(self, one):
        return (self.table.clock - one.began).total_seconds()

    def step_back(self, seconds):
        if self.step_backs == 0:
            self.step_backs += 1
            self.table.advance(-seconds)


writers = st.integers(0, WRITERS - 1)
steps = st.one_of(
    st.tuples(st.just("begin"), writers),
    st.tuples(st.just("write"), writers, st.booleans(), st.booleans()),
    st.tuples(st.just("write"), writers, st.booleans(), st.booleans()),
    st.tuples(st.just("commit"), writers),
    st.tuples(st.just("commit"), writers),
    st.tuples(st.just("abort"), writers),
    st.tuples(st.just("advance"), st.integers(0, 6)),
    st.tuples(st.just("step_back"), st.integers(1, 2)),
    st.tuples(st.just("poll"), st.none()),
    st.tuples(st.just("poll"), st.none()),
    st.tuples(st.just("poll"), st.integers(1, 3)),
    st.tuples(st.just("kill")),
)


@given(
    script=st.lists(steps, max_size=60),
    source=st.sampled_from([(True, False), (True, True), (False, False)]),
    limit=st.integers(1, 5),
    early=st.sampled_from([0, 1, 3, 1000]),
)
def test_every_row_is_sent_once(script, source, limit, early):
    counted, dated = source
    world = World(counted=counted, dated=dated, limit=limit + (0 if counted else 60), early=early)
    for name, *arguments in script:
        target = world if hasattr(world, name) else world.table
        getattr(target, name)(*arguments)
    for writer in range(WRITERS):
        world.commit(writer)
    drain(world.poller, world.sent)
    found, wanted = versions(world.sent), versions(world.table.committed)
    assert found.keys() == wanted.keys()
    if not world.kills and (counted or not world.step_backs):
        assert found == wanted


def test_a_transaction_that_commits_late_is_found_behind_the_mark():
    table, sent = FakeTable(), []
    poller = poller_of(table)
    table.write(0)
    table.advance(3600)
    table.write(1)
    table.commit(1)
    drain(poller, sent)
    assert versions(sent) == {2: 1}
    table.advance(7200)
    table.commit(0)
    drain(poller, sent)
    assert versions(sent) == {1: 1, 2: 1}


def test_rows_of_a_savepoint_are_found_although_their_number_is_not_the_transactions():
    table, sent = FakeTable(), []
    poller = poller_of(table)
    table.write(0)
    table.write(0, savepoint=True)
    table.write(1)
    table.commit(1)
    drain(poller, sent)
    table.advance(60)
    table.commit(0)
    drain(poller, sent)
    assert versions(sent) == {1: 1, 2: 1, 3: 1}


def test_the_servers_clock_may_be_set_back_by_hours():
    table, sent = FakeTable(), []
    poller = poller_of(table)
    table.write(0)
    table.commit(0)
    drain(poller, sent)
    table.advance(-7200)
    for _ in range(5):
        table.advance(1)
        table.write(0)
        table.commit(0)
        drain(poller, sent)
    assert versions(sent) == dict.fromkeys(range(1, 7), 1)


def test_a_row_of_the_distant_future_does_not_hide_what_comes_after_it():
    table, sent = FakeTable(), []
    poller = poller_of(table)
    table.write(0, at=table.clock + timedelta(days=30_000))
    table.commit(0)
    drain(poller, sent)
    for _ in range(20):
        table.advance(5)
        table.write(0)
        table.commit(0)
        drain(poller, sent)
    assert versions(sent) == dict.fromkeys(range(1, 22), 1)


def test_a_row_that_is_updated_again_is_sent_again_also_with_the_same_time():
    table, sent = FakeTable(), []
    poller = poller_of(table)
    table.write(0, row_id=7)
    table.commit(0)
    drain(poller, sent)
    table.advance(5)
    table.write(0, row_id=7)
    table.commit(0)
    table.write(0, row_id=7, at=sent[0].key.at)
    table.commit(0)
    drain(poller, sent)
    assert versions(sent) == {1: 1, 2: 1, 3: 1}


def test_rows_newer_than_an_open_transaction_do_not_wait_for_it_until_they_are_many():
    table, sent = FakeTable(), []
    poller = poller_of(table, early=3)
    table.write(0)
    for _ in range(8):
        table.advance(1)
        table.write(1)
        table.commit(1)
        drain(poller, sent)
    assert versions(sent) == {2: 1, 3: 1, 4: 1}
    assert poller.held
    table.commit(0)
    drain(poller, sent)
    assert versions(sent) == dict.fromkeys(range(1, 10), 1)
    assert not poller.held


def test_old_rows_do_not_wait_for_an_open_transaction():
    """Those of a load, for instance: no later poll would look back to their times."""
    table, sent = FakeTable(), []
    poller = poller_of(table, early=0)
    table.write(0)
    for minute in range(30):
        table.write(1, at=table.clock - timedelta(minutes=30 - minute))
    table.commit(1)
    drain(poller, sent)
    assert len(sent) == 30


def test_a_server_that_counts_anew_has_its_window_sent_again():
    table, sent = FakeTable(), []
    poller = poller_of(table)
    for _ in range(3):
        table.write(0)
        table.commit(0)
    drain(poller, sent)
    restored = FakeTable(next_number=3, committed=list(table.committed), written=3, clock=table.clock)
    restored.write(0, at=table.clock - timedelta(seconds=5))
    restored.commit(0)
    after = poller_of(restored, poller.position)
    drain(after, sent)
    assert versions(sent).keys() == {1, 2, 3, 4}


def test_rows_before_the_first_are_not_wanted_after_a_restart_either():
    table, sent = FakeTable(counted=False), []
    since = table.clock
    table.write(0, at=since - timedelta(seconds=2))
    table.write(0, at=since + timedelta(seconds=1))
    table.commit(0)
    from producer.cdc.keys import RowKey

    poller = poller_of(table, Position(mark=RowKey(since), since=since), limit=50)
    drain(poller, sent)
    again = poller_of(table, poller.position, limit=50)
    drain(again, sent)
    assert versions(sent).keys() == {2}


def test_more_rows_of_one_moment_than_a_batch_holds_are_a_matter_of_their_ids():
    table, sent = FakeTable(), []
    for _ in range(11):
        table.write(0)
    table.commit(0)
    drain(poller_of(table, limit=2), sent)
    assert versions(sent) == dict.fromkeys(range(1, 12), 1)


def test_a_source_that_cannot_tell_rows_of_one_moment_apart_is_named():
    class Coarse(FakeTable):
        pass

    table, sent = Coarse(counted=False), []
    for _ in range(4):
        table.write(0)
    table.commit(0)
    poller = poller_of(table, limit=50)
    drain(poller, sent)
    stuck = poller_of(table, poller.position, limit=1)
    original = table.view

    from contextlib import contextmanager

    @contextmanager
    def same_row():
        with original() as view:
            first = view.visible[0]
            yield type("View", (), {"horizon": view.horizon, "rows": lambda *_: [first]})()

    table.view = same_row
    with pytest.raises(SourceInvalid, match="larger --batch"):
        list(stuck.poll())
