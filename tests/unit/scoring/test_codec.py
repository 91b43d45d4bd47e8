"""Encoding of the scoring state: exact round trip, and damaged bytes are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrostream.gauges.features import QUANTA
from petrostream.packing import StateFormatError
from petrostream.schema.sensors import SENSOR_INDEX
from petrostream.scoring.codec import MAGIC, VERSION, decode, encode
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from tests.support.wells import FACILITY, normal_values, readings


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
