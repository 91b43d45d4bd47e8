"""The emulator killed in mid-replay: what it acknowledged lands once, joined as if nothing had happened.

With its journal damaged as well, one command sends again what was lost.
"""

import base64
import os
import re
import shutil
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from local.demo.facility import read_pairing
from petrostream.facility.state import REACH_MS
from petrostream.lake.facility_readings import MATCHED, UNMATCHED
from petrostream.readings import Validated, validate_block
from tests.support.depth import deep_only
from tests.support.lake import Lake, wait_for
from tests.support.replays import LANDED, begin, finish, replay_of, report_in, sent_events, simulate
from tests.support.stream import expected_pairs, landed_pairs, readings_of

WELLS = 4
JOINED = "SELECT COUNT(DISTINCT event_id) AS n FROM facility_readings"


@dataclass(frozen=True)
class Run:
    """A replay and the crashes it went through.

    Attributes:
        since: when it began.
        sent: the event ids of everything it sent.
        report: the producer's.
        restarts: what `up` printed after each crash.
    """

    since: datetime
    sent: set[str]
    report: dict[str, Any]
    restarts: list[str]


@pytest.fixture(scope="module")
def crashing(tmp_path_factory: pytest.TempPathFactory, deployed: Path | None) -> Iterator[Lake]:
    """A lake of these tests alone: the others must not be killed."""
    with Lake.at(tmp_path_factory.mktemp("crashing") / "home", deployed).on() as lake:
        yield lake


def _replay(lake: Lake, data: Path, report: Path, speed: int = 200) -> subprocess.Popen[str]:
    """A live replay of which the first readings have landed."""
    return begin(lake, replay_of(data, report, f"e2e-crash-{lake.twin.port}", speed))


