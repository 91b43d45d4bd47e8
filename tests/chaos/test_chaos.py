"""A slice of `make chaos` for every run of the tests, and that it finds what it looks for."""

import logging
from collections.abc import Iterator
from dataclasses import replace
from unittest.mock import patch

import pytest

from petrostream.pipeline import process, takeover
from tests.chaos.__main__ import BY_NAME, plan, seed_of
from tests.chaos.faults import ROWS
from tests.chaos.page import page
from tests.chaos.trial import Reckoning, run

SEED = 15
SLICE = (
    ("worker-killed-after",),
    ("reshard", "turns"),
    ("at-once-commit", "put-batch-partial"),
    ("redrive",),
    ("table-lost", "records-doubled"),
    ("parallel", "producer-killed"),
    ("topic-partial",),
)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Trials fail calls by the hundred, and each is logged."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def tried(*names: str) -> Reckoning:
    rows = [BY_NAME[name] for name in names]
    return run(rows, seed_of(SEED, rows))


@pytest.mark.parametrize("names", SLICE, ids=" + ".join)
def test_what_was_sent_is_there_once(names: tuple[str, ...]) -> None:
    reckoning = tried(*names)
    assert reckoning.held, reckoning
    assert reckoning.sent > 900
    assert reckoning.landed == reckoning.sent


def test_a_trial_follows_from_its_seed() -> None:
    assert tried("turns") == tried("turns")


def test_a_consumer_that_passes_over_what_firehose_refused_is_found() -> None:
    with patch.object(process, "_discard", lambda _batches, _error: None):
        reckoning = tried("put-batch-throttled")
    assert not reckoning.held
    assert reckoning.lost


def test_a_takeover_that_does_not_read_the_stream_is_found() -> None:
    with patch.object(takeover, "_missing", lambda *_: []):
        assert tried("worker-recycled").memories is False


def test_a_run_is_a_plan_of_all_faults_and_of_pairs() -> None:
    trials = list(plan(SEED, 100))
    assert len(ROWS) >= 30
    assert [rows for rows in trials if len(rows) == 1] == [(row,) for row in ROWS]
    pairs = {frozenset(row.name for row in rows) for rows in trials if len(rows) == 2}
    assert len(pairs) == 100
    assert all(len(pair) == 2 for pair in pairs)


def test_the_page_has_a_row_for_each_trial_and_says_how_to_repeat_it() -> None:
    one = tried("records-late")
    text = page(SEED, [one, replace(one, lost=3)])
    assert text.count("<tr") == 3
    assert text.count('class="failed"') == 1
    assert str(one.seed) in text
    assert "http" not in text
