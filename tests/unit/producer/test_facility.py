"""The gas and tank simulator, its ground truth, and the fleet file."""

import itertools
import json

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ml.data.units import read_units
from petrostream.facility.events import WellEvents
from petrostream.facility.join import join
from petrostream.facility.risk import assess
from petrostream.facility.state import JoinState
from petrostream.fleet import facility_of
from petrostream.readings.tanks import TANK_VALUES, VAPOR
from petrostream.readings.validation import validate_block
from petrostream.readings.wells import encode_block
from petrostream.risk.rules import ALERT_ABOVE
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from petrostream.times import to_iso
from producer.episodes import Bump, Course, Episode, episodes_of, level, spans_above
from producer.facility import GAS_COURSE, VAPOR_COURSE, GasDetector, Tank, enrich, ground_truth
from producer.fleet import FLEET_FILE, FleetFileInvalid, load_fleet
from producer.noise import key_of, normal, uniform
from producer.players import FacilityPlayer
from producer.schedule import Segment, Span
from producer.tank_player import LONGEST_DELAY_MS, Piece, TankPlayer, arrivals, pieces_of

START = 1_700_000_000_000
WELL, SOURCE, FACILITY, TANK = "WELL-00001", "2/WELL-00001_20140515110134", "FAC-07", "TANK-07A"
SECONDS = 3_000
TIMES = START + 1_000 * np.arange(SECONDS)
EVENT = Episode(WELL, SOURCE, START + 600_000, START + 1_500_000)


def detector(seed=0, episodes=(EVENT,)):
    return GasDetector(seed, WELL, FACILITY, episodes)


def tank(seed=0, episodes=(EVENT,)):
    return Tank(seed, TANK, FACILITY, episodes)


def seed_with(condition):
    """A seed whose simulation raises a condition."""
    for seed in range(100):
        if condition in {one.condition for one in (*detector(seed).raised(), *tank(seed).raised())}:
            return seed
    raise AssertionError(f"no seed raises {condition}")


class TestNoise:
    def test_is_a_pure_function_of_key_and_instant(self):
        whole = normal(key_of(1, "a"), TIMES, 3)
        np.testing.assert_array_equal(normal(key_of(1, "a"), TIMES[500:], 3), whole[500:])
        assert not np.isin(uniform(key_of(2, "a"), TIMES), uniform(key_of(1, "a"), TIMES)).any()

    def test_names_do_not_run_together(self):
        assert key_of(1, "ab", "c") != key_of(1, "a", "bc")

    def test_has_the_moments_of_its_distribution(self):
        ts = np.arange(50_000) * 1_000
        assert uniform(3, ts).mean() == pytest.approx(0.5, abs=0.01)
        sample = normal(3, ts)
        assert (sample.mean(), sample.std()) == (pytest.approx(0, abs=0.02), pytest.approx(1, abs=0.02))


