"""Simulated instances: the layout, the labels and the physics that the rest of the project relies on."""

import numpy as np
import pytest
from typer.testing import CliRunner

from ml.data.dataset import NO_LABEL, find_instances, read_instance
from ml.simulate import app, plan, simulate_dataset, simulate_instance
from petrostream.schema.sensors import SENSOR_INDEX, SENSORS, bounds

P_TPT, T_TPT, P_PDG = (SENSOR_INDEX[name] for name in ("p_tpt", "t_tpt", "p_pdg"))
P_MON_CKP = SENSOR_INDEX["p_mon_ckp"]
BAR = 1e5


@pytest.fixture(scope="module")
def make(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")

    def make(event_class, number=1, seed=7):
        return simulate_instance(folder, event_class, number, seed=seed)

    return make


def change(instance, column, seconds):
    """Change of a gauge from its normal median to `seconds` after the first labelled event row."""
    start = int(np.argmax(instance.in_event)) + seconds
    normal = np.nanmedian(instance.values[instance.label == 0, column])
    return np.nanmedian(instance.values[start : start + 40, column]) - normal


@pytest.mark.parametrize("event_class", [0, 2, 3, 6])
def test_the_same_seed_gives_the_same_values(make, event_class):
    one, again, other = make(event_class), make(event_class), make(event_class, seed=8)
    np.testing.assert_array_equal(one.values, again.values)
    np.testing.assert_array_equal(one.label, again.label)
    assert one.values.shape != other.values.shape or not np.array_equal(
        one.values, other.values, equal_nan=True
    )


@pytest.mark.parametrize("number", range(1, 5))
@pytest.mark.parametrize("event_class", [2, 3, 6])
def test_twenty_normal_minutes_come_first_then_the_event(make, event_class, number):
    instance = make(event_class, number)
    changes = np.flatnonzero(np.diff(instance.label)) + 1
    order = instance.label[[0, *changes]].tolist()
    steps = [event_class + 100, event_class] if event_class in {2, 6} else [event_class]
    assert order == [0, NO_LABEL, *steps]
    assert changes[0] >= 1200
    assert 0 < changes[1] - changes[0] < 60
    assert (np.diff(instance.ts_ms) == 1000).all()


def test_normal_operation_has_no_event(make):
    assert (make(0).label == 0).all()


@pytest.mark.parametrize("number", range(1, 5))
def test_a_closed_dhsv_cools_the_tree_and_shuts_the_reservoir_in(make, number):
    instance = make(2, number)
    assert change(instance, T_TPT, 600) < -20
    assert change(instance, P_TPT, 600) < -15 * BAR
    if number != 3:
        assert 3 * BAR < change(instance, P_PDG, 60) < 20 * BAR
    valve = instance.values[:, SENSOR_INDEX["estado_m1"]]
    assert np.nanmin(valve) == 1.0


@pytest.mark.parametrize("number", range(1, 5))
def test_a_restricted_choke_raises_the_pressure_before_it_first(make, number):
    instance = make(6, number)
    assert change(instance, P_MON_CKP, 60) > 3 * BAR
    assert change(instance, P_TPT, 20) < 0.5 * change(instance, P_MON_CKP, 20)
    assert change(instance, P_TPT, 900) > 2 * BAR


def test_slugging_swings_the_tree(make):
    instance = make(3)
    quiet = np.nanstd(instance.values[instance.label == 0, P_TPT])
    assert np.nanstd(instance.values[instance.label == 3, P_TPT]) > 5 * quiet


def test_normal_operation_stays_near_its_level(make):
    spread = np.nanstd(make(0).values[:, P_TPT])
    assert 0.02 * BAR < spread < 1.0 * BAR


def test_a_default_set_has_every_gauge_fault_and_otherwise_possible_values(make):
    made = [make(event_class, number) for event_class, number in plan(8)]
    low, high = bounds()
    assert any(np.isnan(one.values[:30]).all() for one in made), "an all-null start"
    missing = [np.isnan(one.values).all(axis=0).sum() for one in made]
    assert min(missing) >= 1
    assert any((one.values[:, P_PDG] < -1e40).all() or (one.values[:, P_PDG] == 0).all() for one in made)
    frozen = [one.values[:, SENSOR_INDEX["p_jus_ckp"]] for one in made]
    assert any(np.nanmax(column) == np.nanmin(column) for column in frozen)
    impossible = [((one.values < low) | (one.values > high)).sum(axis=0) for one in made]
    allowed = {"p_pdg", "t_jus_ckp"}
    for counts in impossible:
        assert {SENSORS[i].name for i in np.flatnonzero(counts)} <= allowed
    assert 20_000 < sum(map(len, made)) < 30_000


def test_a_larger_set_holds_the_smaller_one(tmp_path):
    small = list(plan(4))
    assert list(plan(12))[:4] == small
    assert len(set(plan(40))) == 40


def test_what_is_written_is_a_3w_dataset(tmp_path):
    made = list(simulate_dataset(tmp_path, seed=3, instances=2, minutes=40))
    files = find_instances(tmp_path)
    assert [file.source for file in files] == ["2/SIMULATED_00001", "6/SIMULATED_00001"]
    assert [file.well_id for file in files] == ["SIM-2-00001", "SIM-6-00001"]
    np.testing.assert_array_equal(read_instance(files[0]).values, made[0].values)


def test_impossible_wishes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="class 4 can't be simulated; choose from 0, 1, 2, 3, 5, 6"):
        simulate_instance(tmp_path, 4, 1, seed=1)
    with pytest.raises(ValueError, match="10 minutes is too short; an instance needs at least 40"):
        simulate_instance(tmp_path, 2, 1, seed=1, minutes=10)


def test_the_command_line(tmp_path):
    result = CliRunner().invoke(app, ["--out", str(tmp_path), "--instances", "1", "--minutes", "40"])
    assert result.exit_code == 0, result.output
    assert "SIM-2-00001" in result.output
    assert (tmp_path / "2" / "SIMULATED_00001.parquet").is_file()


def test_the_command_line_says_when_it_cannot_write(tmp_path):
    (tmp_path / "taken").touch()
    result = CliRunner().invoke(app, ["--out", str(tmp_path / "taken"), "--instances", "1"])
    assert result.exit_code == 1
    assert "Can't write" in result.output
