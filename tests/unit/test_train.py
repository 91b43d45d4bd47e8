"""Training: what a baseline is, who gets one, and that the published files score as the report says."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime

import joblib
import numpy as np
import pytest
from typer.testing import CliRunner

from ml.baseline import NoBaselineError, make_baseline, normal_period
from ml.dataset import NO_LABEL, write_instance
from ml.forest import (
    BACKGROUND_SHARE,
    ParityError,
    background,
    check_parity,
    choose_threshold,
    fit_forest,
)
from ml.models import train_fleet, train_wells
from ml.simulate import simulate_instance
from ml.train import app, write_version
from petrostream.detector import detect, load_model
from petrostream.feature_plan import feature_names
from petrostream.features import quantise, scale_floors, window_stats
from petrostream.sensors import SENSOR_INDEX

P_TPT, T_TPT = SENSOR_INDEX["p_tpt"], SENSOR_INDEX["t_tpt"]
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def wells(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wells")
    made = [simulate_instance(folder, *one, seed=7, minutes=45) for one in ((2, 2), (6, 1), (0, 2))]
    return {one.well_id: [one] for one in made}


@pytest.fixture(scope="module")
def fleet(wells):
    return train_wells(wells, seed=7)


@pytest.fixture
def well(wells):
    return wells["SIM-2-00002"][0]


def shown(instance, rows):
    """The instance with only these rows."""
    arrays = {name: getattr(instance, name)[rows] for name in ("ts_ms", "values", "label", "state")}
    return replace(instance, **arrays)


def served(trained, instance):
    model = load_model(trained.entry, trained.onnx)
    values = normal_period(instance).values
    counts = quantise(values[:, model.plan.sensors], model.plan.sensors)
    return detect(model, window_stats(instance.ts_ms, counts, model.plan.sensors))


def test_the_normal_period_is_what_comes_before_the_first_other_label(well):
    early = well.values.copy()
    early[:100] = np.nan
    period = normal_period(replace(well, values=early))
    first_other = int(np.argmax(well.label != 0))
    assert (period.start, period.end) == (100, first_other)
    assert period.split == 100 + int(0.6 * (first_other - 100))


def test_a_baseline_is_centre_and_scale_of_the_first_part(well):
    baseline = make_baseline("W", [normal_period(well)])
    part = normal_period(well).training[:, P_TPT]
    at = baseline.sensors.index("p_tpt")
    assert baseline.center[at] == pytest.approx(np.nanmedian(part))
    assert baseline.scale[at] == pytest.approx(max(np.nanstd(part), 1e4))
    assert (baseline.scale >= scale_floors([SENSOR_INDEX[name] for name in baseline.sensors])).all()


def test_missing_frozen_broken_gauges_and_settings_take_no_part(well):
    values = well.values.copy()
    values[:, SENSOR_INDEX["p_pdg"]] = -1.2e42
    values[:, SENSOR_INDEX["p_mon_ckp"]] = 3.1e6
    values[np.arange(len(values)) % 3 > 0, SENSOR_INDEX["t_jus_ckp"]] = np.nan
    baseline = make_baseline("W", [normal_period(replace(well, values=values))])
    assert baseline.excluded["p_pdg"] == "missing"
    assert baseline.excluded["p_mon_ckp"] == "frozen"
    assert baseline.excluded["t_jus_ckp"].startswith("present in ")
    assert baseline.excluded["estado_m1"] == "a setting, not a measurement"
    assert {"p_tpt", "t_tpt"} <= set(baseline.sensors)


def test_two_operating_levels_do_not_widen_the_scale(well):
    higher = replace(well, values=well.values + 5e5)
    one = make_baseline("W", [normal_period(well)])
    both = make_baseline("W", [normal_period(well), normal_period(higher)])
    at = one.sensors.index("p_tpt")
    assert both.scale[at] == pytest.approx(one.scale[at], rel=0.01)


def test_wells_without_a_usable_normal_period_are_refused_with_the_reason(well):
    short = shown(well, slice(0, 600))
    event_only = shown(well, well.label > 0)
    values = np.full_like(well.values, np.nan)
    values[:, P_TPT] = well.values[:, P_TPT]
    one_gauge = replace(well, values=values)
    late = well.values.copy()
    end = normal_period(well).end
    late[int(0.6 * end) : end, :] += np.linspace(0, 1, end - int(0.6 * end))[:, None] * 2e6
    unsteady = replace(well, values=late)
    fleet = train_wells(
        {"short": [short], "event": [event_only], "gauge": [one_gauge], "unsteady": [unsteady]}, seed=1
    )
    assert fleet.trained == {}
    assert fleet.refused["short"] == "its normal period is 600 s; at least 900 s are needed"
    assert fleet.refused["event"] == "no normal operation is labelled"
    assert fleet.refused["gauge"] == "only 1 of its gauges are there and moving (p_tpt)"
    assert fleet.refused["unsteady"].startswith("its normal operation is not steady: ")


def test_unlabelled_rows_end_the_normal_period(well):
    label = well.label.copy()
    label[700] = NO_LABEL
    with pytest.raises(NoBaselineError, match="normal period is 700 s"):
        make_baseline("W", [normal_period(replace(well, label=label))])


def test_models_are_quiet_in_held_out_normal_operation_and_flag_the_event(fleet, wells):
    for well_id, trained in fleet.trained.items():
        (instance,) = wells[well_id]
        flags = served(trained, instance).anomalous
        period = normal_period(instance)
        assert flags[period.split : period.end].mean() < 0.01, well_id
        if instance.in_event.any():
            assert flags[instance.in_event].mean() > 0.5, well_id


def test_what_the_report_says_of_an_event_is_what_serving_does(fleet, wells):
    trained, (instance,) = fleet.trained["SIM-2-00002"], wells["SIM-2-00002"]
    (event,) = trained.entry["metrics"]["events"]
    flags = served(trained, instance).anomalous
    start = int(np.argmax(instance.in_event))
    assert event["flagged"] == pytest.approx(flags[start:].mean())
    assert flags[start + event["delay_s"] - 9 : start + event["delay_s"] + 1].all()


def test_nothing_is_chosen_by_the_event(fleet, well):
    values = well.values.copy()
    values[well.label != 0] = np.nan
    blind = train_wells({well.well_id: [replace(well, values=values)]}, seed=7).trained[well.well_id]
    seeing = fleet.trained[well.well_id]
    assert blind.onnx == seeing.onnx
    assert blind.entry["threshold"] == seeing.entry["threshold"]
    assert blind.entry["center"] == seeing.entry["center"]


def test_training_is_deterministic_and_each_well_is_its_own(fleet, wells):
    alone = train_wells({"SIM-6-00001": wells["SIM-6-00001"]}, seed=7).trained["SIM-6-00001"]
    assert alone.onnx == fleet.trained["SIM-6-00001"].onnx
    assert alone.entry == fleet.trained["SIM-6-00001"].entry
    other = train_wells({"SIM-6-00001": wells["SIM-6-00001"]}, seed=8).trained["SIM-6-00001"]
    assert other.onnx != alone.onnx


def test_the_fleet_model_knows_no_levels(fleet, wells):
    trained = train_fleet(fleet, seed=7)
    assert trained.entry["kind"] == "fleet"
    assert not any(":mean_" in name for name in trained.entry["feature_names"])
    (instance,) = wells["SIM-0-00002"]
    period = normal_period(instance)
    moved = instance.values.copy()
    moved[:, [P_TPT, T_TPT]] += [2e6, 10.0]
    before = served(trained, instance)
    after = served(trained, replace(instance, values=moved))
    # Rounding to the features' quantum moves with the level, so equal to a hair, not to the bit.
    np.testing.assert_allclose(before.score, after.score, atol=0.02)
    assert before.anomalous[: period.end].mean() < 0.05


def test_a_fleet_of_one_has_no_fleet_model(wells):
    one = train_wells({"SIM-0-00002": wells["SIM-0-00002"]}, seed=7)
    assert train_fleet(one, seed=7) is None


NAMES = feature_names(("p_tpt", "t_tpt"))


def normal_rows(n=900):
    return np.random.default_rng(4).normal(scale=0.5, size=(n, len(NAMES)))


def test_background_is_a_tenth_and_reaches_twenty_units():
    rows = np.zeros((9000, len(NAMES)))
    extra = background(rows, NAMES, np.random.default_rng(0))
    assert len(extra) == pytest.approx(BACKGROUND_SHARE * (len(rows) + len(extra)), rel=0.01)
    mean, std, slope = (NAMES.index(f"p_tpt:{name}") for name in ("mean_60", "std_60", "slope_60"))
    assert 15 < np.abs(extra[:, mean]).max() <= 20
    assert extra[:, std].min() >= 0
    assert np.abs(extra[:, slope]).max() <= 2 * 20 / 60


def test_readings_further_away_score_higher():
    fitted = fit_forest(normal_rows(), NAMES, np.random.default_rng(1))
    means = [at for at, name in enumerate(NAMES) if ":mean_" in name]
    scores = []
    for distance in (0, 3, 10):
        row = np.zeros((1, len(NAMES)))
        row[:, means] = distance
        scores.append(-fitted.forest.score_samples(row.astype(np.float32))[0])
    assert scores == sorted(scores)
    assert scores[2] > scores[0] + 0.05


def test_a_missing_gauge_is_filled_with_the_middle():
    rows = normal_rows()
    rows[:300, :9] = np.nan
    fitted = fit_forest(rows, NAMES, np.random.default_rng(1))
    np.testing.assert_allclose(fitted.feature_center[:9], np.median(rows[300:, :9], axis=0))
    assert fitted.rows == 900


def test_a_wrong_onnx_file_is_not_published():
    one = fit_forest(normal_rows(), NAMES, np.random.default_rng(1))
    other = fit_forest(normal_rows(), NAMES, np.random.default_rng(2))
    rows = normal_rows(50).astype(np.float32)
    assert check_parity(one.forest, one.onnx, NAMES, rows) < 1e-5
    with pytest.raises(ParityError, match="ONNX and scikit-learn scores differ"):
        check_parity(one.forest, other.onnx, NAMES, rows)


@pytest.mark.parametrize(
    ("scores", "expected"), [([0.3] * 9, 0.48), ([0.5, np.nan], 0.54), ([0.7], 0.58), ([np.nan], 0.53)]
)
def test_the_threshold_lies_above_held_out_normal_scores_within_limits(scores, expected):
    assert choose_threshold(np.array(scores), (0.48, 0.58)) == pytest.approx(expected)


def test_a_version_is_whole_and_its_digests_are_true(fleet, tmp_path):
    fleet_model = train_fleet(fleet, seed=7)
    written = write_version(tmp_path, "v1", fleet, fleet_model, created_at=WHEN)
    manifest = json.loads((tmp_path / "v1" / "manifest.json").read_text())
    assert manifest == json.loads(json.dumps(written))
    assert (manifest["format"], manifest["version"]) == (1, "v1")
    assert manifest["created_at"] == "2026-01-02T03:04:05Z"
    assert manifest["features"]["windows_s"] == [30, 60, 180]
    assert json.loads((tmp_path / "current.json").read_text()) == {"version": "v1"}
    for entry in [*manifest["wells"].values(), manifest["fleet"]]:
        for kind in ("onnx", "joblib"):
            content = (tmp_path / "v1" / entry[kind]["path"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == entry[kind]["sha256"]
            assert len(content) == entry[kind]["bytes"]
        assert len(entry["center"]) == len(entry["scale"]) == len(entry["sensors"])
        assert entry["metrics"]["parity"] < 1e-5
    entry = manifest["wells"]["SIM-6-00001"]
    assert entry["training"]["instances"] == ["6/SIMULATED_00001"]
    forest = joblib.load(tmp_path / "v1" / entry["joblib"]["path"])
    assert len(forest.estimators_) == entry["training"]["trees"] == 100


def test_the_command_line_trains_reports_and_publishes(wells, well, tmp_path):
    for instance in (wells["SIM-6-00001"][0], shown(well, slice(0, 300))):
        path = tmp_path / "data" / str(instance.event_class) / instance.path.name
        write_instance(replace(instance, path=path))
    arguments = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "models"), "--version", "first"]
    result = CliRunner().invoke(app, [*arguments, "--publish", str(tmp_path / "registry")])
    assert result.exit_code == 0, result.output
    assert "SIM-2-00002: no baseline, its normal period is 300 s" in result.output
    assert "ONNX and scikit-learn scores agree to" in result.output
    report = (tmp_path / "models/first/report.md").read_text()
    assert "| SIM-6-00001 |" in report
    assert "| SIM-2-00002 | its normal period is 300 s" in report
    assert "quick restriction in PCK" in report
    assert json.loads((tmp_path / "registry/models/current.json").read_text()) == {"version": "first"}


def test_the_command_line_explains_errors_without_a_traceback(well, tmp_path):
    result = CliRunner().invoke(app, ["--data", str(tmp_path / "none")])
    assert result.exit_code == 1
    assert "there is no such folder" in result.output
    write_instance(replace(shown(well, slice(0, 300)), path=tmp_path / "2" / well.path.name))
    result = CliRunner().invoke(app, ["--data", str(tmp_path), "--out", str(tmp_path / "models")])
    assert result.exit_code == 1
    assert "nothing to publish" in result.output
    result = CliRunner().invoke(app, ["--data", str(tmp_path), "--version", "../up"])
    assert result.exit_code == 1
    assert "must be up to 64 letters" in result.output
