"""Which trials a run has on the twin, and what becomes of those that can't be run here.

The trials themselves take minutes each: `make chaos TWIN=1` runs them, and so does the night.
"""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.chaos import __main__ as command
from tests.chaos.plan import seed_of
from tests.chaos.reckoning import WALL, Reckoning
from tests.chaos.twin.disk import Disk, DiskRefused
from tests.chaos.twin.faults import TWIN_ROWS
from tests.chaos.twin.plan import TwinPlanned
from tests.chaos.twin.session import Session


def _refuse(_disk: Disk) -> None:
    raise DiskRefused("only root may mount")


def _held(planned: TwinPlanned) -> Reckoning:
    broken = Reckoning.broken(planned.key, ValueError())
    return replace(broken, error="", strikes=1, sent=9, landed=9, recovery_s=2.5, clock=WALL)


def _run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["chaos", *arguments])
    monkeypatch.setattr(command, "REAL_3W", Path("/nowhere"))
    with pytest.raises(SystemExit) as ended:
        command.main()
    return int(ended.value.code or 0)


def test_what_needs_a_disk_of_its_own_is_skipped_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(Disk, "mount", _refuse)
    monkeypatch.setattr(TwinPlanned, "run", _held)
    assert _run(monkeypatch, "--on", "twin", "--out", str(tmp_path)) == 0
    found = json.loads((tmp_path / "chaos.json").read_text())
    ordinary = [row.name for row in TWIN_ROWS if not row.on_disk]
    assert [trial["faults"] for trial in found["trials"]] == [[name] for name in ordinary]
    assert {trial["clock"] for trial in found["trials"]} == {"wall"}
    assert any("twin-disk-full" in reason and "only root may mount" in reason for reason in found["skipped"])
    assert any("no real 3W wells" in reason for reason in found["skipped"])
    assert "only root may mount" in (tmp_path / "chaos.html").read_text()


def test_a_trial_that_breaks_off_has_failed_and_the_next_has_a_new_twin(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    begun: list[str] = []

    def break_off(*_: object) -> Reckoning:
        raise AssertionError("waited 300 s for readings to land again")

    monkeypatch.setattr(Disk, "mount", _refuse)
    monkeypatch.setattr(Session, "_started", lambda _self: begun.append("twin"))
    monkeypatch.setattr("tests.chaos.twin.session.run", break_off)
    session = Session()
    planned = [TwinPlanned(row, seed_of(20, [row.name]), session) for row in TWIN_ROWS[:2]]
    reckonings = [one.run() for one in planned]
    session.close()
    assert begun == ["twin", "twin"]
    assert not any(one.held for one in reckonings)
    assert "readings to land again" in reckonings[0].error


def test_a_fault_on_the_twin_is_tried_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert _run(monkeypatch, "twin-worker-killed", "turns") == 2
    assert "tried alone" in capsys.readouterr().err
