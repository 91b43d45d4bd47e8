"""Which event is named first: what counts, unit repair, and the command."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ml.data.dataset import InstanceFile, read_instance, write_instance
from ml.evaluation.repair import repaired
from ml.naming import Named, app, listed, summarise
from ml.simulate import simulate_instance
from petrostream.schema import SENSOR_INDEX, SENSORS
from tests.support.paths import REAL_3W

PRESSURES = [at for at, sensor in enumerate(SENSORS) if sensor.quantity == "pressure"]


def named(event_class=3, first_s=None, right_s=None, hours=10.0, **alarms):
    file = InstanceFile(Path("3/one.parquet"), event_class, "WELL-00014")
    first = None if first_s is None else "flow_instability"
    return Named(file, False, {}, hours, alarms, 0, first, "flow instability", first_s, right_s)


def test_an_event_is_named_first_only_by_its_first_alarm():
    first, later, never = named(first_s=50.0, right_s=50.0), named(first_s=50.0, right_s=70.0), named()
    figures = summarise([first, later, never])

    assert (figures["found"], figures["named_first"], figures["named_later"]) == (2, 1, 1)


def test_dhsv_alarms_are_misfires_in_other_events_only():
    figures = summarise([named(dhsv_closure=2), named(event_class=2, dhsv_closure=5, hours=7.0)])

    assert figures["dhsv_misfires"] == 2
    assert figures["dhsv_misfires_per_hour"] == 0.2
    assert figures["dhsv_misfires_per_hour_at_most"] == pytest.approx(0.6296, abs=1e-3)


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    return simulate_instance(tmp_path_factory.mktemp("3w"), 2, 1, seed=7, minutes=40)


def test_instances_in_the_schemas_units_are_left_alone(instance):
    found, units = repaired(instance)

    assert found is instance
    assert units == {}


def test_pressures_in_bar_are_converted(instance):
    values = instance.values.copy()
    values[:, PRESSURES] /= 1e5
    found, units = repaired(replace(instance, values=values))

    assert {"p_pdg", "p_tpt"} <= set(units)
    assert set(units.values()) == {"bar"}
    for name in units:
        at = SENSOR_INDEX[name]
        np.testing.assert_allclose(found.values[:, at], instance.values[:, at], rtol=1e-9)


def test_a_gauge_that_is_rarely_in_another_unit_is_not_converted(instance):
    values = instance.values.copy()
    values[:100, PRESSURES] /= 1e5

    assert repaired(replace(instance, values=values))[1] == {}


def test_each_instance_has_its_line(tmp_path):
    for event_class in (2, 3):
        write_instance(simulate_instance(tmp_path / "data", event_class, 1, seed=7, minutes=40))
    out = tmp_path / "new" / "a.json"
    arguments = ["--data", str(tmp_path / "data"), "--class", "2", "--class", "3", "--json", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    figures = json.loads(out.read_bytes())
    closure, slugs = figures["instances"]

    assert (closure["instance"], slugs["instance"]) == ("2/SIMULATED_00001", "3/SIMULATED_00001")
    assert closure["baseline"]
    assert closure["first_s"] < 60
    assert closure["dhsv_misfires"] is None
    assert closure["named_s"] is not None
    assert slugs["dhsv_misfires"] == slugs["alarms"].get("dhsv_closure", 0)
    assert "2/SIMULATED_00001" in result.output
    assert set(figures["classes"]) == {"2 spurious closure of DHSV", "3 severe slugging"}


def test_a_line_has_what_the_figures_are_made_of():
    line = listed(named(first_s=5.0, right_s=5.0, dhsv_closure=1))

    assert line["named_first"]
    assert line["dhsv_misfires"] == 1


@pytest.mark.real3w
@pytest.mark.skipif(not REAL_3W.is_dir(), reason=f"no real 3W instances at {REAL_3W} (set PETROSTREAM_3W)")
def test_drawn_instances_are_in_bar():
    files = sorted((REAL_3W / "1").glob("DRAWN_*.parquet"))
    units = [repaired(read_instance(file))[1] for file in files]

    assert len(units) == 4
    assert all(one == {"p_mon_ckp": "bar", "p_pdg": "bar", "p_tpt": "bar"} for one in units)
