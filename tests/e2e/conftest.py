"""One lake for all end-to-end tests: deployed, with models for a few simulated wells."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.lake import Lake


@pytest.fixture(scope="session")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    with Lake.at(tmp_path_factory.mktemp("lake") / "home").on() as lake:
        yield lake


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory, lake: Lake) -> Path:
    """Simulated instances, one of each of the first kinds."""
    folder = tmp_path_factory.mktemp("simulated")
    lake.run("-m", "ml.simulate", "--out", str(folder), "--instances", "3", "--minutes", "40")
    return folder


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory, lake: Lake, simulated: Path) -> Path:
    """Models of the simulated wells, trained and published."""
    folder = tmp_path_factory.mktemp("models")
    lake.run("-m", "ml.train", "--data", str(simulated), "--out", str(folder))
    lake.run("-m", "local", "publish-model", str(folder))
    return folder
