"""Mirrored normal operation, and that each perturbation changes what it says and nothing else."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.evaluation.mirror import SETTLE_S, make_course, mirrored, slow_part
from ml.evaluation.perturbations import BAR, OPENING, PERTURBATIONS, PRESSURES, PSI, SPELL_S, TEMPERATURES
from ml.simulate import simulate_instance
from ml.training.baseline import instance_baseline, normal_period
from petrostream.schema import SENSOR_INDEX, SENSORS

TPT = SENSOR_INDEX["p_tpt"]


@given(st.integers(2, 50), st.integers(1, 400))
def test_mirrored_rows_are_neighbours_and_end_forwards(rows, length):
    found = mirrored(rows, length)

    assert found[-1] == rows - 1
    assert found.min() >= 0
    assert (np.abs(np.diff(found)) == 1).all()
    assert (np.diff(found[-rows:]) == 1).all()


def test_a_short_period_is_played_back_and_forth():
    assert mirrored(4, 10).tolist() == [0, 1, 2, 3, 2, 1, 0, 1, 2, 3]


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    instance = simulate_instance(tmp_path_factory.mktemp("3w"), 2, 1, seed=7, minutes=40)
    period = normal_period(instance)
    return make_course(period, instance_baseline(period), 2.0), period


def changed(course, name):
    return PERTURBATIONS[name].change(course, np.random.default_rng(1))


def test_a_course_lasts_hours_and_ends_with_the_real_event(course):
    made, period = course
    one, real = made.instance, period.instance
    event = int(np.argmax(one.label != 0))
    real_event = int(np.argmax(real.label != 0))
    kept = len(one) - event

    assert (one.ts_ms[event - 1] - one.ts_ms[0]) / 1000 == pytest.approx(7200, abs=2)
    assert (one.ts_ms[made.begin] - one.ts_ms[0]) / 1000 == SETTLE_S
    assert (np.diff(one.ts_ms) > 0).all()
    np.testing.assert_array_equal(one.label[event:], real.label[real_event : real_event + kept])
    np.testing.assert_array_equal(one.ts_ms[event:], real.ts_ms[real_event : real_event + kept])
    np.testing.assert_array_equal(one.values[event:], real.values[real_event : real_event + kept])


def test_mirroring_makes_no_step_that_the_well_did_not_make(course):
    _, period = course
    made = make_course(period, instance_baseline(period), 2.0, keep_slow=True)
    normal = made.instance.values[made.instance.label == 0, TPT]
    real = period.values[period.start : period.end, TPT]

    assert np.nanmax(np.abs(np.diff(normal))) == np.nanmax(np.abs(np.diff(real)))


def readings_of(pressure, rows=1800):
    values = np.full((rows, len(SENSORS)), np.nan)
    values[:, TPT] = pressure
    return values


@pytest.mark.parametrize(
    "slow",
    [
        lambda x: 3 * BAR * x,
        lambda x: 1.4 * BAR * -np.expm1(-4 * x),
        lambda x: 2 * BAR * np.cos(3 * np.pi * x),
    ],
)
def test_what_happens_once_in_a_period_is_its_slow_part(slow):
    x = np.arange(1800) / 1800
    values = readings_of(100 * BAR + slow(x))
    steady = values - slow_part(values)

    assert np.ptp(steady[:, TPT]) < 0.2 * np.ptp(values[:, TPT])
    assert steady[-1, TPT] == pytest.approx(values[-1, TPT])
    assert np.isnan(steady[:, SENSOR_INDEX["t_tpt"]]).all()


def test_what_recurs_in_a_period_and_noise_stay():
    rng = np.random.default_rng(1)
    x = np.arange(1800) / 1800
    swings = BAR * np.sin(2 * np.pi * 5 * x) + 0.3 * BAR * rng.normal(size=1800)
    steady = readings_of(100 * BAR + swings)
    steady -= slow_part(steady)

    assert np.corrcoef(steady[:, TPT], swings)[0, 1] > 0.95
    assert np.std(steady[:, TPT]) == pytest.approx(np.std(swings), rel=0.05)


def test_a_gauge_that_hardly_moves_and_a_dead_one_stay_bit_for_bit():
    quiet = readings_of(100 * BAR + 0.05 * BAR * np.arange(1800) / 1800)
    dead = readings_of(0.0)
    failing = readings_of(np.where(np.arange(1800) < 900, 100 * BAR + 1000.0 * np.arange(1800), 0.0))

    assert not slow_part(quiet).any()
    assert not slow_part(dead).any()
    assert not slow_part(failing)[900:].any()


def test_a_course_does_not_swing_with_what_a_period_does_once(course):
    _, period = course
    one = period.instance
    values = one.values.copy()
    rows = period.end - period.start
    values[period.start : period.end, TPT] += 2 * BAR * np.arange(rows) / rows
    settling = replace(period, instance=replace(one, values=values), values=values)
    baseline = instance_baseline(period)

    def span(made):
        normal = made.instance.values[made.instance.label == 0, TPT]
        minutes = [np.nanmean(normal[at : at + 60]) for at in range(0, len(normal) - 60, 60)]
        return float(np.ptp(minutes))

    assert span(make_course(settling, baseline, 2.0, keep_slow=True)) > 1.5 * BAR
    assert span(make_course(settling, baseline, 2.0)) < 1.0 * BAR


@pytest.mark.parametrize("name", [name for name, row in PERTURBATIONS.items() if not row.whole])
def test_nothing_is_changed_before_the_change(course, name):
    made, _ = course
    found = changed(made, name)
    before = made.instance.values[: made.begin].copy()
    if name.startswith("choke"):
        before[:, SENSOR_INDEX["aber_ckp"]] = found.instance.values[: made.begin, SENSOR_INDEX["aber_ckp"]]

    np.testing.assert_array_equal(found.instance.values[: made.begin], before)
    assert (np.diff(found.instance.ts_ms) > 0).all()


@pytest.mark.parametrize("name", list(PERTURBATIONS))
def test_the_same_seed_changes_the_same(course, name):
    made, _ = course
    one, two = changed(made, name), changed(made, name)

    np.testing.assert_array_equal(one.instance.values, two.instance.values)
    np.testing.assert_array_equal(one.instance.ts_ms, two.instance.ts_ms)
    if name != "none":
        same = np.array_equal(one.instance.values, made.instance.values, equal_nan=True)
        assert not same or one.order is not None


def moved(made, found, name):
    at = SENSOR_INDEX[name]
    return found.instance.values[:, at] - made.instance.values[:, at]


def test_closing_the_choke_raises_pressures_before_it_and_cools_the_line(course):
    made, _ = course
    found = changed(made, "choke_close_5")
    opening = found.instance.values[:, SENSOR_INDEX["aber_ckp"]]
    last = slice(-100, None)

    assert opening[made.begin + 30] == pytest.approx(opening[made.begin - 1] - 5)
    assert moved(made, found, "p_mon_ckp")[last].mean() > BAR
    assert moved(made, found, "p_tpt")[last].mean() > BAR
    assert moved(made, found, "t_jus_ckp")[last].mean() < 0


def test_five_points_of_fifty_are_worth_two_and_a_half_bar(course):
    made, _ = course
    values = made.instance.values.copy()
    values[:, SENSOR_INDEX["aber_ckp"]] = np.nan
    found = changed(made.with_values(values), "choke_open_5")

    assert found.instance.values[0, SENSOR_INDEX["aber_ckp"]] == OPENING
    assert moved(made, found, "p_mon_ckp")[-1] == pytest.approx(-0.1 / (1 / 40 + 1 / 70) * BAR, rel=0.01)


def test_steps_and_ramps_arrive_at_their_level(course):
    made, _ = course
    step = moved(made, changed(made, "step_down_1_bar"), "p_tpt")
    ramp = moved(made, changed(made, "ramp_1_bar"), "p_tpt")

    there = np.isfinite(step)
    np.testing.assert_allclose(step[made.begin :][there[made.begin :]], -BAR)
    assert ramp[made.begin + 300] == pytest.approx(BAR / 2)
    np.testing.assert_allclose(ramp[made.begin + 600 :][there[made.begin + 600 :]], BAR)


def test_a_workover_leaves_hours_without_readings(course):
    made, _ = course
    ts_ms = changed(made, "workover").instance.ts_ms

    assert np.diff(ts_ms).max() == 12 * 3_600_000 + 1000
    assert np.argmax(np.diff(ts_ms)) == made.begin - 1


def test_white_noise_doubles_the_standard_deviation(course):
    made, _ = course
    after = slice(made.begin, int(np.argmax(made.instance.label != 0)))
    before = np.nanstd(made.instance.values[made.instance.label == 0, TPT])

    noisy = changed(made, "white_noise_2x").instance.values[after, TPT]
    assert np.nanstd(noisy) == pytest.approx(2 * before, rel=0.15)


def test_a_drift_is_a_share_of_the_level_an_hour(course):
    made, _ = course
    level = np.nanmean(made.instance.values[made.instance.label == 0, TPT])
    hours = made.since[-1] / 3600

    assert moved(made, changed(made, "drift_1"), "p_tpt")[-1] == pytest.approx(0.01 * level * hours)


def test_gaps_leave_the_event_whole(course):
    made, _ = course
    found = changed(made, "gaps")

    assert (found.instance.label != 0).sum() == (made.instance.label != 0).sum()
    assert np.diff(found.instance.ts_ms).max() >= 1000 * SPELL_S
    assert len(found.instance) < len(made.instance) - SPELL_S


def test_duplicates_send_every_reading_and_some_twice(course):
    made, _ = course
    order = changed(made, "duplicates").order
    counts = np.bincount(order, minlength=len(made.instance))

    assert counts.min() == 1
    assert 0.1 < (counts[made.begin :] > 1).mean() < 0.3
    assert (counts[: made.begin - 60] == 1).all()
    first = np.unique(order, return_index=True)[1]
    assert (np.diff(first) > 0).all()


def test_a_passing_fault_passes(course):
    made, _ = course
    stuck, gone = changed(made, "stuck_p_tpt"), changed(made, "missing_p_tpt")
    spell = slice(made.begin, made.begin + int(SPELL_S))

    assert np.nanmax(stuck.instance.values[spell, TPT]) == np.nanmin(stuck.instance.values[spell, TPT])
    assert np.isnan(gone.instance.values[spell, TPT]).all()
    for found in (stuck, gone):
        np.testing.assert_array_equal(
            found.instance.values[spell.stop :, TPT], made.instance.values[spell.stop :, TPT]
        )


def test_units_change_all_pressures_or_all_temperatures(course):
    made, _ = course
    psi = changed(made, "psi_mid").instance.values
    warm = changed(made, "fahrenheit_start").instance.values

    after = slice(made.begin, None)
    np.testing.assert_allclose(psi[after][:, PRESSURES] * PSI, made.instance.values[after][:, PRESSURES])
    np.testing.assert_array_equal(psi[:, TEMPERATURES], made.instance.values[:, TEMPERATURES])
    np.testing.assert_allclose((warm[:, TEMPERATURES] - 32) / 1.8, made.instance.values[:, TEMPERATURES])
