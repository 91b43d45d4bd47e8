"""Whether a week's figures say that a well needs a new baseline."""

from datetime import date

import pytest

from batch.evaluate import judged
from batch.queries import FOLDER, statement

DAYS = (date(2026, 11, 20), date(2026, 11, 26))
WELL = {
    "well_id": "WELL-00001", "model_version": "v1", "readings": 86_400, "commissioned": 86_400,
    "normal_readings": 86_400, "normal_in_alarm": 100, "oldest_baseline_days": 3.0,
}  # fmt: skip


def test_a_model_that_does_well_is_left_alone():
    answer = judged([WELL], *DAYS)
    assert answer["verdict"] == "OK"
    assert answer["text"] == "2026-11-20 to 2026-11-26: 1 wells are well."
    assert answer["wells"]["WELL-00001"]["in_alarm"] == 100 / 86_400


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"normal_in_alarm": 1800}, "2.1% of its normal time in alarm, over 2%"),
        ({"oldest_baseline_days": 8.0}, "its baseline is 8 days old, over 7"),
        ({"commissioned": 0, "normal_readings": 0, "normal_in_alarm": 0}, "has no baseline of its own"),
    ],
)
def test_a_well_that_needs_a_baseline_is_named_with_the_reason(change, why):
    answer = judged([WELL | change, WELL | {"well_id": "WELL-00002"}], *DAYS)
    assert answer["verdict"] == "DUE"
    assert answer["subject"] == "PetroStream model: 1 of 2 wells need a new baseline"
    assert f"WELL-00001  {why}" in answer["text"].splitlines()
    assert "WELL-00002  " not in answer["text"]


@pytest.mark.parametrize(
    "change",
    [
        {"normal_readings": 3599, "normal_in_alarm": 3599},  # under an hour says nothing
        {"normal_readings": 0, "normal_in_alarm": 0},
        {"readings": 3599, "commissioned": 0, "normal_readings": 0, "normal_in_alarm": 0},
        {"oldest_baseline_days": None},
    ],
)
def test_too_little_to_say_is_no_reason(change):
    assert judged([WELL | change], *DAYS)["verdict"] == "OK"


def test_no_well_is_no_reason_either():
    assert judged([], *DAYS)["verdict"] == "OK"


def test_every_place_of_a_query_takes_a_date_and_none_is_left():
    days = {"day": DAYS[0], "first_day": DAYS[0], "last_day": DAYS[1]}
    for path in FOLDER.glob("*.sql"):
        text = statement(path.stem, **days)
        assert "DATE '2026-11-20'" in text, path
        assert " :" not in text, path
    with pytest.raises(KeyError, match="last_day"):
        statement("model", first_day=DAYS[0])
