"""The overview's tiles, marks and rows, and the load of alarms, as functions of data."""

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from dashboard.charts.marks import ALL, BY_PRIORITY
from dashboard.charts.tiles import tiles_html
from dashboard.data.reader import Present
from dashboard.data.sites import Sites, load_sites
from dashboard.units import FIELD, SI
from dashboard.views.alarms import alarm_rows, console_reports, load_facts, load_slots
from dashboard.views.fleet import alarm_counts, fleet_map, tiles, well_rows
from petrostream.alarms import PRIORITIES
from tests.support.dashboard import NOW_MS, SETTINGS, fleet, instant, tag, well

SITES = load_sites(SETTINGS.fleet_file)


def _present(*wells, tags=(), recent=None) -> Present:
    return Present(NOW_MS, tuple(fleet(*wells)), tuple(tags), recent or {})


def test_a_well_has_the_mark_of_its_most_urgent_open_alarm():
    wells = [well(f"W{n}", f"FAC-0{1 + n % 2}", age_s=600 if n == 3 else 1) for n in range(5)]
    tags = [tag("W1", "forest", "low"), tag("W1"), tag("W2", "forest", "low")]
    rows = well_rows(_present(*wells, tags=tags), SITES, SI).set_index("well")
    assert rows["mark"].to_dict() == {
        "W1": "high", "W2": "low", "W0": "normal", "W4": "normal", "W3": "stale",
    }  # fmt: skip
    assert rows.index[0] == "W1"
    assert rows["pressure"].tolist() == [150.0] * 5


def test_marks_of_a_facility_stand_apart_by_the_same_pixels_however_wide_the_map_is():
    rows = well_rows(_present(*[well(f"W{n}") for n in range(7)]), SITES, SI).set_index("well").sort_index()
    assert len(rows[["x", "y"]].drop_duplicates()) == 1
    assert rows["right"].tolist() == [0, 20, 40, 0, 20, 40, 0]
    assert rows["down"].tolist() == [0, 0, 0, 20, 20, 20, 40]
    (point, digit) = [layer["mark"] for layer in fleet_map(SI)["layer"][1:]]
    for mark in (point, digit):
        assert mark["xOffset"] == {"expr": "datum.right"}
        assert mark["yOffset"] == {"expr": "datum.down"}


def test_marks_differ_without_their_colour():
    assert set(BY_PRIORITY) == set(PRIORITIES)
    for looks in (
        [mark.shape for mark in BY_PRIORITY.values()],
        [mark.number for mark in BY_PRIORITY.values()],
    ):
        assert len(set(looks)) == len(PRIORITIES)
    assert len({(mark.shape, mark.number) for mark in ALL}) == len(ALL)


def test_facilities_without_a_position_stand_apart_from_all_others():
    wells = [well(f"W{n}", facility) for n, facility in enumerate(("FAC-01", "PLANT-A", "PLANT-B"))]
    for sites in (SITES, Sites()):
        rows = well_rows(_present(*wells), sites, SI)
        assert not rows[["x", "y"]].duplicated().any()


@pytest.mark.parametrize("units", [SI, FIELD])
def test_the_map_is_a_specification_that_names_no_address(units):
    spec = fleet_map(units)
    assert "data" not in json.dumps([list(layer) for layer in spec["layer"]])
    assert fleet_map(units) is spec
    text = json.dumps({key: value for key, value in spec.items() if key != "$schema"})
    assert "http" not in text
    assert units.label("p_tpt") in text


def test_tiles_mark_what_is_abnormal_and_nothing_else():
    quiet = {tile.key: tile.abnormal for tile in tiles(_present(well("W1"), recent={"W1": 3}))}
    assert not any(quiet.values())
    loud = tiles(_present(well("W1", risk_score=50), well("W2", age_s=300)))
    assert {tile.key for tile in loud if tile.abnormal} == {"active", "worst_risk"}
    assert "W1" in {tile.key: tile.note for tile in loud}["worst_risk"]
    html = tiles_html(loud, alarm_counts(_present(well("W1"), tags=[tag("W1")])))
    assert html.count("ps-abnormal") == 2
    assert 'data-priority="high"><span' in html


def test_the_worst_risk_of_a_silent_well_says_how_old_it_is():
    note = {tile.key: tile.note for tile in tiles(_present(well("W1", risk_score=70, age_s=600)))}[
        "worst_risk"
    ]
    assert note == "W1, 10 min ago"


def test_alarms_are_listed_by_urgency():
    tags = [tag("A", "forest", "low"), tag("B"), tag("C", "methane_high", minutes=50)]
    assert [row.well_id for row in alarm_rows(tags, NOW_MS)] == ["C", "B", "A"]
    assert alarm_rows(tags, NOW_MS)[0].since == "50 min"


def test_the_load_of_alarms_is_that_of_the_busiest_position():
    end = datetime.fromtimestamp(NOW_MS // 600_000 * 600, UTC)
    start = end - timedelta(hours=24)
    first = round(start.timestamp() * 1000)
    rows = [("FAC-01", "north", first + 1000 * n) for n in range(12)] + [("FAC-02", "south", first + 5000)]
    frame = pd.DataFrame(
        {
            "began": [instant(at) for _, _, at in rows],
            "well_id": ["W"] * 13,
            "facility_id": [facility for facility, _, _ in rows],
            "alarm_type": ["forest"] * 13,
            "priority": ["low"] * 13,
            "console": [console for _, console, _ in rows],
        }
    )
    slots = load_slots(frame, start, end)
    assert slots[["alarms", "console"]].to_numpy().tolist() == [[12, "north"]]
    north, south = console_reports(frame, start, end)
    assert (north.console, north.worst_slot, south.alarms) == ("north", 12, 1)
    missed = {name for name, _, over in load_facts(north) if over}
    assert missed == {"Worst 10 min", "Chattering alarms"}
    assert load_slots(frame.iloc[:0], start, end).empty
    assert console_reports(frame.iloc[:0], start, end) == []
