"""After a crash `up` says what is there again, and what is not."""

from local.restored import restored

FOUND = {"clean": False, "records": 1234, "waiting": 56, "items": 7, "damaged": None}


def test_a_crash_is_said_with_what_was_restored():
    assert restored({"recovered": FOUND}) == (
        "The emulator had been killed. Restored from its journal: 1,234 stream records, "
        "56 of them still to be scored, and 7 items of the tables."
    )


def test_a_damaged_journal_is_said_with_what_is_missing():
    text = restored({"recovered": FOUND | {"damaged": "/home/journal.db.damaged-1"}})
    assert text.startswith("The journal was damaged, and is set aside as /home/journal.db.damaged-1.")
    assert "missing in well_data" in text


def test_after_a_proper_stop_there_is_nothing_to_say():
    assert restored({"recovered": FOUND | {"clean": True}}) == ""
    assert restored({"home": "/h"}) == ""
    assert restored(None) == ""
