"""The demo's figures: what adds up is said to add up, and what stops arriving is said to have stopped."""

import io
import json
from datetime import UTC, datetime

import pytest
from rich.console import Console

from local.demo import __main__ as demo
from local.demo.queries import LandingWait, NotLandedError
from local.demo.report import (
    Landed,
    read_landed,
    show,
    summary,
    wait_until_landed,
)

WELL = {
    "well_id": "SIM-2-00001", "landed": 90, "duplicates": 0, "anomalies": 40, "anomalies_in_event": 39,
    "anomalies_in_normal": 1, "event_readings": 50, "normal_readings": 40, "unscored": 5, "late": 3,
    "first_alarm": datetime(2026, 11, 20, 9, 1, 2), "first_ts": datetime(2026, 11, 20, 9),
    "last_ts": datetime(2026, 11, 20, 9, 30),
}  # fmt: skip
QUARANTINE = {"reasons": "missing:well_id", "quarantined": 10}
REPLAY = {"readings": 100, "wells": {"SIM-2-00001": {"readings": 95}, "SIM-6-00001": {"readings": 5}}}


class Clock:
    """Time that passes only while somebody sleeps."""

    now = 0.0

    def patience(self) -> LandingWait:
        return LandingWait(
            seconds_without_progress=10, poll_seconds=1, clock=lambda: self.now, sleep=self.sleep
        )

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def landed(count: int, quarantined: int = 0) -> Landed:
    return Landed([WELL | {"landed": count}], [QUARANTINE | {"quarantined": quarantined}])


def test_waits_until_every_reading_has_arrived_somewhere():
    answers = iter([landed(0), landed(40), landed(90, 5), landed(90, 10)])
    seen: list[int] = []
    result = wait_until_landed(lambda: next(answers), 100, seen.append, Clock().patience())
    assert result.accounted == 100
    assert seen == [0, 40, 95, 100]


def test_gives_up_only_when_nothing_arrives_any_more():
    clock = Clock()
    with pytest.raises(NotLandedError, match="10 of 100 readings have not arrived"):
        wait_until_landed(lambda: landed(min(90, int(clock.now) * 5)), 100, lambda _: None, clock.patience())
    assert clock.now > 18


def test_summary_has_every_well_that_was_sent():
    report = summary(landed(90, 10), REPLAY, 12.34)
    expected = {
        "sent": 100,
        "landed": 90,
        "quarantined": 10,
        "duplicates": 0,
        "anomalies": 40,
        "seconds": 12.3,
    }
    assert {key: report[key] for key in expected} == expected
    assert report["first_alarm"] == "2026-11-20 09:01:02"
    assert report["quarantine_reasons"] == {"missing:well_id": 10}
    assert report["wells"]["SIM-6-00001"] == {"sent": 5, "landed": 0}
    assert report["wells"]["SIM-2-00001"]["sent"] == 95


@pytest.mark.parametrize(("quarantined", "verdict"), [(10, "yes"), (9, "NO")])
def test_the_printed_balance_tells_whether_it_balances(quarantined, verdict):
    page = io.StringIO()
    show(summary(landed(90, quarantined), REPLAY, 1.0), Console(file=page, width=120))
    assert f"90 landed + {quarantined} quarantined: {verdict}" in page.getvalue()


def test_late_unscored_and_undelivered_are_counted_with_what_lists_them():
    report = summary(landed(90, 10), REPLAY, 1.0, objects=2)
    assert (report["late"], report["unscored"], report["undelivered"]) == (3, 5, 2)
    page = io.StringIO()
    show(report, Console(file=page, width=120))
    for command in (
        "late_readings.sql",
        "unscored_readings.sql",
        "quarantine_by_reason.sql",
        "ops redeliver",
    ):
        assert command in page.getvalue()


def test_asks_for_the_run_alone():
    asked: list[str] = []
    read_landed(lambda sql: asked.append(sql) or [], datetime.fromisoformat("2026-11-20T10:00:00.5+01:00"))
    assert len(asked) == 2
    assert all("TIMESTAMP '2026-11-20 09:00:00.500'" in sql for sql in asked)


def test_summary_lines_are_whole_on_a_narrow_screen_and_names_steer_no_terminal():
    target = io.StringIO()
    replay = REPLAY | {"wells": {"SIM-2-00001": {"readings": 95}, "W\x1b[2J": {"readings": 5}}}
    show(summary(landed(90, 10), replay, 12.0), Console(file=target, width=90))
    (line,) = [line for line in target.getvalue().splitlines() if "readings sent" in line]
    assert line.endswith("s in all.")
    assert "\x1b" not in target.getvalue()
    assert r"W\x1b[2J" in target.getvalue()


def test_the_demos_two_bars_have_labels_of_their_own(monkeypatch, tmp_path):
    labels = []

    class Bar:
        def __init__(self, *columns, console):
            assert "{task.description}" in columns[0].text_format

        def __enter__(self):
            return self

        def __exit__(self, *_):
            return None

        def add_task(self, label, total):
            labels.append(label)
            return len(labels)

    report = tmp_path / "replay.json"
    report.write_text(json.dumps(REPLAY | {"facility": {"raised": []}}))
    monkeypatch.setattr(demo, "REPLAY_REPORT", report)
    monkeypatch.setattr(demo, "Progress", Bar)
    monkeypatch.setattr(demo.demo_report, "wait_until_landed", lambda *_: landed(100))
    for name in ("wait_until_joined", "read_alerts"):
        monkeypatch.setattr(demo.demo_facility, name, lambda *_: None)
    monkeypatch.setattr(demo.demo_facility, "summary", lambda *_: {})
    monkeypatch.setattr(demo, "_undelivered", lambda: 0)
    demo._land(datetime(2026, 11, 20, tzinfo=UTC), 0.0)
    assert len(labels) == len(set(labels)) == 2