class TestEpisodes:
    def test_are_the_labelled_runs_of_an_instance(self):
        label = np.array([0, 101, 1, 0, -1, 2, 2])
        found = episodes_of(WELL, SOURCE, START + 1_000 * np.arange(7), label)
        assert [((e.start_ms - START) // 1_000, (e.end_ms - START) // 1_000) for e in found] == [
            (1, 2),
            (5, 6),
        ]

    def test_a_well_without_events_has_none(self):
        assert episodes_of(WELL, SOURCE, TIMES, np.zeros(SECONDS)) == []

    @given(
        st.integers(0, 10_000),
        st.integers(0, 10_000),
        st.floats(1.0, 1_000.0),
        st.integers(100, 5_000),
        st.integers(100, 5_000),
        st.floats(0.0, 1_200.0),
    )
    def test_truth_is_exact_to_the_millisecond(self, start, length, height, rise, fall, excess):
        bump = Bump(start, start + length, height, Course(0, rise, fall))
        ts = np.arange(start - 2, start + length + fall + 3)
        over = np.flatnonzero(bump.over(ts) > excess)
        found = bump.above(excess)
        assert (found is None) == (len(over) == 0)
        if found is not None:
            assert found == (ts[over[0]], ts[over[-1]])

    def test_overlapping_stretches_are_one(self):
        two = [
            Bump(START + at, START + at + 5_000, 100.0, Course(0, 1_000, 1_000)) for at in (0, 4_000, 60_000)
        ]
        assert len(spans_above(two, 50.0)) == 2
        assert level(two, np.array([START + 4_500])).tolist() == [100.0]


class TestGasDetector:
    def test_repeats_itself_wherever_a_resumed_replay_begins(self):
        whole, part = detector().read(SOURCE, TIMES), detector().read(SOURCE, TIMES[1234:])
        np.testing.assert_array_equal(part.methane_ppm, whole.methane_ppm[1234:])
        np.testing.assert_array_equal(part.co2_ppm, whole.co2_ppm[1234:])
        assert part.vibration_encoded == whole.vibration_encoded[1234:]

    def test_another_seed_is_another_simulation(self):
        assert (
            detector(1).read(SOURCE, TIMES).methane_ppm[:9].tolist()
            != detector(2).read(SOURCE, TIMES).methane_ppm[:9].tolist()
        )

    def test_methane_follows_the_event_after_its_lag(self):
        seed = seed_with("methane_high")
        methane = detector(seed).read(SOURCE, TIMES).methane_ppm
        risen = TIMES[np.nan_to_num(methane) > 150]
        lag = GAS_COURSE.lag_ms
        assert EVENT.start_ms + lag < risen[0] < EVENT.start_ms + lag + GAS_COURSE.rise_ms
        assert EVENT.end_ms + lag < risen[-1] < EVENT.end_ms + lag + GAS_COURSE.fall_ms

    def test_some_values_are_missing_and_some_frames_malformed(self):
        gas = detector().read(SOURCE, START + 1_000 * np.arange(20_000))
        assert 0.005 < np.isnan(gas.methane_ppm).mean() < 0.02
        assert 0.005 < np.isnan(gas.co2_ppm).mean() < 0.02
        frames = [one for one in gas.vibration_encoded if one is not None]
        assert len(frames) < 20_000
        assert 5 < sum("?" in one for one in frames) < 100

    def test_enriched_lines_validate(self):
        rows = [
            {"kind": "well", "well_id": WELL, "facility_id": FACILITY, "ts": to_iso(ts), "source": SOURCE}
            for ts in TIMES.tolist()
        ]
        gas = detector(seed_with("methane_high")).read(SOURCE, TIMES)
        lines = enrich([encode_block([row]) for row in rows], gas)
        got = validate_block(b"".join(lines), sequence="1", now_ms=START + 10**7)
        assert got.rejected == []
        np.testing.assert_array_equal(got.readings.methane_ppm, gas.methane_ppm)
        broken = [place for place, text in enumerate(gas.vibration_encoded) if text and "?" in text]
        tagged = [place for place, tags in enumerate(got.readings.reasons) if tags]
        assert tagged == broken
        assert 0.3 < np.nanmedian(got.readings.vibration_rms) < 3.0


class TestTank:
    def test_vapor_follows_later_than_methane(self):
        seed = seed_with("vapor_critical")
        first = tank(seed).raised()[0]
        assert first.start_ms > EVENT.start_ms + VAPOR_COURSE.lag_ms

    def test_values_are_possible(self):
        rows = tank(seed_with("vapor_critical")).rows(TIMES)
        got = validate_block(encode_block(rows), sequence="1", now_ms=START + 10**7, tanks=True)
        assert got.rejected == []
        assert all(tags == () for tags in got.tanks.reasons)
        assert got.tanks.ts_ms.tolist() == TIMES.tolist()
        assert 0.002 < np.isnan(got.tanks.values).mean() < 0.03


class TestTruth:
    @pytest.mark.parametrize("condition", ["methane_medium", "methane_high", "vapor_high", "vapor_critical"])
    def test_a_sent_value_exceeds_its_limit_exactly_in_the_exceedances(self, condition):
        seed = seed_with(condition)
        limit = {
            "methane_medium": 250.0,
            "methane_high": 500.0,
            "vapor_high": 5_000.0,
            "vapor_critical": 10_000.0,
        }[condition]
        gas = condition.startswith("methane")
        values = detector(seed).read(SOURCE, TIMES).methane_ppm if gas else tank(seed).read(TIMES)[:, VAPOR]
        raised = (detector(seed) if gas else tank(seed)).raised()
        said = np.zeros(SECONDS, np.bool_)
        for one in raised:
            if one.condition == condition:
                said |= (one.start_ms <= TIMES) & (one.end_ms >= TIMES)
        sent = ~np.isnan(values)
        assert said.any()
        np.testing.assert_array_equal((values > limit)[sent], said[sent])

    def test_nothing_is_raised_without_an_event(self):
        assert detector(0, ()).raised() == []
        assert set(detector(0, ()).points(TIMES)) == {0}
        assert set(tank(0, ()).points(TIMES)) == {10}

    def test_is_reported_in_order_as_json(self):
        rows = ground_truth(
            [*tank(seed_with("vapor_critical")).raised(), *detector(seed_with("methane_high")).raised()]
        )
        assert [row["start_ms"] for row in rows] == sorted(row["start_ms"] for row in rows)
        assert json.loads(orjson.dumps(rows))[0]["start"].endswith("Z")


class TestTankFeed:
    PIECE = Piece(5_000, 2_000_000, START)

    def lines(self, skip=0):
        return TankPlayer(tank(), [self.PIECE], skip).take(10**12)

    def test_plays_every_reading_whatever_the_steps(self):
        player, stepped = TankPlayer(tank(), [self.PIECE]), []
        until = 0
        while player.next_ms() is not None:
            until += 7_777
            stepped += player.take(until)[0]
        assert stepped == self.lines()[0]
        assert len(stepped) == TankPlayer(tank(), [self.PIECE]).count()

    def test_resumes_where_it_was(self):
        assert self.lines(skip=432)[0] == self.lines()[0][432:]

    def test_positions_ascend_and_some_readings_are_late_doubled_or_lost(self):
        lines, parts = self.lines()
        positions = np.concatenate(parts)
        ts = validate_block(b"".join(lines), sequence="1", now_ms=START + 10**7, tanks=True).tanks.ts_ms
        assert (np.diff(positions) >= 0).all()
        late = positions + START - ts
        assert late.max() <= LONGEST_DELAY_MS
        assert {0} < set(late.tolist())
        assert (late > 5_000).any()
        distinct = len(set(ts.tolist()))
        assert distinct < len(ts)
        assert distinct < (self.PIECE.end_ms - self.PIECE.start_ms) / 2_000 - 1
        assert ts.min() >= START + self.PIECE.start_ms
        assert ts.max() <= START + self.PIECE.end_ms

    @given(st.lists(st.integers(0, 60_000), max_size=4))
    @settings(max_examples=30)
    def test_stretches_add_up(self, cuts):
        edges = [START, *(START + cut for cut in sorted(cuts)), START + 80_000]
        bounds = (START, START + 60_000)
        whole = arrivals(tank(), *bounds, edges[0], edges[-1])
        parts = [arrivals(tank(), *bounds, low, high) for low, high in itertools.pairwise(edges)]
        assert np.concatenate([part.ts_ms for part in parts]).tolist() == whole.ts_ms.tolist()

    def test_joins_a_facility_like_one_more_well(self):
        player = FacilityPlayer([TankPlayer(tank(), [self.PIECE])], 4_000)
        blocks = player.take(10**12)
        assert b"".join(block.data for block in blocks) == b"".join(self.lines()[0])
        assert sum(block.counts[TANK] for block in blocks) == len(self.lines()[0])


class TestPieces:
    @staticmethod
    def segment(start_ms, end_ms, offset_ms, source="2/a"):
        """A segment from one position to another whose event times are positions + offset."""
        return Segment(Span(source, WELL, FACILITY, start_ms, end_ms, 0, 1), 0, offset_ms)

    def test_wells_that_play_together_on_one_clock_make_one_piece(self):
        found = pieces_of([self.segment(0, 100, 7), self.segment(50, 300, 7), self.segment(310, 400, 7)])
        assert found == [Piece(0, 400, 7)]

    def test_pauses_and_other_clocks_begin_a_new_one(self):
        found = pieces_of(
            [self.segment(0, 100, 7), self.segment(9_000, 9_900, 7), self.segment(9_500, 9_999, 8)]
        )
        assert found == [Piece(0, 100, 7), Piece(9_000, 9_900, 7), Piece(9_901, 9_999, 8)]

    def test_positions_never_step_back_over_pieces(self):
        player = TankPlayer(tank(), [Piece(0, 60_000, START), Piece(61_000, 120_000, START + 10**9)])
        positions = np.concatenate(player.take(10**12)[1])
        assert (np.diff(positions) >= 0).all()
        assert len(positions) == player.count()


@pytest.mark.parametrize("seed", range(6))
def test_alerts_appear_where_the_simulator_raised_them_and_nowhere_else(seed):
    gas, player = detector(seed), TankPlayer(tank(seed), [Piece(0, 3_000_000, START)])
    base = {"kind": "well", "well_id": WELL, "facility_id": FACILITY, "source": SOURCE}
    lines = [encode_block([base | {"ts": to_iso(ts)}]) for ts in TIMES.tolist()]
    lines = enrich(lines, gas.read(SOURCE, TIMES))
    stream = sorted(
        [(ts, line) for ts, line in zip(TIMES.tolist(), lines, strict=True)]
        + [(START + at, line) for line, at in zip(*_flat(player.take(10**12)), strict=True)],
        key=lambda one: one[0],
    )
    data = b"".join(line for _, line in stream)
    found = validate_block(data, sequence="1", now_ms=START + 10**7, tanks=True)
    assert found.rejected == []
    scored = score_batch(FacilityState(FACILITY), found.readings, None, scored_at_ms=START).rows
    done = join(JoinState(), WellEvents.of(scored), found.tanks, found.tank_at)
    rows = assess(FACILITY, done.pairs)
    assert rows.matched > 0.99 * len(rows)
    assert len(rows) + int(done.state.waiting.sum()) == SECONDS

    pairs, paired = done.pairs, done.pairs.tank >= 0
    methane_sent = rows.emission_risk >= 0
    vapor_sent = ~np.isnan(rows.tank_values[:, TANK_VALUES.index("vapor_concentration_ppm")])
    expected = np.where(methane_sent, gas.points(pairs.wells.ts_ms), 0)
    tank_ts = pairs.tanks.ts_ms[pairs.tank]
    expected += np.where(paired & vapor_sent, tank(seed).points(tank_ts), 0)
    assert [status == "ALERT" for status in rows.status] == (expected > ALERT_ABOVE).tolist()


def _flat(taken):
    lines, parts = taken
    return lines, np.concatenate(parts).tolist()


class TestFleet:
    def test_the_file_agrees_with_the_default_facilities(self):
        fleet = load_fleet()
        assert len(fleet.wells) == 42
        assert all(fleet.facility_of(well) == facility_of(well) for well in fleet.wells)
        assert fleet.facility_of("SIM-2-00001") == facility_of("SIM-2-00001")

    def test_every_well_flows_to_a_tank_of_its_facility(self):
        fleet = load_fleet()
        assert all(site.tank_id in fleet.tanks_of(site.facility_id) for site in fleet.wells.values())
        assert fleet.tank_of("SIM-2-00001", "FAC-03") == "TANK-03A"
        assert fleet.tank_of("WELL-00001", "FAC-99") == "TANK-FAC-99"

    def test_says_that_its_coordinates_are_invented(self):
        raw = json.loads(FLEET_FILE.read_text(encoding="utf-8"))
        assert raw["coordinates"] == "illustrative"
        assert "invented" in raw["note"]

    def test_a_well_may_be_there_for_its_units_alone(self, tmp_path):
        raw = json.loads(FLEET_FILE.read_text(encoding="utf-8"))
        raw["units"] = {"pressure": "bar"}
        raw["wells"]["DRAWN-1-00003"] = {"units": {"p_pdg": "bar"}}
        path = tmp_path / "fleet.json"
        path.write_text(json.dumps(raw), encoding="utf-8")
        assert "DRAWN-1-00003" not in load_fleet(path).wells
        assert read_units(path).of("DRAWN-1-00003")["p_pdg"] == "bar"

    def test_the_shipped_file_converts_nothing(self):
        assert read_units(FLEET_FILE).of("WELL-00001") == {}

    @pytest.mark.parametrize(
        ("change", "place"),
        [
            (lambda raw: raw.pop("coordinates"), "coordinates"),
            (lambda raw: raw.update(wells={}), "wells"),
            (lambda raw: raw["facilities"].update({"FAC-01": []}), "facilities.FAC-01"),
            (lambda raw: raw["facilities"]["FAC-01"].update(tanks=[]), "facilities.FAC-01.tanks"),
            (lambda raw: raw["facilities"]["FAC-01"].update(tanks=["TANK-02A"]), "facilities"),
            (lambda raw: raw["facilities"]["FAC-01"].update(latitude=91), "facilities.FAC-01.latitude"),
            (lambda raw: raw["facilities"]["FAC-01"].update(longitude=True), "facilities.FAC-01.longitude"),
            (lambda raw: raw["facilities"]["FAC-01"].update(tanks=["T\x1b[2J"]), "facilities.FAC-01.tanks"),
            (lambda raw: raw["wells"]["WELL-00001"].update(facility="FAC-99"), "wells.WELL-00001.facility"),
            (lambda raw: raw["wells"]["WELL-00001"].update(tank="TANK-02A"), "wells.WELL-00001.tank"),
            (lambda raw: raw["wells"]["WELL-00001"].update(tank=7), "wells.WELL-00001.tank"),
        ],
    )
    def test_what_is_wrong_is_named(self, tmp_path, change, place):
        raw = json.loads(FLEET_FILE.read_text(encoding="utf-8"))
        change(raw)
        path = tmp_path / "fleet.json"
        path.write_text(json.dumps(raw), encoding="utf-8")
        with pytest.raises(FleetFileInvalid) as caught:
            load_fleet(path)
        assert caught.value.place == place
        assert str(path) in str(caught.value)

    @pytest.mark.parametrize("text", [None, "{", "[]"])
    def test_a_file_that_is_no_fleet(self, tmp_path, text):
        path = tmp_path / "fleet.json"
        if text is not None:
            path.write_text(text, encoding="utf-8")
        with pytest.raises(FleetFileInvalid, match=r"fleet\.json"):
            load_fleet(path)
