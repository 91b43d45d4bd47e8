"""Units of a fleet file, and units that the values suggest."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.data.dataset import find_instances, write_instance
from ml.data.units import (
    UnitMap,
    UnitRepair,
    UnitsInvalid,
    apparent_units,
    described,
    in_schema_units,
    read_units,
    unit_problems,
    unit_repair,
)
from ml.simulate import simulate_instance
from ml.training.baseline import NoBaselineError, instance_baseline, normal_period
from petrostream.schema import SENSOR_INDEX, SENSORS
from petrostream.units import UNITS
from tests.support.paths import REAL_3W

PRESSURES = [at for at, sensor in enumerate(SENSORS) if sensor.quantity == "pressure"]


@pytest.fixture
def instance(tmp_path):
    return simulate_instance(tmp_path, 0, 2, seed=7, minutes=45)


def file_of(folder, content):
    path = folder / "fleet.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


class TestFleetFile:
    def test_a_wells_entry_comes_before_the_fleets_and_a_variable_before_its_quantity(self, tmp_path):
        units = read_units(
            file_of(
                tmp_path,
                {
                    "units": {"pressure": "bar", "p_mon_ckp": "kPa", "T-TPT": "degF"},
                    "wells": {"W": {"units": {"p_pdg": "psi", "P-TPT": "Pa"}}, "V": {"facility": "FAC-01"}},
                },
            )
        )
        own = units.of("W")
        assert (own["p_pdg"], own["p_mon_ckp"], own["p_anular"], own["t_tpt"]) == (
            "psi",
            "kPa",
            "bar",
            "degF",
        )
        assert "p_tpt" not in own
        assert units.of("V")["p_pdg"] == "bar"
        assert "t_pdg" not in units.of("V")

    def test_a_wells_quantity_comes_before_the_fleets_variable(self):
        assert UnitMap({"p_pdg": "bar"}, {"W": {"pressure": "Pa"}}).of("W") == {}

    def test_without_units_there_are_none(self, tmp_path):
        assert read_units(file_of(tmp_path, {"W": "FAC-01"})).of("W") == {}

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (
                {"units": {"p_pdg": "PSI"}},
                "units.p_pdg: 'PSI' is no unit of a pressure; use Pa, kPa, MPa, bar",
            ),
            ({"units": {"t_tpt": "psi"}}, "'psi' is no unit of a temperature; use degC, degF, K"),
            ({"units": {"p_pgd": "psi"}}, "'p_pgd' is neither .*; did you mean p_pdg?"),
            ({"units": {"aber_ckp": "psi"}}, "'aber_ckp' is neither a pressure nor a temperature"),
            ({"units": {"p_pdg": "psi", "P-PDG": "bar"}}, "names p_pdg twice"),
            ({"units": ["psi"]}, "units: .* is not an object"),
            ({"units": {"p_pdg": ["psi"]}}, "is no unit of a pressure"),
            ({"wells": {"W": {"units": {"p_pdg": 7}}}}, "wells.W.units.p_pdg: 7 is no unit"),
            ({"wells": {"W": {"unit": {"p_pdg": "psi"}}}}, "wells.W.unit: is not read; write units"),
            ({"Units": {"p_pdg": "psi"}}, "Units: is not read; write units"),
            ({"wells": ["W"]}, "wells: .* is not an object of wells"),
            ("{", "is not JSON"),
            ("[]", "is not an object"),
        ],
    )
    def test_a_mistake_is_named_with_file_place_value_and_what_is_possible(self, tmp_path, content, message):
        with pytest.raises(UnitsInvalid, match=message) as caught:
            read_units(file_of(tmp_path, content))
        assert "fleet.json" in str(caught.value)

    def test_a_missing_file_is_named(self, tmp_path):
        with pytest.raises(UnitsInvalid, match=r"nowhere\.json: can't be read"):
            read_units(tmp_path / "nowhere.json")


UNIT = st.sampled_from([(q, u) for q, units in UNITS.items() for u in units])


class TestConversion:
    @given(UNIT, st.floats(-50, 1e8))
    def test_to_any_unit_and_back_is_the_same(self, unit, value):
        quantity, name = unit
        sent = UNITS[quantity][name].from_si(np.array([value]))
        column = SENSOR_INDEX["p_pdg" if quantity == "pressure" else "t_pdg"]
        row = np.full((1, len(SENSORS)), np.nan)
        row[0, column] = sent[0]
        if sent[0] != 0:
            got = UnitMap({quantity: name}).convert("W", row)[0, column]
            assert got == pytest.approx(value, rel=1e-9, abs=1e-6)

    def test_known_points(self):
        assert UNITS["pressure"]["psi"].to_si(np.array([14.5037738])) == pytest.approx(1e5)
        assert UNITS["temperature"]["degF"].to_si(np.array([32.0, 212.0])) == pytest.approx([0.0, 100.0])
        assert UNITS["temperature"]["K"].to_si(np.array([273.15])) == pytest.approx([0.0])

    def test_leaves_missing_values_zeros_and_other_columns(self):
        values = np.full((3, len(SENSORS)), 5.0)
        at = SENSOR_INDEX["t_tpt"]
        values[:, at] = [np.nan, 0.0, 212.0]
        got = in_schema_units(values, {"t_tpt": "degF"})
        np.testing.assert_allclose(got[:, at], [np.nan, 0.0, 100.0])
        assert (np.delete(got, at, axis=1) == 5.0).all()
        assert values[2, at] == 212.0


def test_units_in_words():
    units = UnitMap({"pressure": "psi", "t_tpt": "degF"}).of("W")
    assert described(units) == "every pressure from psi; t_tpt from degF"
    assert described({"p_pdg": "bar", "p_tpt": "bar"}) == "p_pdg, p_tpt from bar"


class TestApparentUnits:
    @pytest.mark.parametrize("unit", ["bar", "kPa", "psi"])
    def test_are_found_and_repaired_value_by_value(self, instance, unit):
        values = instance.values.copy()
        values[300:, PRESSURES] = UNITS["pressure"][unit].from_si(values[300:, PRESSURES])
        write_instance(replace(instance, values=values))
        repair = UnitRepair(None)
        (file,) = find_instances(instance.path.parents[1])
        got = repair.read(file)
        np.testing.assert_allclose(got.values, instance.values, rtol=1e-12)
        assert set(repair.done[instance.source].values()) == {unit}
        assert f"from {unit} converted as detected" in repair.lines()[0]

    def test_of_healthy_values_are_none(self, instance):
        assert apparent_units(instance.values) == []
        assert unit_problems("W", "file", instance.values) == []

    def test_of_a_few_values_are_none(self, instance):
        values = instance.values.copy()
        values[:3, SENSOR_INDEX["p_pdg"]] = 210.0
        assert apparent_units(values) == []

    def test_without_an_option_nothing_is_converted(self, instance):
        write_instance(instance)
        (file,) = find_instances(instance.path.parents[1])
        repair = unit_repair(None)
        np.testing.assert_array_equal(repair.read(file).values, instance.values)
        assert repair.lines() == []


def test_the_drawn_wells_of_class_1_have_a_baseline_once_repaired():
    if not REAL_3W.is_dir():
        pytest.skip(f"needs real 3W instances in {REAL_3W}")
    raw, repair = UnitRepair(UnitMap()), UnitRepair(None)
    drawn = [file for file in find_instances(REAL_3W) if file.event_class == 1]
    for file in drawn:
        with pytest.raises(NoBaselineError, match=rf"{file.source}: p_pdg is .* looks like bar, not Pa"):
            instance_baseline(normal_period(raw.read(file)), 240)
        baseline = instance_baseline(normal_period(repair.read(file)), 240)
        assert baseline.center[baseline.sensors.index("p_pdg")] > 1e7
