"""A lake for one file of tests: import its three fixtures to have them in place of the shared ones."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.lake import Lake


@contextmanager
def running(folder: Path) -> Iterator[Lake]:
    """A lake that is up; this process asks it too, so its clients must find it."""
    lake = Lake.at(folder / "home")
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(lake.environment)
    try:
        lake.run("-m", "local", "up")
        yield lake
    finally:
        lake.run("-m", "local", "down", "--purge", "--yes")
        os.environ.clear()
        os.environ.update(before)


def simulate(lake: Lake, folder: Path) -> Path:
    """Simulated instances, one of each of the first kinds."""
    lake.run("-m", "ml.simulate", "--out", str(folder), "--instances", "3", "--minutes", "40")
    return folder


def train(lake: Lake, data: Path, folder: Path) -> Path:
    """Models of instances, trained and published."""
    lake.run("-m", "ml.train", "--data", str(data), "--out", str(folder))
    lake.run("-m", "local", "publish-model", str(folder))
    return folder


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    with running(tmp_path_factory.mktemp("own-lake")) as lake:
        yield lake


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory, lake: Lake) -> Path:
    """Simulated instances, one of each of the first kinds."""
    return simulate(lake, tmp_path_factory.mktemp("simulated"))


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, lake: Lake, simulated: Path) -> Path:
    """Models of the simulated wells, trained and published."""
    return train(lake, simulated, tmp_path_factory.mktemp("models"))
