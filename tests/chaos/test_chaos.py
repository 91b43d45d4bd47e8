"""A slice of `make chaos` for every run of the tests, and that it finds what it looks for."""

import logging
import random
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from petrostream.pipeline import process, takeover
from tests.chaos.faults import ROWS
from tests.chaos.fleet import TAIL, fleet
from tests.chaos.page import page
from tests.chaos.plan import BY_NAME, plan, seed_of
from tests.chaos.reckoning import Reckoning
from tests.chaos.report import Report
from tests.chaos.trial import run

SEED = 15
SLICE = (
    ("worker-killed-after", "catalogue-dropped", "records-doubled", "parallel"),
    ("reshard", "turns", "at-once-commit", "put-batch-partial"),
    ("redrive", "transform-down", "producer-disk-full"),
)
FIGURES: dict[str, Any] = {
    "faults": ("records-late",), "seed": 184343566298370, "wells": "synthetic", "strikes": 42, "sent": 972,
    "landed": 972, "rejected": 0, "lost": 0, "doubled": 0, "stored_twice": 0, "differing": 0,
    "minutes": True, "memories": True, "live": None, "alerts_missing": 0, "alerts_doubled": None,
    "recovery_s": 1.5,
}  # fmt: skip


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Trials fail calls by the hundred, and each is logged."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@cache
def tried(*names: str) -> Reckoning:
    rows = [BY_NAME[name] for name in names]
    return run(rows, seed_of(SEED, names))


@pytest.mark.parametrize("names", SLICE, ids=" + ".join)
def test_what_was_sent_is_there_once(names: tuple[str, ...]) -> None:
    reckoning = tried(*names)
    assert reckoning.held, reckoning
    assert reckoning.sent > 900
    assert reckoning.landed == reckoning.sent


def test_a_killed_producer_sends_again_what_it_never_saw_acknowledged() -> None:
    reckoning = tried("producer-killed")
    assert reckoning.held, reckoning
    assert reckoning.stored_twice > 0


def test_the_large_fleet_has_200_wells() -> None:
    """Wells of one name at two facilities would have readings in common."""
    sent = fleet(random.Random(1), seconds=2, facilities=10, wells=20)
    wells = {row["well_id"]: put.facility for put in sent.puts for row in put.rows if row["kind"] == "well"}
    assert len(wells) == 200
    assert len(sent.identities()) == 2 * 200 + 10 * len(TAIL)


def test_a_trial_follows_from_its_seed() -> None:
    assert tried(*SLICE[-1]) == tried.__wrapped__(*SLICE[-1])


def test_a_consumer_that_passes_over_what_firehose_refused_is_found() -> None:
    with patch.object(process, "_discard", lambda _batches, _error: None):
        reckoning = tried.__wrapped__("put-batch-throttled")
    assert not reckoning.held
    assert reckoning.lost


def test_a_takeover_that_does_not_read_the_stream_is_found() -> None:
    with patch.object(takeover, "_missing", lambda *_: []):
        assert tried.__wrapped__("worker-recycled").memories is False


def test_a_run_is_a_plan_of_all_faults_and_of_pairs() -> None:
    trials = list(plan(SEED, 100))
    assert len(ROWS) >= 30
    assert [trial.rows for trial in trials if len(trial.rows) == 1] == [(row,) for row in ROWS]
    pairs = {frozenset(row.name for row in trial.rows) for trial in trials if len(trial.rows) == 2}
    assert len(pairs) == 100
    assert all(len(pair) == 2 for pair in pairs)


def test_every_fault_is_tried_on_real_wells_too_where_there_are_some(tmp_path: Path) -> None:
    trials = list(plan(SEED, 0, tmp_path))
    assert [trial.rows[0].name for trial in trials if trial.real] == [row.name for row in ROWS]
    assert len({trial.key for trial in trials}) == len(trials) == 2 * len(ROWS)


def test_a_resumed_run_repeats_what_failed_and_what_was_not_reached(tmp_path: Path) -> None:
    held, failed, unreached = (Reckoning(**FIGURES | {"faults": (name,)}) for name in ("a", "b", "c"))
    failed = replace(failed, lost=1)
    report = Report(SEED, tmp_path)
    for one in (held, failed):
        report.add(one)
    resumed = Report(SEED, tmp_path, resume=True)
    assert [resumed.earlier(one.key) for one in (held, failed, unreached)] == [held, None, None]
    resumed.add(unreached)
    assert Report(SEED, tmp_path, resume=True).trials == [unreached, held]
    assert Report(SEED + 1, tmp_path, resume=True).trials == []
    assert Report(SEED, tmp_path).earlier(held.key) is None


def test_an_error_that_ends_a_trial_is_a_promise_broken() -> None:
    planned = next(plan(SEED, 0))
    with patch("tests.chaos.plan.run", side_effect=ValueError("of the product")):
        reckoning = planned.run()
    assert not reckoning.held
    assert reckoning.key == planned.key
    assert reckoning.error == "ValueError: of the product"
    assert "ValueError: of the product" in page(SEED, [reckoning])


def test_the_page_has_a_row_for_each_trial_and_says_how_to_repeat_it() -> None:
    one = Reckoning(**FIGURES)
    text = page(SEED, [one, replace(one, lost=3)], ["no real wells"])
    assert text.count("<tr") == 3
    assert text.count('class="failed"') == 1
    assert str(one.seed) in text
    assert "Skipped: no real wells" in text
    assert "http" not in text
