import math

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from ml.data.dataset import find_instances, read_instance
from ml.training.baseline import NoBaselineError, instance_baseline, normal_period
from petrostream.readings import encode_block
from petrostream.readings.quality import usable_values
from petrostream.readings.validation import validate_block
from petrostream.readings.wrong_units import (
    DECIDED,
    converted,
    decided_units,
    gauge_units,
    likely_units,
    reasons_of,
    sensor_of,
    unusual,
    without_units,
)
from petrostream.schema import SENSOR_INDEX, SENSOR_NAMES, SENSORS
from petrostream.times import parse_ms, to_iso
from petrostream.units import UNITS
from tests.support.paths import REAL_3W

NOW = parse_ms("2026-11-20T10:00:00Z")
WELL = {"p_pdg": 2.1e7, "p_tpt": 1.1e7, "t_tpt": 110.0, "p_mon_ckp": 1.2e6, "t_jus_ckp": 71.5}
PRESSURES = [name for name in WELL if name.startswith("p_")]


def values_of(**gauges):
    row = np.full((1, len(SENSOR_NAMES)), np.nan)
    for name, value in gauges.items():
        row[0, SENSOR_INDEX[name]] = value
    return row


def center_of(**gauges):
    return values_of(**gauges)[0]


def found(center=None, **gauges):
    """Reasons of one reading."""
    row = values_of(**gauges)
    masks = likely_units(row, center)
    assert bool(masks.any()) <= bool(unusual(row, center)[0])
    return reasons_of(masks)[0]


def in_unit(unit, **gauges):
    """The gauges' values as a gauge set to a unit would send them."""
    sensors = {sensor.name: str(sensor.quantity) for sensor in SENSORS}
    changed = {name: UNITS[sensors[name]].get(unit) for name in gauges}
    return {
        name: float(changed[name].from_si(np.float64(value))) if changed[name] else value
        for name, value in gauges.items()
    }


def validated(**gauges):
    line = {"kind": "well", "well_id": "W", "facility_id": "F", "source": "s", "ts": to_iso(NOW), **gauges}
    return validate_block(encode_block([line]), sequence="1", now_ms=NOW).readings


class TestRange:
    @pytest.mark.parametrize("unit", ["bar", "kPa", "psi"])
    def test_names_the_unit_of_all_pressures(self, unit):
        assert found(**in_unit(unit, **WELL)) == tuple(
            f"unit:{name}:{unit}?" for name in ("p_mon_ckp", "p_pdg", "p_tpt")
        )

    def test_si_values_have_none(self):
        assert found(**WELL) == ()

    def test_names_both_where_it_cannot_decide(self):
        assert found(p_tpt=3000.0) == ("unit:p_tpt:kPa/psi?",)

    def test_another_gauge_decides(self):
        assert found(p_tpt=3000.0, p_pdg=4000.0) == ("unit:p_pdg:psi?", "unit:p_tpt:psi?")

    def test_a_platform_gauge_without_pressure_is_believed_while_the_others_are_in_pascals(self):
        assert found(**(WELL | {"p_mon_ckp": 3e4})) == ()
        assert found(**(WELL | {"p_mon_ckp": 25.0})) == ()

    def test_a_platform_gauge_is_not_while_the_well_is_in_the_same_unit(self):
        assert "unit:p_mon_ckp:bar?" in found(p_pdg=210.0, p_mon_ckp=12.0)
        # 12 is no pressure in kPa that such a gauge reports.
        assert "p_mon_ckp" not in " ".join(found(p_pdg=21000.0, p_mon_ckp=12.0))

    def test_platform_gauges_alone_must_all_say_the_same(self):
        assert found(p_mon_ckp=25.0, p_jus_ckgl=150.0) == ("unit:p_jus_ckgl:bar?", "unit:p_mon_ckp:bar?")
        assert found(p_mon_ckp=25.0) == ()
        assert found(p_mon_ckp=25.0, p_jus_ckgl=1.5e7) == ()

    def test_a_dead_gauge_is_no_witness(self):
        assert found(p_pdg=0.0, p_mon_ckp=25.0, p_jus_ckgl=150.0) != ()

    @pytest.mark.parametrize("value", [0.0, 0.5, 1e5, 1e8, -3.0, -1.2e42, np.inf, np.nan])
    def test_zero_and_impossible_pressures_are_no_units(self, value):
        assert found(p_pdg=value, p_tpt=value) == ()

    def test_hot_temperatures(self):
        assert found(t_tpt=242.0) == ("unit:t_tpt:degF?",)
        assert found(t_tpt=383.0) == ("unit:t_tpt:K?",)
        assert found(t_jus_ckp=345.0, t_tpt=110.0) == ("unit:t_jus_ckp:K?",)

    def test_a_frozen_platform_gauge_of_well_2_is_believed(self):
        assert found(t_jus_ckp=173.1, t_tpt=118.1) == ()


