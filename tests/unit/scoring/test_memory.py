"""A well's memory besides its history, and its encoding."""

import zlib
from dataclasses import replace

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petrostream.gauges.features import MISSING, quantise
from petrostream.gauges.memory import PER_GAUGE
from petrostream.schema.sensors import SENSOR_INDEX
from petrostream.scoring.memory import SUPPRESSIBLE, WellMemory, observe, remember, suppressed
from petrostream.scoring.memory_codec import from_parts, to_parts
from tests.support.wells import START, normal_values, readings


def after(values, states=None, memory=None, ts_ms=None):
    batch = readings(values, ts_ms)
    if states is not None:
        batch.state[:] = states
    at = np.arange(len(values))[:, None]
    observed = observe([WellMemory() if memory is None else memory], batch, at)
    counts = quantise(observed.values, np.arange(27))
    known = (counts != MISSING).any(axis=0)
    found = remember(observed, batch.ts_ms[at], counts, known, lambda _well, _row: None)
    # Levels have tests of their own.
    return observed, found.trends[0], replace(found.memories[0], levels=None)


def through_bytes(memory):
    plain, data = to_parts(memory)
    return from_parts(orjson.loads(orjson.dumps(plain)), data)


@given(st.integers(0, 10**6), st.integers(1, 3000))
def test_the_memory_is_identical_after_a_round_trip(seed, n):
    rng = np.random.default_rng(seed)
    values = normal_values(n, seed)
    values[rng.random(values.shape) < 0.2] = np.nan
    values[n // 2 :, SENSOR_INDEX["p_pdg"]] = rng.choice([0.0, 9e7, 2.1e7])
    values[:, SENSOR_INDEX["p_tpt"]] += 4e5 * np.sin(np.arange(n) / 100)
    _, _, memory = after(values, rng.choice([0, 7], n).tolist())
    again = through_bytes(memory)
    assert to_parts(again) == to_parts(memory)
    assert again.trend.swings == memory.trend.swings
    np.testing.assert_array_equal(again.trend.bins, memory.trend.bins)
    for name in ("sensors", *PER_GAUGE):
        np.testing.assert_array_equal(getattr(again.gauges, name), getattr(memory.gauges, name))
        assert getattr(again.gauges, name).dtype == getattr(memory.gauges, name).dtype


def test_an_empty_memory_survives_a_round_trip():
    assert through_bytes(WellMemory()) == WellMemory()


@pytest.mark.parametrize("keep", [0, 7, -8])
def test_damage_raises_an_error_that_decode_expects(keep):
    plain, data = to_parts(after(normal_values(300))[2])
    with pytest.raises(ValueError, match=r"memory|reshape|size"):
        from_parts(plain, data[:keep])


def test_operated_readings_are_suppressed_and_left_out_of_trends():
    values = normal_values(7200)
    values[:, SENSOR_INDEX["p_tpt"]] += 5e5 * np.sin(np.arange(7200) / 100)
    observed, trend, _ = after(values, [1] * 7200)
    assert suppressed(observed.governs).all()
    assert suppressed(observed.governs).shape == (len(SUPPRESSIBLE), 7200, 1)
    assert trend.turned("p_tpt", 2)[-1] == 0
    _, trend, _ = after(values, [0] * 7200)
    assert trend.turned("p_tpt", 2)[-1] > 4


def test_moves_survive_a_round_trip_and_states_without_them_are_read():
    values = normal_values(300)
    values[:, SENSOR_INDEX["aber_ckp"]] = np.repeat([50.0, 55.0], 150)
    values[:, SENSOR_INDEX["estado_m1"]] = 1.0
    memory = after(values)[2]
    assert memory.moves.code
    assert through_bytes(memory).moves == memory.moves
    plain, data = to_parts(memory)
    assert len(orjson.dumps(plain[3])) <= 100
    _, data = to_parts(replace(memory, slow=None))
    assert from_parts(plain[:3], data).moves == WellMemory().moves


def test_drifts_survive_a_round_trip_in_200_bytes():
    rng = np.random.default_rng(3)
    hours = 7
    ts_ms = START + 10_000 * np.arange(hours * 360)
    values = normal_values(len(ts_ms))
    for sensor in ("p_jus_ckp", "t_jus_ckp"):
        values[:, SENSOR_INDEX[sensor]] = 40.0 + 0.05 * rng.normal(size=len(ts_ms))
    values[:, SENSOR_INDEX["p_jus_ckp"]] *= 1e5
    for sensor, bar in {"p_pdg": 0.2, "p_tpt": -0.3, "p_mon_ckp": -0.3}.items():
        values[:, SENSOR_INDEX[sensor]] += bar * 1e5 * np.arange(len(ts_ms)) / 360
    memory = after(values, ts_ms=ts_ms)[2]
    assert len(memory.slow.bins) == 18
    assert memory.slow.rises
    again = through_bytes(memory).slow
    assert again.rises == memory.slow.rises
    assert (again.bin, again.disturbed) == (memory.slow.bin, memory.slow.disturbed)
    for name in ("total", "number", "bins"):
        np.testing.assert_array_equal(getattr(again, name), getattr(memory.slow, name))
    with_it, without = (to_parts(each) for each in (memory, replace(memory, slow=None)))
    sizes = [len(zlib.compress(orjson.dumps(plain) + data, 1)) for plain, data in (with_it, without)]
    assert sizes[0] - sizes[1] <= 200


def test_what_an_operator_does_is_no_drift():
    values = normal_values(4 * 3600)
    values[:, SENSOR_INDEX["aber_ckp"]] = 50.0
    assert len(after(values)[2].slow.bins) == 12
    values[7200:, SENSOR_INDEX["aber_ckp"]] = 55.0
    # The transition lasts a quarter of an hour: two intervals of 20 minutes hold some of it.
    assert len(after(values)[2].slow.bins) < 6
