"""The live table in the terminal: key columns stay visible, and names from outside steer nothing."""

import io
import json

import pytest
from rich.console import Console

from local.live import picture, print_json
from petrostream.aws.live_reader import FacilityLive, Well
from petrostream.live import WellStatus

NOW = 1_795_168_800_000


def fleet(*names):
    status = WellStatus(
        NOW - 5_000, NOW, "replay", 1.4e7, 118.0, 900.0, 0.91, 1, risk_score=45, well_status="ALERT"
    )
    wells = tuple(Well(name, "FAC-01", status) for name in names)
    return [FacilityLive("FAC-01", wells)]


class Table:
    def __init__(self, *names):
        self.names = names

    def fleet(self):
        return fleet(*self.names)


def printed(width, *names):
    target = io.StringIO()
    Console(file=target, width=width, force_terminal=True, color_system=None).print(
        picture(fleet(*names), NOW)
    )
    return target.getvalue()


@pytest.mark.parametrize("width", [80, 100, 200])
def test_a_name_of_200_characters_pushes_out_neither_status_nor_risk(width):
    text = printed(width, "W" * 200, "WELL-00001")
    long, short = (line for line in text.splitlines() if "ALERT" in line)
    for line in (long, short):
        assert "ALERT " in line
        assert " 45 " in line
    assert "…" in long
    assert "WELL-00001" in short


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("\x1b]0;owned\x07", r"\x1b]0;owned\x07"),
        ("W\x9b31m", r"W\x9b31m"),
        ("W\u202e1", r"W\u202e1"),
        ("W\r1", r"W\r1"),
        ("[red]W[/]", "[red]W[/]"),
    ],
)
def test_a_name_never_reaches_the_terminal_raw(name, seen):
    text = printed(200, name)
    assert not any(ord(letter) in {7, 13, 27, 0x9B, 0x202E} for letter in text)
    assert f" {seen} " in text


def test_json_has_every_well_and_only_ascii():
    target = io.StringIO()
    print_json(Table("W\x1b\u202e1", "WELL-00001"), target)
    assert target.getvalue().isascii()
    assert "\x1b" not in target.getvalue()
    document = json.loads(target.getvalue())
    assert [well["well_id"] for well in document["wells"]] == ["W\x1b\u202e1", "WELL-00001"]
    assert document["wells"][1]["status"] == "ALERT"
    assert document["wells"][1]["risk_score"] == 45


def test_gauges_in_another_unit_are_named():
    status = WellStatus(NOW, NOW, "replay", quality=44.0, units=("p_pdg:psi", "p_tpt:kPa/psi"))
    target = io.StringIO()
    shown = picture([FacilityLive("FAC-01", (Well("W", "FAC-01", status),))], NOW)
    Console(file=target, width=200, color_system=None).print(shown)
    assert "unit? p_pdg in psi, p_tpt in kPa/psi" in target.getvalue()