@pytest.fixture(scope="module")
def run(crashing: Lake, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A live replay: the emulator dies while it sends, and again when it has sent everything."""
    folder = tmp_path_factory.mktemp("run")
    data, report = folder / "data", folder / "report.json"
    simulate(crashing, data, seed=17, instances=WELLS)
    since = datetime.now(UTC)
    producer = _replay(crashing, data, report)
    crashing.kill_emulator()
    restarts = [crashing.run("-m", "local", "up")]
    finish(producer)
    crashing.kill_emulator()
    restarts.append(crashing.run("-m", "local", "up"))

    sent = report_in(report)
    events = sent_events(data, sent)
    wait_for(lambda: int(crashing.value(LANDED)) >= len(events), "every reading to land")
    wait_for(lambda: _missing(crashing, since) == 0, "every reading to be joined")
    return Run(since, events, sent, restarts)


def _missing(lake: Lake, since: datetime) -> int:
    return sum(int(row["missing"]) for row in read_pairing(lake.sql, since).facilities)


def test_up_says_what_it_restored(run: Run) -> None:
    for output in run.restarts:
        assert "The emulator had been killed. Restored from its journal:" in output
        assert "Stacks are unchanged" in output


def test_what_was_sent_landed_once(crashing: Lake, run: Run) -> None:
    landed = [row["event_id"] for row in crashing.sql("SELECT event_id FROM well_data")]
    assert len(landed) == len(set(landed))
    assert set(landed) == run.sent
    assert int(crashing.value("SELECT COUNT(*) AS n FROM quarantine_lines")) == 0
    assert (
        int(
            crashing.value(
                "SELECT COUNT(*) AS n FROM well_data WHERE CONTAINS(validation_reasons, 'late:ts')"
            )
        )
        == 0
    )


def test_the_facilities_rows_are_those_of_an_undisturbed_stream(crashing: Lake, run: Run) -> None:
    facilities = sorted({well["facility_id"] for well in run.report["wells"].values()})
    assert len(facilities) > 1
    for facility_id in facilities:
        unit = readings_of(facility_id)
        assert len(set(unit.readings.event_id)) == sum(
            well["readings"] for well in run.report["wells"].values() if well["facility_id"] == facility_id
        )
        assert landed_pairs(crashing, facility_id) == expected_pairs(facility_id, unit)


@dataclass(frozen=True)
class Damage:
    """A replay in which the emulator dies and its journal is damaged.

    Attributes:
        before: event ids of what had landed before the replay.
        sent: event ids of everything it sent.
        restart: what `up` printed.
        outputs: what `resend` printed: the look, the sending, and another look.
        undisturbed: by facility, what the stream carried, as if it had never been lost.
        resumed: by facility, event time of the first reading that arrived after the crash.
    """

    before: set[str]
    sent: set[str]
    restart: str
    outputs: list[str]
    undisturbed: dict[str, Validated]
    resumed: dict[str, int]


UNSCORED_SECONDS = 2.0


@pytest.fixture(scope="module")
def damage(crashing: Lake, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Damage:
    """A replay, the emulator dead in the middle of it, half of the journal gone, and the lost sent again."""
    folder = tmp_path_factory.mktemp("damage")
    data, report, copy = folder / "data", folder / "report.json", folder / "state"
    simulate(crashing, data, seed=18, instances=WELLS)
    before = _landed(crashing)
    # A task of the service takes longer to end than a function to be switched off; the replay outlasts it.
    producer = _replay(crashing, data, report, 200 if crashing.consumer == "function" else 70)
    # Nothing is scored from here to the crash: what the journal then loses is missing for certain.
    with crashing.unscored():
        time.sleep(UNSCORED_SECONDS)
        assert producer.poll() is None
        crashing.kill_emulator()
        shutil.copytree(crashing.twin.state, copy)
        journal = crashing.twin.journal
        journal.with_name(f"{journal.name}-wal").unlink(missing_ok=True)
        os.truncate(journal, journal.stat().st_size // 2)
        restart = crashing.run("-m", "local", "up")
    finish(producer)
    lost = _in_journal(copy / journal.name)
    facilities = sorted({well["facility_id"] for well in report_in(report)["wells"].values()})
    rest = {name: readings_of(name) for name in facilities}
    undisturbed = {name: Validated.concat([lost[name], rest[name]]) for name in facilities}
    resumed = {name: int(rest[name].readings.ts_ms.min()) for name in facilities}

    outputs = [crashing.run("-m", "local", "resend")]
    outputs.append(crashing.run("-m", "local", "resend", "--execute", "--now"))
    events = sent_events(data, report_in(report))
    # Counted first: to list everything again and again takes the cores from what makes it longer.
    wait_for(lambda: int(crashing.value(LANDED)) >= len(before | events), "every reading to land")
    wait_for(lambda: _landed(crashing) >= before | events, "every reading sent to land")
    expected = {one for name in facilities for one in expected_pairs(name, undisturbed[name])}
    wait_for(lambda: int(crashing.value(JOINED)) >= len(expected), "as many readings to be joined")
    wait_for(lambda: _joined(crashing) >= expected, "every reading to be joined")
    outputs.append(crashing.run("-m", "local", "resend"))
    return Damage(before, events, restart, outputs, undisturbed, resumed)


def _landed(lake: Lake) -> set[str]:
    return {row["event_id"] for row in lake.sql("SELECT event_id FROM scored_readings")}


def _joined(lake: Lake) -> set[str]:
    return {row["event_id"] for row in lake.sql("SELECT event_id FROM facility_readings")}


def _in_journal(path: Path) -> dict[str, Validated]:
    """By facility, what a journal has of the stream, validated."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute("SELECT key, sequence, data FROM record ORDER BY sequence").fetchall()
    return {
        key: Validated.concat(
            [
                validate_block(base64.b64decode(data), sequence=sequence, now_ms=2**50, tanks=True)
                for name, sequence, data in rows
                if name == key
            ]
        )
        for key in {row[0] for row in rows}
    }


def _counted(output: str) -> int:
    """The readings that a printed summary counts as missing."""
    (count,) = re.findall(r"Missing: ([\d,]+) readings", output)
    return int(count.replace(",", ""))


@deep_only
def test_up_names_what_a_damaged_journal_has_lost(damage: Damage) -> None:
    assert "The journal was damaged, and is set aside as" in damage.restart
    assert _counted(damage.restart) > 0
    listed = re.findall(r"FAC-\d+  SIM-\S+  \d/SIMULATED_\d+: ([\d,]+) readings", damage.restart)
    assert sum(int(count.replace(",", "")) for count in listed) == _counted(damage.restart)
    assert "petrostream resend --execute" in damage.restart


@deep_only
def test_exactly_what_was_lost_is_sent_again(damage: Damage) -> None:
    look, sending, after = damage.outputs
    assert _counted(look) == _counted(sending) == _counted(damage.restart)
    assert "Nothing is missing" in after


@deep_only
def test_what_was_sent_landed_once_in_spite_of_the_damage(crashing: Lake, damage: Damage) -> None:
    landed = [row["event_id"] for row in crashing.sql("SELECT event_id FROM well_data")]
    assert len(landed) == len(set(landed))
    assert set(landed) == damage.before | damage.sent
    assert not damage.before & damage.sent
    assert int(crashing.value("SELECT COUNT(*) AS n FROM quarantine_lines")) == 0
    late = "SELECT COUNT(*) AS n FROM well_data WHERE CONTAINS(validation_reasons, 'late:ts')"
    assert int(crashing.value(late)) == 0


@deep_only
def test_the_facilities_rows_come_right_after_the_damage(crashing: Lake, damage: Damage) -> None:
    """The first readings after the crash met the join without the tank readings and the time before them."""
    for facility_id, unit in damage.undisturbed.items():
        expected, landed = expected_pairs(facility_id, unit), landed_pairs(crashing, facility_id)
        rows = crashing.sql(f"SELECT event_id FROM facility_data WHERE facility_id = '{facility_id}'")
        assert len(rows) == len(landed)
        assert landed.keys() == expected.keys()
        times = dict(zip(unit.readings.event_id, unit.readings.ts_ms.tolist(), strict=True))
        after = {one: times[one] - damage.resumed[facility_id] for one in expected}
        other = [one for one in expected if landed[one] != expected[one]]
        # A tank within reach is a right pair, also where the computed stream has the reading without one:
        # order around the crash decides which tank readings come in time.
        tanks = dict(zip(unit.tanks.event_id, unit.tanks.ts_ms.tolist(), strict=True))
        found = {one for one in other if expected[one][0] == UNMATCHED and landed[one][0] == MATCHED}
        assert all(abs(tanks[landed[one][1] or ""] - times[one]) <= REACH_MS for one in found)
        assert {
            (after[one], landed[one], expected[one])
            for one in other
            if one not in found and not 0 <= after[one] <= REACH_MS
        } == set()