class TestBaseline:
    CENTER = center_of(**WELL)

    @pytest.mark.parametrize("unit", ["bar", "kPa", "psi"])
    @pytest.mark.parametrize("name", PRESSURES)
    def test_decides_for_one_gauge_alone(self, unit, name):
        one = in_unit(unit, **{name: WELL[name] * 1.2})
        assert found(self.CENTER, **(WELL | one)) == (f"unit:{name}:{unit}?",)

    def test_recognises_fahrenheit_in_a_cool_well(self):
        center = center_of(t_tpt=58.0, t_jus_ckp=32.0)
        assert found(center, t_tpt=136.4, t_jus_ckp=89.6) == (
            "unit:t_jus_ckp:degF?",
            "unit:t_tpt:degF?",
        )
        assert found(None, t_tpt=136.4, t_jus_ckp=89.6) == ()

    def test_a_hot_gauge_in_fahrenheit_is_recognised_while_it_cools(self):
        center = center_of(t_tpt=112.0)
        assert [bool(found(center, t_tpt=value)) for value in (233.0, 190.0, 143.0, 141.0, 112.0)] == [
            True,
            True,
            True,
            False,
            False,
        ]

    def test_a_cold_gauge_may_warm_up(self):
        assert found(center_of(t_tpt=12.0), t_tpt=60.0) == ()
        assert found(center_of(t_tpt=30.0), t_tpt=68.0) == ()

    def test_an_event_in_psi_is_still_in_psi(self):
        event = in_unit("psi", p_pdg=3.4e7, p_tpt=4e6, p_mon_ckp=4e5)
        assert found(self.CENTER, **event) == tuple(
            f"unit:{name}:psi?" for name in ("p_mon_ckp", "p_pdg", "p_tpt")
        )


class TestValidation:
    def test_keeps_the_value_and_lowers_the_quality(self):
        got = validated(**(WELL | {"p_pdg": 210.0}))
        assert got.values[0, SENSOR_INDEX["p_pdg"]] == 210.0
        assert got.reasons == [("unit:p_pdg:bar?",)]
        assert got.quality.tolist() == [pytest.approx(70 * 4 / 5 + 30 * 4 / 5)]

    def test_kelvin_is_impossible_and_says_why(self):
        got = validated(**(WELL | {"t_tpt": 383.0}))
        assert np.isnan(got.values[0, SENSOR_INDEX["t_tpt"]])
        assert got.reasons == [("unit:t_tpt:K?", "out_of_range:t_tpt")]
        assert got.quality.tolist() == [80.0]

    def test_usable_values_are_those_in_si(self):
        got = validated(**(WELL | {"p_pdg": 210.0}))
        at = np.array([SENSOR_INDEX["p_pdg"], SENSOR_INDEX["p_tpt"]])
        np.testing.assert_array_equal(usable_values(got, np.array([0]), at), [[np.nan, WELL["p_tpt"]]])


def test_reasons_can_be_told_apart():
    reasons = ("unit:p_pdg:bar?", "out_of_range:t_tpt", "unknown_field:unit")
    assert [sensor_of(one) for one in reasons] == ["p_pdg", None, None]
    assert without_units(reasons) == reasons[1:]
    assert gauge_units(reasons) == ("p_pdg:bar",)


MOST = max(sensor.high for sensor in SENSORS if sensor.quantity == "pressure")
PRESSURE = st.floats(1e5, MOST)
SI = st.fixed_dictionaries(
    {},
    optional={
        sensor.name: PRESSURE | st.just(0.0) if sensor.quantity == "pressure" else st.floats(-50, 150)
        for sensor in SENSORS
        if sensor.quantity in ("pressure", "temperature")
    },
)


