"""After a crash `up` says what is there again, and what is not, with the command that brings it back."""

from datetime import UTC, datetime

import pytest

from local import restored as module
from local.restored import not_restored, restored
from ops.missing import LostLine, Missing
from ops.raw_zone import RawObject
from ops.resend import Found
from petrostream.errors import ServiceUnavailable

FOUND = {
    "clean": False,
    "records": 1234,
    "waiting": 56,
    "items": 7,
    "damaged": None,
    "lost": False,
    "last_arrival": 1_795_600_000.5,
}


def test_a_crash_is_said_with_what_was_restored():
    assert restored({"recovered": FOUND}) == (
        "The emulator had been killed. Restored from its journal: 1,234 stream records, "
        "56 of them still to be scored, and 7 items of the tables."
    )


def test_a_damaged_journal_is_said_and_so_is_one_that_is_gone():
    text = restored({"recovered": FOUND | {"damaged": "/home/journal.db.damaged-1"}})
    assert text.startswith("The journal was damaged, and is set aside as /home/journal.db.damaged-1.")
    assert restored({"recovered": FOUND | {"lost": True}}).startswith("The journal is gone.")


class Zone:
    """A raw zone with some objects, the newest a number of seconds after the journal's last record."""

    def __init__(self, objects, after):
        at = datetime.fromtimestamp(1_795_600_000 + after, UTC)
        self.found = [RawObject("key", at, at)] * objects

    def objects(self, hours):
        return self.found


@pytest.fixture
def lake(monkeypatch):
    """What a comparison finds, to be changed, and how often it was made."""
    one = Missing("FAC-01", [LostLine(b"{}", well=True)])
    one.readings["WELL-00001", "2/x"] = 3
    found, looks = Found([one], []), []
    monkeypatch.setattr(module, "look", lambda: looks.append(1) or found)
    monkeypatch.setattr(module, "client", lambda service: None)
    monkeypatch.setattr(module.RawZone, "of", lambda *_: Zone(10, 0))
    return found, looks


@pytest.mark.parametrize(
    "trouble", [{"damaged": "/aside"}, {"lost": True}, {"last_arrival": 1_795_599_990.0}]
)
def test_what_is_missing_is_named_with_counts_and_the_remedy(lake, trouble):
    lines = list(not_restored({"recovered": FOUND | trouble}))
    assert "  FAC-01  WELL-00001  2/x: 3 readings" in lines
    assert lines[-1].startswith("`petrostream resend --execute` sends exactly that again")


def test_a_journal_with_fewer_records_than_the_raw_bucket_is_incomplete(lake, monkeypatch):
    monkeypatch.setattr(module.RawZone, "of", lambda *_: Zone(1235, 0))
    assert list(not_restored({"recovered": FOUND}))


def test_a_journal_that_has_everything_costs_no_comparison(lake):
    assert list(not_restored({"recovered": FOUND})) == []
    assert list(not_restored({"recovered": FOUND | {"clean": True}})) == []
    assert list(not_restored(None)) == []
    assert not lake[1]


def test_where_nothing_is_missing_no_remedy_is_named(lake):
    lake[0].missing.clear()
    assert list(not_restored({"recovered": FOUND | {"lost": True}}))[-1].startswith("Nothing is missing")


def test_a_lake_that_cannot_be_compared_does_not_stop_up(lake, monkeypatch):
    def look():
        raise ServiceUnavailable("athena", "StartQueryExecution", "made up")

    monkeypatch.setattr(module, "look", look)
    (line,) = not_restored({"recovered": FOUND | {"lost": True}})
    assert "could not be counted" in line
    assert "petrostream resend" in line


def test_after_a_proper_stop_there_is_nothing_to_say():
    assert restored({"recovered": FOUND | {"clean": True}}) == ""
    assert restored({"home": "/h"}) == ""
    assert restored(None) == ""
