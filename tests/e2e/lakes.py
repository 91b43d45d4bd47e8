"""The lake of end-to-end tests: one for most files, another for a file that asks about all that it holds.

What other files sent would be in the answers of the latter, and what they send in those of others. Each lake
is a copy of one that was deployed for all of them (`deployed`), with models that were trained once.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from tests.support.lake import Lake
from tests.support.once import once, shared


def lake_fixtures(scope: Literal["session", "module"]) -> tuple[Callable[..., Any], ...]:
    """The fixtures `lake`, `simulated` and `models`, for all files or for the one that assigns them."""

    @pytest.fixture(scope=scope)
    def lake(tmp_path_factory: pytest.TempPathFactory, deployed: Path | None) -> Iterator[Lake]:
        """A lake that is up, with the consumer of this run; this process is among its clients."""
        with Lake.at(tmp_path_factory.mktemp("lake") / "home", deployed).on() as lake:
            yield lake

    @pytest.fixture(scope=scope)
    def simulated(tmp_path_factory: pytest.TempPathFactory, lake: Lake) -> Path:
        """Simulated instances, one of each of the first kinds."""

        def simulate(folder: Path) -> None:
            lake.run("-m", "ml.simulate", "--out", str(folder), "--instances", "3", "--minutes", "40")

        return once(shared(tmp_path_factory) / "simulated", simulate)

    @pytest.fixture(scope=scope)
    def models(tmp_path_factory: pytest.TempPathFactory, lake: Lake, simulated: Path) -> Path:
        """Models of the simulated wells, trained and published."""

        def train(folder: Path) -> None:
            lake.run("-m", "ml.train", "--data", str(simulated), "--out", str(folder))

        folder = once(shared(tmp_path_factory) / "models", train)
        lake.run("-m", "local", "publish-model", str(folder))
        return folder

    return lake, simulated, models
