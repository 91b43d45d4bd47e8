"""One lake for most end-to-end tests: deployed, with models for a few simulated wells.

Files that ask about everything a lake holds have one of their own (`tests/e2e/own_lake.py`): what other files
sent would be in their answers, and what they send in those of others.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.own_lake import running, simulate, train
from tests.support.lake import Lake


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    with running(tmp_path_factory.mktemp("lake")) as lake:
        yield lake


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory, lake: Lake) -> Path:
    """Simulated instances, one of each of the first kinds."""
    return simulate(lake, tmp_path_factory.mktemp("simulated"))


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, lake: Lake, simulated: Path) -> Path:
    """Models of the simulated wells, trained and published."""
    return train(lake, simulated, tmp_path_factory.mktemp("models"))
