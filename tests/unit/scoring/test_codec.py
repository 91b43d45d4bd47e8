"""Encoding of the scoring state: exact round trip, and damaged bytes are refused."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrostream.gauges.features import MISSING, QUANTA
from petrostream.packing import StateFormatError
from petrostream.schema.sensors import SENSOR_INDEX, SENSOR_NAMES
from petrostream.scoring import series_codec
from petrostream.scoring.codec import MAGIC, VERSION, decode, encode
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from tests.support.paths import ROOT
from tests.support.wells import FACILITY, normal_values, readings

RELEASED = ROOT / "tests" / "released" / "0.1.0"
"""A well of version 6 with gaps, faults of gauges and moves, every part of its memory filled."""


def scored_state(n=400, wells=("WELL-00001",), holes=0.05):
    state = FacilityState(FACILITY)
    for seed, well in enumerate(wells):
        values = normal_values(n, seed=seed)
        values[np.random.default_rng(seed).random(values.shape) < holes] = np.nan
        values[:, SENSOR_INDEX["t_jus_ckp"]] = 70.125
        state = score_batch(state, readings(values, well=well, sequence="49"), None, scored_at_ms=0).state
    return state


def same(left, right):
    assert (left.facility_id, left.last_sequence) == (right.facility_id, right.last_sequence)
    assert list(left.wells) == list(right.wells)
    for name, well in left.wells.items():
        other = right.wells[name]
        for column in ("ts_ms", "sensors", "counts"):
            np.testing.assert_array_equal(getattr(well, column), getattr(other, column))
            assert getattr(well, column).dtype == getattr(other, column).dtype


@pytest.mark.parametrize("n", [1, 2, 50, 400])
def test_a_state_is_identical_after_a_round_trip(n):
    state = scored_state(n, ("WELL-00001", "SIM-2-00001", "poço 7"))
    same(decode(encode(state)), state)


def test_an_empty_facility_and_a_well_without_gauges_survive_a_round_trip():
    same(decode(encode(FacilityState("FAC-01"))), FacilityState("FAC-01"))
    silent = score_batch(
        FacilityState(FACILITY), readings(np.full((5, 27), np.nan)), None, scored_at_ms=0
    ).state
    same(decode(encode(silent)), silent)


def test_is_compact():
    wells = [f"WELL-{i:05d}" for i in range(10)]
    assert len(encode(scored_state(400, wells))) < 10 * 10_000


def test_keeps_only_what_windows_can_reach():
    well = scored_state(5000).wells["WELL-00001"]
    assert len(well.ts_ms) == 180


@given(st.binary(max_size=200))
def test_garbage_is_refused(data):
    for bytes_ in (data, MAGIC + bytes([VERSION]) + data):
        with pytest.raises(StateFormatError):
            decode(bytes_)


@given(st.data())
def test_series_of_any_numbers_survive(data):
    gauges, length = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 30))
    numbers = st.one_of(st.integers(-(1 << 31), (1 << 31) - 1), st.integers(-9, 9), st.just(MISSING))
    series = np.array(
        [data.draw(st.lists(numbers, min_size=length, max_size=length)) for _ in range(gauges)], np.int32
    )
    forms, content = series_codec.to_bytes(series)
    assert len(content) == series_codec.size(forms, length)
    found = series_codec.from_bytes(forms, content, length)
    np.testing.assert_array_equal(found, series, strict=True)


def test_each_series_is_stored_in_the_form_that_needs_least_bits():
    n = np.arange(180)
    noise = np.random.default_rng(3).normal(0, 5000, n.size).astype(int)
    walk = np.cumsum(np.random.default_rng(4).integers(-9, 10, n.size))
    line = 100_000 + 731 * n
    forms, _ = series_codec.to_bytes(np.array([noise, walk, line]))
    assert forms == [series_codec.CENTRED, series_codec.CHANGES, series_codec.BENDS]


@pytest.mark.parametrize(("forms", "says"), [([0, 3], "forms"), ([0], "reshape"), ([0, 0, 0], "reshape")])
def test_series_that_do_not_fit_are_refused(forms, says):
    _, content = series_codec.to_bytes(np.zeros((2, 5), np.int32))
    with pytest.raises(ValueError, match=says):
        series_codec.from_bytes(forms, content, 5)


def test_a_state_of_version_6_is_read_and_written_as_one_of_this_version():
    older = (RELEASED / "scoring_state_6").read_bytes()
    assert older[:4] == MAGIC + b"\x06"
    state = decode(older)
    newer = encode(state)
    assert newer[3] == VERSION
    assert len(newer) < 0.85 * len(older)
    same(decode(newer), state)
    well, after = state.wells["WELL-00001"], decode(newer).wells["WELL-00001"]
    assert (well.feed, well.clock, well.alarms) == (after.feed, after.clock, after.alarms)
    for part in ("gauges", "trend", "slow", "levels"):
        one, other = getattr(well.memory, part), getattr(after.memory, part)
        for field in dataclasses.fields(one):
            np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


def test_what_a_state_of_version_6_says_is_understood():
    well = decode((RELEASED / "scoring_state_6").read_bytes()).wells["WELL-00001"]
    assert (well.ts_ms[0], well.ts_ms[-1], len(well.ts_ms)) == (1700001320000, 1700001499000, 180)
    assert [SENSOR_NAMES[at] for at in well.sensors] == [
        "aber_ckp",
        "estado_m1",
        "p_mon_ckp",
        "p_pdg",
        "p_tpt",
        "t_jus_ckp",
        "t_tpt",
    ]
    sums = np.where(well.counts == MISSING, 0, well.counts).sum(axis=0, dtype=np.int64).tolist()
    assert sums == [
        5452610985,
        12079595520,
        434905058,
        1847954821,
        1253078335,
        3174684154,
        4408096858,
    ]
    assert np.count_nonzero(well.counts == MISSING) == 21
    assert well.memory.trend is not None
    bins = well.memory.trend.bins
    assert bins.shape == (25, 6)
    sums = np.where(bins == MISSING, 0, bins).sum(axis=0).tolist()
    assert sums == [
        341795,
        122063,
        0,
        152000,
        112002,
        169173,
    ]


@given(st.data())
def test_a_flipped_bit_is_refused_or_changes_nothing(data):
    state = scored_state(20)
    damaged = bytearray(encode(state))
    at = data.draw(st.integers(0, len(damaged) - 1))
    damaged[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        found = decode(bytes(damaged))
    except StateFormatError:
        return
    same(found, state)  # a padding bit of the compressed stream


@given(st.integers(0, 10**6))
def test_a_state_too_short_or_too_long_is_refused(at):
    whole = encode(scored_state(20))
    for damaged in (whole[: at % len(whole)], whole + b"x"):
        with pytest.raises(StateFormatError):
            decode(damaged)


def test_another_version_is_refused_by_number():
    with pytest.raises(StateFormatError, match="version 9"):
        decode(MAGIC + b"\x09" + b"....")


def test_a_state_with_other_quanta_is_refused(monkeypatch):
    data = encode(scored_state(20))
    monkeypatch.setattr("petrostream.scoring.codec.QUANTA", QUANTA * 2)
    with pytest.raises(StateFormatError, match="quanta"):
        decode(data)
