"""The state never runs ahead of the stream; a source that is away is waited for, but not for ever."""

import io
import json
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from ml.data.units import UnitMap
from petrostream.aws.kinesis import KinesisWriter, RetryLimits
from producer.cdc.convert import Converter
from producer.cdc.display import PollDisplay
from producer.cdc.errors import SourceGone, SourceLost
from producer.cdc.mapping import Mapping
from producer.cdc.poll import Poller, Position
from producer.cdc.run import Patience, Polling
from producer.cdc.sink import StreamSink
from tests.support.fake_kinesis import FakeKinesis, FakeTime
from tests.support.fake_table import FakeTable, FakeView

MAPPING = Mapping(
    Path("map.toml"),
    "csv",
    "readings",
    "updated_at",
    "id",
    {"well_id": "well", "ts": "at", "p_pdg": "version"},
)


class FlakyTable(FakeTable):
    """Every snapshot may fail, before or in the middle of it; `away` says which do."""

    away = iter(())
    views = 0

    @contextmanager
    def view(self):
        self.views += 1
        when = next(self.away, "there")
        if when == "away":
            raise SourceLost("no route to host")
        with super().view() as view:
            yield BrokenView(view.visible, view.horizon) if when == "breaks" else view


class BrokenView(FakeView):
    def rows(self, after, upto, limit, written):
        raise SourceLost("server closed the connection")


def filled(rows, table=None):
    table = table or FlakyTable()
    for number in range(rows):
        table.advance(1)
        table.write(0)
        table.open[0].rows[-1].values.update(well_id=f"W{number % 3}", ts=table.clock, p_pdg=table.written)
        table.commit(0)
    return table


def polling(table, kinesis, time, saved, *, position=None, stopped=lambda: False, once=True):
    limits = RetryLimits(limit_s=60.0, clock=time.seconds, sleep=time.sleep)
    converter = Converter(MAPPING, UnitMap(), {})
    display = PollDisplay(Console(file=io.StringIO(), width=300), converter, time.seconds)
    made = Polling(
        poller=Poller(table, position or Position(), timedelta(seconds=600), 4),
        converter=converter,
        sink=StreamSink(KinesisWriter("stream", kinesis, limits), 300, stopped, lambda _: None, time.seconds),
        save=lambda _: saved(made.poller.position),
        patience=Patience("the historian", display.say, stopped, limits),
        interval_s=5.0,
        once=once,
        stopped=stopped,
        display=display,
    )
    return made


def sent(kinesis):
    return [int(json.loads(line)["p_pdg"]) for _, data in kinesis.records for line in data.splitlines()]


@given(
    rows=st.integers(0, 20),
    refusals=st.lists(st.booleans(), max_size=40),
    away=st.lists(st.sampled_from(["there", "away", "breaks"]), max_size=8),
    lost=st.sets(st.integers(1, 8)),
)
def test_the_state_never_runs_ahead_of_the_stream(rows, refusals, away, lost):
    table, refuse = filled(rows), iter(refusals)
    table.away = iter(away)
    kinesis = FakeKinesis(
        refuse=lambda *_: next(refuse, False),
        disturb=lambda call: "lost" if call > 1 and call in lost else None,
    )

    def check(position):
        marked = [row for row in table.committed if position.mark and row.key.at <= position.mark.at]
        assert {row.values["version"] for row in marked} <= set(sent(kinesis))

    assert polling(table, kinesis, FakeTime(), check).run()
    assert set(sent(kinesis)) == {row.values["version"] for row in table.committed}


def test_a_source_that_stays_away_ends_the_run_after_a_while_with_what_to_do():
    table, time = filled(3), FakeTime()
    table.away = iter(["away"] * 1000)
    with pytest.raises(
        SourceGone, match=r"the historian: no answer in .* no route to host.* same command again"
    ):
        polling(table, FakeKinesis(), time, lambda _: None).run()
    assert 60 < time.elapsed < 90
    assert table.views > 5


def test_patience_begins_anew_when_the_source_has_been_there():
    table, time = filled(3), FakeTime()
    table.away = iter((["away"] * 6 + ["there"]) * 20)
    kinesis = FakeKinesis()
    run = polling(table, kinesis, time, lambda _: None, stopped=lambda: table.views >= 140, once=False)
    assert not run.run()
    assert time.elapsed > 60
    assert sorted(sent(kinesis)) == [1, 2, 3]


def test_polls_are_an_interval_apart_while_nothing_is_new_and_at_once_while_more_waits():
    table, time, polls = filled(20), FakeTime(), []
    original = table.view

    @contextmanager
    def noted():
        polls.append(time.elapsed)
        with original() as view:
            yield view

    table.view = noted
    polling(table, FakeKinesis(), time, lambda _: None, stopped=lambda: len(polls) >= 9, once=False).run()
    gaps = [after - before for before, after in pairwise(polls)]
    assert max(gaps[:5]) < 1
    assert gaps[5:] == pytest.approx([5] * 3, abs=0.3)
