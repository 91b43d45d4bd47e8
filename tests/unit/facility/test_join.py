"""The join of wells and tanks: what pairs, what waits, what leaves; and that batches make no difference."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petrostream.facility import join as joining
from petrostream.facility.codec import decode, encode
from petrostream.facility.events import CARRIED, WellEvents
from petrostream.facility.join import join
from petrostream.facility.state import JoinState
from petrostream.packing import StateFormatError
from petrostream.readings.tanks import TankReadings, tank_event_id
from petrostream.readings.wells import NO_TIME, event_id
from tests.support.depth import examples

FACILITY = "FAC-03"
BEGIN = 1_700_000_000_000


def well(seconds, name="W1", methane=100.0, early_s=0):
    """A reading that arrives so many seconds before the time it bears; None: too far ahead to be right."""
    ts = BEGIN + round(1000 * seconds)
    return ("well", name, ts, methane, NO_TIME if early_s is None else ts - 1000 * early_s)


def tank(seconds, name="T1", vapor=2_000.0, early_s=0):
    ts = BEGIN + round(1000 * seconds)
    return ("tank", name, ts, vapor, ts - 1000 * early_s)


def batch(stream):
    """Arguments of `join` for a stretch of the stream."""
    wells = [one for one in stream if one[0] == "well"]
    tanks = [one for one in stream if one[0] == "tank"]
    at, before = [], 0
    for one in stream:
        if one[0] == "tank":
            at.append(before)
        before += one[0] == "well"
    carried = np.full((len(wells), len(CARRIED)), np.nan)
    carried[:, CARRIED.index("methane_ppm")] = [one[3] for one in wells]
    events = WellEvents(
        [name for _, name, *_ in wells],
        [f"2/{name}" for _, name, *_ in wells],
        [event_id(name, f"2/{name}", ts) for _, name, ts, *_ in wells],
        ["7"] * len(wells),
        np.array([one[2] for one in wells], np.int64),
        np.array([one[4] for one in wells], np.int64),
        carried,
    )
    values = np.full((len(tanks), 4), np.nan)
    values[:, 0] = [one[3] for one in tanks]
    readings = TankReadings(
        [name for _, name, *_ in tanks],
        [FACILITY] * len(tanks),
        np.array([one[2] for one in tanks], np.int64),
        values,
        [()] * len(tanks),
        np.full(len(tanks), 100.0),
        [tank_event_id(name, FACILITY, ts) for _, name, ts, *_ in tanks],
        ["7"] * len(tanks),
        np.array([one[4] for one in tanks], np.int64),
    )
    return events, readings, np.array(at, np.int64)


def seconds(ts_ms):
    return (ts_ms - BEGIN) / 1000


def rows(joined):
    """Settled readings as (well, its time, tank or reason, the tank's time, methane, vapor), in order."""
    pairs = joined.pairs
    found = []
    for i, at in enumerate(pairs.tank.tolist()):
        tank_part = (pairs.reason[i], None, None)
        if at >= 0:
            assert pairs.reason[i] is None
            tank_part = (
                pairs.tanks.tank_id[at],
                seconds(pairs.tanks.ts_ms[at]),
                float(pairs.tanks.values[at, 0]),
            )
        methane = float(pairs.wells.carried[i, CARRIED.index("methane_ppm")])
        found.append((pairs.wells.well_id[i], seconds(pairs.wells.ts_ms[i]), *tank_part, methane))
    return found


def run(stream, cuts=(), coded=False):
    """Rows, counts and state after a stream that comes in batches cut at these places."""
    state, found, counts = JoinState(), [], np.zeros(2, np.int64)
    edges = [0, *sorted(cuts), len(stream)]
    for low, high in itertools.pairwise(edges):
        joined = join(state, *batch(stream[low:high]))
        state = decode(encode(joined.state)) if coded else joined.state
        found += rows(joined)
        counts += joined.duplicates, joined.duplicate_tanks
    return found, counts.tolist(), state


def outcome(*stream):
    """(time of the well reading, tank's time or reason) of each row."""
    return [(row[1], row[3] if row[3] is not None else row[2]) for row in run(list(stream))[0]]


class TestPairing:
    def test_takes_the_nearest_known_tank_reading(self):
        assert outcome(tank(0), tank(3), tank(7), well(4)) == [(4, 3)]

    @pytest.mark.parametrize("apart", [-5.0, 5.0])
    def test_reaches_five_seconds_both_ways(self, apart):
        assert outcome(tank(10 + apart), well(10)) == [(10, 10 + apart)]

    @pytest.mark.parametrize("apart", [-5.001, 5.001])
    def test_does_not_reach_farther(self, apart):
        assert outcome(tank(10 + apart), well(10)) in ([], [(10, "late")])

    def test_waits_for_the_first_tank_reading_and_keeps_it(self):
        assert outcome(well(0), tank(4), tank(0)) == [(0, 4)]

    def test_pairs_each_well_reading_once_and_a_tank_reading_with_many(self):
        assert outcome(well(0, "A"), well(1, "B"), tank(1), well(2, "A"), tank(2)) == [(0, 1), (1, 1), (2, 1)]

    def test_prefers_the_higher_vapor_among_equally_near_tanks(self):
        (row,), _, _ = run([tank(0, "A", 2_000), tank(0, "B", 12_000), tank(0, "C", np.nan), well(0)])
        assert row[2] == "B"

    def test_prefers_the_first_of_equals(self):
        (row,), _, _ = run([tank(1, "B"), tank(-1, "A"), well(0)])
        assert row[2] == "B"

    def test_keeps_the_measurements_of_a_waiting_reading(self):
        ((_, _, _, _, vapor, methane),), _, _ = run([well(0, methane=650.2), tank(1, vapor=11_000)], cuts=[1])
        assert (methane, vapor) == (650.2, 11_000.0)


class TestLeaving:
    def test_stays_until_the_watermark_has_passed(self):
        assert outcome(well(0), well(5, "B")) == []
        assert outcome(well(0), well(5.001, "B")) == [(0, "no_tank")]

    def test_is_not_paired_after_that(self):
        assert outcome(well(0), well(5.001, "B"), tank(0)) == [(0, "no_tank")]

    def test_a_late_reading_takes_a_known_tank_reading(self):
        assert outcome(tank(0), tank(60), well(1)) == [(1, 0)]

    def test_a_tank_whose_clock_is_an_hour_ahead_makes_nobody_late(self):
        assert outcome(well(0), tank(3_600, early_s=3_600), well(1), tank(2)) == [(0, 2), (1, 2)]

    def test_neither_does_a_well_whose_clock_is_always_ahead(self):
        ahead = [well(3_600 + second, "B", early_s=3_600) for second in range(3)]
        stream = [one for pair in zip(map(well, range(3)), ahead, strict=True) for one in pair]
        assert outcome(*stream, tank(3)) == [(0, 3), (1, 3), (2, 3)]

    def test_a_reading_too_far_ahead_moves_nothing_and_does_not_wait(self):
        assert outcome(well(0), well(3_600, early_s=None), well(1), tank(2)) == [
            (3_600, "late"),
            (0, 2),
            (1, 2),
        ]

    def test_a_reading_too_far_ahead_takes_a_known_tank_reading(self):
        assert outcome(tank(20), well(21, early_s=None)) == [(21, 20)]

    def test_as_the_first_of_a_facility_it_moves_nothing_either(self):
        assert outcome(well(3_600, early_s=None), well(0), tank(1)) == [(3_600, "late"), (0, 1)]

    def test_a_late_reading_without_one_leaves_at_once(self):
        assert outcome(tank(60), well(1), tank(1)) == [(1, "late")]

    def test_a_reading_shortly_before_the_newest_still_waits(self):
        assert outcome(well(4, "B"), well(0), tank(-2)) == [(0, -2)]

    def test_a_wrong_clock_of_one_well_does_not_affect_the_others(self):
        stream = [well(3_600, "WRONG"), *(one for i in range(20) for one in (tank(i), well(i)))]
        assert outcome(*stream) == [(i, i) for i in range(20)]

    def test_a_second_replay_finds_its_tanks_again(self):
        first = [one for i in range(100) for one in (tank(i), well(i))]
        again = [one for i in range(100) for one in (tank(i + 0.5), well(i + 0.5))]
        assert outcome(*first, *again)[100:] == [(i + 0.5, i + 0.5) for i in range(100)]

    def test_the_oldest_waiting_reading_is_settled_when_too_many_wait(self, monkeypatch):
        monkeypatch.setattr(joining, "MAX_WAITING", 3)
        assert outcome(*(well(i / 10) for i in range(5))) == [(0.0, "crowded"), (0.1, "crowded")]

    def test_the_oldest_tank_readings_are_dropped(self, monkeypatch):
        monkeypatch.setattr(joining, "MAX_TANKS", 2)
        assert outcome(tank(0), tank(3), tank(4), well(0)) == [(0, 3)]


class TestWaiting:
    """How long readings waited is in event time, up to the newest reading when they were settled."""

    @pytest.mark.parametrize(
        ("stream", "waited_s"),
        [
            ([tank(0), well(1)], 0.0),
            ([well(0), tank(3)], 3.0),
            ([well(0), well(2, "B"), tank(1)], 2.0 + 0.0),
            ([well(0), well(5.001, "B")], 5.001),
            ([well(0), well(4, "B"), well(60, "C")], 60.0 + 56.0),
            ([tank(60), well(1)], 0.0),
            ([tank(0), well(3_600, early_s=None)], 0.0),
        ],
    )
    def test_until_a_pair_or_the_watermark_settles_them(self, stream, waited_s):
        for cuts in ((), range(1, len(stream))):
            assert waited(stream, cuts) == round(1000 * waited_s)


def waited(stream, cuts=()):
    """Ms that the settled readings of a stream waited, in batches cut at these places."""
    state, total = JoinState(), 0
    for low, high in itertools.pairwise([0, *sorted(cuts), len(stream)]):
        joined = join(state, *batch(stream[low:high]))
        state, total = joined.state, total + joined.waited_ms
    return total


class TestDuplicates:
    def test_a_duplicate_well_reading_is_dropped_paired_or_not(self):
        found, counts, _ = run([well(0), well(0), tank(1), well(0), well(1)])
        assert [row[1] for row in found] == [0, 1]
        assert counts == [2, 0]

    def test_a_duplicate_behind_the_watermark_counts_as_late(self):
        assert outcome(well(0), tank(1), well(60, "B"), well(0)) == [(0, 1), (0, 1)]

    def test_a_duplicate_tank_reading_is_dropped(self):
        found, counts, state = run([tank(0), tank(0), well(0)])
        assert (len(found), counts, len(state.tanks)) == (1, [0, 1], 1)


class TestNothing:
    def test_an_empty_batch_changes_nothing(self):
        _, _, state = run([well(0), tank(9)])
        joined = join(state, *batch([]))
        assert joined.state is state
        assert len(joined.pairs) == 0

    def test_wells_without_tanks_and_tanks_without_wells(self):
        assert outcome(*(well(i) for i in range(8))) == [(0, "no_tank"), (1, "no_tank")]
        assert outcome(*(tank(i) for i in range(8))) == []


def alone(one, reason):
    return (one[0], seconds(one[1]), reason, None, None, one[2])


def reference(stream, max_waiting, max_tanks):
    """The module's docstring, a reading at a time."""
    newest, arrived, waiting, tanks, memory, found = -(2**62), 0, [], [], {}, []
    for kind, name, ts, value, moves in stream:
        newest, ahead = max(newest, moves), moves == NO_TIME
        mark = newest - 5_000

        if kind == "tank":
            duplicate = (name, ts) in [one[:2] for one in tanks]
            tanks = tanks if duplicate else [*tanks, (name, ts, value)][-max_tanks:]
            # What settles at one position settles in the order in which it came.
            for one in list(waiting):
                if one[1] < mark:
                    found.append(alone(one, "no_tank"))
                elif abs(one[1] - ts) <= 5_000 and not duplicate:
                    found.append((one[0], seconds(one[1]), name, seconds(ts), value, one[2]))
                else:
                    continue
                waiting.remove(one)
            continue
        if ts >= mark and memory.get((name, ts), -1) >= max(arrived - max_waiting, 0):
            found += [alone(one, "no_tank") for one in waiting if one[1] < mark]
            waiting = [one for one in waiting if one[1] >= mark]
            continue
        memory[name, ts] = arrived
        arrived += 1
        gone = [
            (one, "no_tank" if one[1] < mark else "crowded")
            for one in waiting
            if one[1] < mark or memory[one[:2]] < arrived - max_waiting
        ]
        found += [alone(one, reason) for one, reason in gone]
        waiting = [one for one in waiting if one not in [other for other, _ in gone]]
        near = [one for one in tanks if abs(one[1] - ts) <= 5_000]
        if near:
            best = min(near, key=lambda one, ts=ts: (abs(one[1] - ts), -one[2]))
            found.append((name, seconds(ts), best[0], seconds(best[1]), best[2], value))
        elif ahead or ts < mark:
            found.append(alone((name, ts, value), "late"))
        else:
            waiting.append((name, ts, value))
    return found


TIMES = st.integers(0, 40).map(lambda half: half / 2)
EARLY = st.sampled_from([0, 0, 0, 3, 20])
READINGS = st.builds(well, TIMES, st.sampled_from("AB"), st.just(100.0), EARLY | st.just(None)) | st.builds(
    tank, TIMES, st.sampled_from("TU"), st.sampled_from([1_000.0, 7_000.0, 12_000.0]), EARLY
)


@st.composite
def streams(draw):
    """Readings out of order, late and doubled, or roughly in order."""
    stream = draw(st.lists(READINGS, max_size=40))
    return sorted(stream, key=lambda one: one[2]) if draw(st.booleans()) else stream


class TestAnyStream:
    @given(streams(), st.lists(st.integers(0, 40), max_size=6))
    @settings(max_examples=examples(300))
    def test_any_cut_into_batches_has_the_same_result(self, stream, cuts):
        cuts = [min(cut, len(stream)) for cut in cuts]
        whole, one_by_one = run(stream), run(stream, range(1, len(stream)))
        cut = run(stream, cuts, coded=True)
        assert whole[:2] == cut[:2] == one_by_one[:2]
        assert encode(whole[2]) == encode(cut[2]) == encode(one_by_one[2])

    @given(streams(), st.integers(1, 40), st.integers(1, 40))
    @settings(max_examples=examples(300))
    def test_follows_its_definition_reading_by_reading(self, stream, max_waiting, max_tanks):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(joining, "MAX_WAITING", max_waiting)
            patch.setattr(joining, "MAX_TANKS", max_tanks)
            assert run(stream)[0] == reference(stream, max_waiting, max_tanks)
            assert run(stream, range(0, len(stream), 3))[0] == run(stream)[0]

    @given(streams())
    def test_every_well_reading_is_counted_once(self, stream):
        found, (duplicates, _), state = run(stream)
        wells = sum(one[0] == "well" for one in stream)
        assert len(found) + duplicates + int(state.waiting.sum()) == wells

    @given(streams())
    def test_a_retried_batch_has_the_same_rows(self, stream):
        _, _, state = run(stream[: len(stream) // 2])
        rest = batch(stream[len(stream) // 2 :])
        assert rows(join(state, *rest)) == rows(join(state, *rest))


class TestCodec:
    def test_an_initial_state_survives_a_round_trip(self):
        assert decode(encode(JoinState())).newest_ms == JoinState().newest_ms

    @pytest.mark.parametrize(
        "data", [b"", b"PSJ", b"PSJ\x01", b"PSJ\x63abc", b"nonsense", b"PSJ\x01" + b"x" * 40]
    )
    def test_garbage_is_named(self, data):
        with pytest.raises(StateFormatError, match="join"):
            decode(data)

    @given(st.integers(0, 999), st.integers(0, 255))
    def test_a_damaged_byte_is_refused_or_changes_nothing(self, at, value):
        whole = encode(run([well(0), well(1, "B"), tank(9)])[2])
        data = bytearray(whole)
        data[at % len(data)] = value
        try:
            found = decode(bytes(data))
        except StateFormatError:
            return
        assert encode(found) == whole  # the same value, or a bit that zlib does not read
