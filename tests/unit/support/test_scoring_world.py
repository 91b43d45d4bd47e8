"""The world in which the function runs in tests answers every call that the function makes."""

import logging

from tests.support.event_source import Context, StreamRecord, event_of
from tests.support.scoring_world import START_MS, World, block, reading


def test_an_invocation_meets_no_call_that_the_world_does_not_know(monkeypatch, caplog):
    """The function goes on where operators' tags cannot be read, so that nothing else would show it."""
    monkeypatch.setattr("petrostream.aws.worker.SETTLE_EVERY_MS", 0)
    batch = event_of([StreamRecord("1", "FAC-01", block(reading(1, 0)), START_MS)])
    with caplog.at_level(logging.WARNING):
        World().function(batch, Context())
    assert [record.getMessage() for record in caplog.records] == []
