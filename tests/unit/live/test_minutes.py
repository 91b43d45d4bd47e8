"""The lake's view of minutes equals the live table, and stored items can be read by other releases."""

from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO

import pytest
from rich.console import Console

from local.live import picture
from petrostream.aws.live_writer import LiveWriter
from petrostream.lake.scored_readings import rows_to_blocks
from petrostream.live import codec as live_codec
from petrostream.live.alerts import Alert
from petrostream.live.changes import AlertPeriod
from petrostream.live.items import minute_of_window, minutes_of_item
from petrostream.live.open_alarms import OpenAlarm
from petrostream.live.state import LiveState, WellStatus
from petrostream.minutes.windows import WindowState, update_windows
from petrostream.packing import StateFormatError, pack, unpack
from petrostream.readings.validation import validate_block
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from tests.support.duck_lake import DuckLake
from tests.support.fakes import FakeTable
from tests.support.scoring_world import START_MS, World, block, reading, shard
from tests.unit.pipeline.test_live import blocks, live_of, run

GAUGES = ("pressure_mean", "pressure_min", "pressure_max", "temperature_mean", "temperature_min")


def _closed(seconds, in_psi=()):
    other = {second: {"p_tpt": 2000.0 + second} for second in in_psi}
    rows = [reading(1, second, methane_ppm=4.0 * second, **other.get(second, {})) for second in seconds]
    readings = validate_block(block(*rows), sequence="7", now_ms=2**50).readings
    scored = score_batch(FacilityState("FAC-01"), readings, None, scored_at_ms=0).rows
    return scored, update_windows(WindowState(), scored).closed


def test_minutes_of_the_lake_equal_those_of_the_live_table():
    # The reading of second 95 comes 3 s too late for order, and still in time for its minute.
    # Readings in another unit count as missing in both.
    scored, closed = _closed([*range(95), 96, 97, 98, 95, *range(99, 250)], in_psi=range(60, 130))
    assert sum("unit:p_tpt:kPa/psi?" in reasons for reasons in scored.readings.reasons) == 70
    lake = DuckLake({"scored_readings": rows_to_blocks(scored)})
    found = {row["window_start"]: row for row in lake.ask("SELECT * FROM well_minutes")}
    assert len(closed) == 4
    for window in closed:
        minute = replace(minute_of_window(window), closed=True)
        row = found[datetime.fromtimestamp(minute.start_ms / 1000, UTC).replace(tzinfo=None)]
        assert (row["readings"], row["anomalies"], row["max_risk"]) == (
            minute.readings,
            minute.anomalies,
            minute.max_risk,
        )
        for name in GAUGES:
            assert row[name] == pytest.approx(getattr(minute, name), rel=1e-12)


def test_a_reading_after_the_close_of_its_minute_is_only_in_the_lake():
    scored, closed = _closed([*range(10), *range(11, 60), 10])
    lake = DuckLake({"scored_readings": rows_to_blocks(scored)})
    first = min(lake.ask("SELECT * FROM well_minutes"), key=lambda row: row["window_start"])
    assert (closed[0].readings, first["readings"]) == (39, 40)


def test_minutes_are_read_back_from_their_items_exactly():
    _, closed = _closed(range(800))
    table = FakeTable()
    writer = LiveWriter("live", table, 24)
    for version, window in enumerate(closed):
        writer.put_windows("FAC-01", [window], version, START_MS)
    found = [minute for item in table.under("WELL#") for minute in minutes_of_item(item)]
    assert len(table.others) < len(found) / 2
    assert found == [replace(minute_of_window(window), closed=True) for window in closed]
    for item in table.under("WELL#"):
        assert sum(len(name) + len(*value.values()) for name, value in item.items()) < 1024


STATE = LiveState(
    wells={
        "WELL-00001": WellStatus(1, 2, "0/x", pressure=1e7, top_sensors=("p_tpt",), joined_status="ALERT")
    },
    alarms={("WELL-00001", "forest"): OpenAlarm("a", "WELL-00001", "forest", "low", "s", 1, 2, 3, "why")},
    periods={("WELL-00001", "well"): AlertPeriod(1, 2)},
    unpublished=(Alert("b", "Alarm Transition", 3, {"well_id": "WELL-00001"}),),
    listed=True,
)


def test_the_live_state_is_equal_after_a_round_trip():
    assert live_codec.decode(live_codec.encode(STATE)) == STATE


def test_unknown_columns_are_ignored_and_missing_ones_filled_in():
    header, _ = unpack("live state", live_codec.MAGIC, live_codec.VERSION, live_codec.encode(STATE))
    row = header["wells"]["WELL-00001"]
    for changed in ([*row, "of a newer release"], row[:-1]):
        data = pack(
            live_codec.MAGIC, live_codec.VERSION, {**header, "wells": {"WELL-00001": changed}, "new": 1}, {}
        )
        assert live_codec.decode(data).wells["WELL-00001"] == STATE.wells["WELL-00001"]
    (alarm,) = header["alarms"]
    older = pack(live_codec.MAGIC, live_codec.VERSION, {**header, "alarms": [alarm[:-2]]}, {})
    assert live_codec.decode(older).alarms == STATE.alarms
    with pytest.raises(StateFormatError, match="damaged live state"):
        live_codec.decode(pack(live_codec.MAGIC, live_codec.VERSION, {"wells": 5}, {}))


def test_the_terminal_shows_a_line_for_each_well():
    world = World()
    rows = [reading(1, second, methane_ppm=900.0) for second in range(20)]
    run(world, shard([*blocks(rows), ("FAC-02", block(reading(2, 0, "FAC-02")))]))
    console = Console(width=150, record=True, file=StringIO())
    console.print(picture(live_of(world).fleet(), START_MS + 19_000))
    lines = console.export_text().splitlines()
    (first,) = [line for line in lines if "WELL-00001" in line]
    assert "ALERT" in first
    assert "high: methane_high" in first
    (alarm,) = live_of(world).open_alarms()
    assert (alarm.likely_class, alarm.likely_event) == (None, "unknown")
    assert alarm.evidence
    assert "140.0" in first or "139.9" in first
    (second,) = [line for line in lines if "WELL-00002" in line]
    assert "normal" in second
    assert lines[-1] == "2 wells in 2 facilities"
