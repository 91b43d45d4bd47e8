"""Each contract runs on moto, on the twin's emulator and, where there is one, on the fake."""

from collections.abc import Iterator

import pytest

from tests.support.emulators import Emulated, Faked, Services, moto_services, running_twin


@pytest.fixture(scope="session")
def twin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The environment of an emulator for all contracts."""
    with running_twin(tmp_path_factory.mktemp("contract") / "home") as environment:
        yield environment


@pytest.fixture(params=["fakes", "moto", "twin"])
def services(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """One implementation of the services after another."""
    if request.param == "fakes":
        yield Faked()
    else:
        yield from _emulated(request, monkeypatch)


@pytest.fixture(params=["moto", "twin"])
def emulated(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulated]:
    """The services that no fake stands for."""
    yield from _emulated(request, monkeypatch)


def _emulated(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Emulated]:
    if request.param == "moto":

        def change(name: str, value: str | None) -> None:
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

        with moto_services(change) as services:
            yield services
    else:
        for name, value in request.getfixturevalue("twin").items():
            if name.startswith("AWS_"):
                monkeypatch.setenv(name, value)
        yield Emulated("twin")