class TestAnyWell:
    @given(SI)
    def test_si_values_in_range_are_never_tagged(self, gauges):
        assert found(**gauges) == ()

    @given(st.floats(1.2e7, 7.9e7), st.floats(2.1e6, 3.9e7), st.sampled_from(["bar", "kPa", "psi"]))
    def test_the_unit_is_always_among_those_named(self, pdg, tpt, unit):
        names = gauge_units(found(**in_unit(unit, p_pdg=pdg, p_tpt=tpt)))
        assert [name.split(":")[0] for name in names] == ["p_pdg", "p_tpt"]
        assert all(unit in name.split(":")[1].split("/") for name in names)

    @given(st.floats(1e6, 9e7), st.floats(0.8, 1.2), st.sampled_from(["bar", "kPa", "psi"]))
    @example(8.5e7, 1.17, "kPa")
    def test_a_baseline_always_decides(self, center, share, unit):
        # 1e8 Pa is out of a pressure's range in whatever unit, and in kPa it is an atmosphere in Pa.
        assume(center * share < MOST)
        one = in_unit(unit, p_mon_ckp=center * share)
        assert found(center_of(p_mon_ckp=center), **one) == (f"unit:p_mon_ckp:{unit}?",)

    @given(st.floats(1e6, 8e7), st.floats(0.8, 1.2), st.sampled_from(["bar", "kPa", "psi"]))
    def test_a_decided_value_is_converted_to_what_was_measured(self, center, share, unit):
        # 0.8 and 1.2 are within a quarter of the center whatever unit is named; kgf/cm2 is no candidate.
        assume(center * share < MOST)
        row, level = values_of(**in_unit(unit, p_mon_ckp=center * share)), center_of(p_mon_ckp=center)
        masks = likely_units(row, level)
        reasons = reasons_of(masks + DECIDED * decided_units(row, masks, level))
        assert reasons == [(f"unit:p_mon_ckp:{unit}",)]
        at = SENSOR_INDEX["p_mon_ckp"]
        assert converted(row, reasons)[0, at] == pytest.approx(center * share)
        assert converted(row, [(f"unit:p_mon_ckp:{unit}?",)])[0, at] == row[0, at]

    @given(st.lists(st.dictionaries(st.sampled_from(SENSOR_NAMES), st.floats()), min_size=1, max_size=5))
    @settings(max_examples=50)
    def test_each_reading_is_judged_by_itself(self, rows):
        values = np.vstack([values_of(**row) for row in rows])
        together = likely_units(values)
        np.testing.assert_array_equal(together, np.vstack([likely_units(row[None]) for row in values]))
        assert not together[~unusual(values)].any()

    @given(st.data(), st.integers(1, 4), st.integers(1, 6))
    @settings(max_examples=50)
    def test_readings_of_several_baselines_are_looked_through_as_each_by_its_own(self, data, baselines, n):
        def table(rows, elements):
            row = st.lists(elements, min_size=len(SENSOR_NAMES), max_size=len(SENSOR_NAMES))
            return np.array(data.draw(st.lists(row, min_size=rows, max_size=rows)))

        near = st.sampled_from([math.nan, 0.0, 1.0, 2.0, 40.0, 70.1, 110.0, 150.0, 151.0, 99_999.0, 1e5, 1e7])
        values, center = table(n, near), table(baselines, near)
        of_row = np.array(data.draw(st.lists(st.integers(-1, baselines - 1), min_size=n, max_size=n)))
        expected = [unusual(row[None], center[at])[0] for row, at in zip(values, of_row, strict=True)]
        assert unusual(values, center, of_row).tolist() == expected


def _instances():
    if not REAL_3W.is_dir():
        pytest.skip(f"needs real 3W instances in {REAL_3W}")
    return [read_instance(file) for file in find_instances(REAL_3W)]


def _center(instance):
    baseline = instance_baseline(normal_period(instance), 240)
    return center_of(**dict(zip(baseline.sensors, baseline.center, strict=True)))


def _centers(instances):
    for instance in instances:
        try:
            yield instance, _center(instance)
        except NoBaselineError:
            continue


def _masks(values, center):
    masks = np.zeros(values.shape, np.int8)
    at = np.flatnonzero(unusual(values, center))
    masks[at] = likely_units(values[at], center)
    return masks


class TestRealWells:
    def test_nothing_of_a_real_or_simulated_well_is_tagged(self):
        instances = [one for one in _instances() if one.event_class != 1]
        centers = [(one.well_id, center) for one, center in _centers(instances)]
        for one in instances:
            of_well = [center for well, center in centers if well == one.well_id]
            assert not any(_masks(one.values, center).any() for center in (None, *of_well)), one.source

    def test_the_drawn_wells_of_class_1_are_in_bar(self):
        drawn = [one for one in _instances() if one.event_class == 1]
        for one in drawn:
            reasons = {reason for row in reasons_of(_masks(one.values, None)) for reason in row}
            assert reasons == {f"unit:{name}:bar?" for name in ("p_mon_ckp", "p_pdg", "p_tpt")}, one.source

    @pytest.mark.parametrize("unit", ["bar", "kPa", "psi", "degF"])
    def test_every_normal_period_in_another_unit_is_tagged(self, unit):
        quantity = "temperature" if unit == "degF" else "pressure"
        columns = [at for at, sensor in enumerate(SENSORS) if sensor.quantity == quantity]
        tried = 0
        for one, center in _centers([one for one in _instances() if one.event_class != 1]):
            period = normal_period(one)
            values = one.values[period.start : period.end].copy()
            sent = np.isfinite(values[:, columns]) & (values[:, columns] != 0)
            changed = UNITS[quantity][unit].from_si(values[:, columns])
            values[:, columns] = np.where(sent, changed, values[:, columns])
            sent &= np.abs(values[:, columns]) < 1e8
            masks = _masks(values, center)[:, columns]
            assert (masks[sent] > 0).all(), one.source
            tried += int(sent.any())
        assert tried >= 22
