"""A historian polled into the lake: three writers, late commits, five kills of the poller; every row once.

CDC_ROWS=100000 runs the whole of it, as `python bench/cdc.py` does.
"""

import pytest

from tests.support import historian
from tests.support.historian import Outcome
from tests.support.lake import Lake
from tests.support.postgres import needs_postgres, postgres

pytestmark = needs_postgres

ROWS = 6_000
KILLS = 5


@pytest.fixture(scope="module")
def outcome(lake: Lake, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """The run."""
    with postgres() as server:
        rows = historian.environment_rows(ROWS)
        return historian.run(server, lake, tmp_path_factory.mktemp("cdc"), rows=rows, kills=KILLS)


def test_every_row_is_in_well_data_once(outcome: Outcome) -> None:
    assert outcome.rows == historian.environment_rows(ROWS)
    assert (outcome.missing, outcome.foreign) == (0, 0)
    assert outcome.landed == outcome.distinct == outcome.rows


def test_the_poller_was_killed_at_work_and_transactions_committed_behind_its_mark(outcome: Outcome) -> None:
    assert outcome.kills == KILLS
    assert outcome.behind_mark > 0
    assert outcome.longest_s > 1
