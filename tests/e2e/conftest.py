"""One lake for most end-to-end tests: deployed, with models for a few simulated wells."""

from pathlib import Path

import pytest

from tests.e2e.lakes import lake_fixtures
from tests.support.lake import IAC, Lake
from tests.support.once import once, shared

lake, simulated, models = lake_fixtures("session")


@pytest.fixture(scope="session")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """The folder of a deployed lake, off, for `Lake.at` to copy: a deployment costs more than most tests.

    None where Terraform deploys: its state and its plugins lie at places that a copy does not have.
    """
    if IAC != "cdk":
        return None

    def deploy(folder: Path) -> None:
        lake = Lake.at(folder / "home")
        try:
            lake.run("-m", "local", "up")
        finally:
            lake.run("-m", "local", "down")

    return once(shared(tmp_path_factory) / "deployed", deploy) / "home"
