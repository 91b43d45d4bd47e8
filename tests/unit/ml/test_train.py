"""Training: what a baseline is, who gets one, and that the published files score as the report says."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime

import joblib
import numpy as np
import pytest
from typer.testing import CliRunner

from ml.data.dataset import NO_LABEL, write_instance
from ml.simulate import simulate_instance
from ml.train import app
from ml.training.baseline import NoBaselineError, instance_baseline, make_baseline, normal_period
from ml.training.files import write_version
from ml.training.forest import BACKGROUND_SHARE, ParityError, background, check_parity, fit_forest
from ml.training.metrics import serve
from ml.training.models import Options, train
from ml.training.pool import Pool
from ml.training.synthetic import synthetic_rows
from petrostream.detection.detector import ModelSet, load_models
from petrostream.detection.extraction import feature_names
from petrostream.gauges.floors import scale_floors
from petrostream.schema.sensors import SENSOR_INDEX
from petrostream.times import parse_ms

P_TPT, T_TPT = SENSOR_INDEX["p_tpt"], SENSOR_INDEX["t_tpt"]
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
WEEK_MS = 7 * 86_400_000
FEW = Options(trees=10)


@pytest.fixture(scope="module")
def wells(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wells")
    made = [simulate_instance(folder, *one, seed=7, minutes=45) for one in ((2, 2), (6, 1), (0, 2))]
    return {one.well_id: [one] for one in made}


@pytest.fixture(scope="module")
def training(wells):
    return train(wells)


@pytest.fixture(scope="module")
def few_trees(wells):
    return train(wells, FEW)


@pytest.fixture
def well(wells):
    return wells["SIM-2-00002"][0]


def shown(instance, rows):
    """The instance with only these rows."""
    arrays = {name: getattr(instance, name)[rows] for name in ("ts_ms", "values", "label", "state")}
    return replace(instance, **arrays)


def later(instance, days, bar=0.0):
    """The instance again, days later, at another pressure; with other values so that it is no copy."""
    ts_ms = instance.ts_ms + int(days * 86_400_000)
    return replace(instance, ts_ms=ts_ms, values=instance.values + bar * 1e5)


def served(training, instance, well_id=None):
    well_id = well_id or instance.well_id
    own = {well_id: load_models(training.wells[well_id], training.forest.load())}
    fleet = load_models(training.fleet, training.fleet_forest.load())[0]
    return serve(ModelSet("v1", own, fleet), instance, normal_period(instance).values)


class TestBaseline:
    def test_the_normal_period_is_what_comes_before_the_first_other_label(self, well):
        early = well.values.copy()
        early[:100] = np.nan
        period = normal_period(replace(well, values=early))
        first_other = int(np.argmax(well.label != 0))
        assert (period.start, period.end) == (100, first_other)
        assert period.split == 100 + int(0.6 * (first_other - 100))

    def test_is_mean_and_variation_of_the_first_part_widened_where_that_is_short(self, well):
        period = normal_period(well)
        baseline = instance_baseline(period)
        part = period.values[period.start : period.split, P_TPT]
        at = baseline.sensors.index("p_tpt")
        widening = np.sqrt(1800 / np.isfinite(part).sum())
        assert 1 < widening < 2
        assert baseline.center[at] == pytest.approx(np.nanmean(part))
        assert baseline.scale[at] == pytest.approx(widening * max(np.nanstd(part), 1e4))
        assert (baseline.scale >= scale_floors([SENSOR_INDEX[name] for name in baseline.sensors])).all()

    def test_missing_frozen_zeroed_and_broken_gauges_and_settings_take_no_part(self, well):
        values = well.values.copy()
        values[:, SENSOR_INDEX["p_pdg"]] = -1.2e42
        values[:, SENSOR_INDEX["p_mon_ckp"]] = 3.1e6
        values[:, SENSOR_INDEX["p_anular"]] = 0.0
        values[np.arange(len(values)) % 20 > 0, SENSOR_INDEX["t_jus_ckp"]] = np.nan
        baseline = instance_baseline(normal_period(replace(well, values=values)))
        assert baseline.excluded["p_pdg"] == "missing"
        assert baseline.excluded["p_anular"] == "missing"
        assert baseline.excluded["p_mon_ckp"] == "frozen"
        assert baseline.excluded["t_jus_ckp"] == "present in 5% of the readings"
        assert baseline.excluded["estado_m1"] == "neither a pressure nor a temperature"
        assert {"p_tpt", "t_tpt"} <= set(baseline.sensors)

    @pytest.mark.parametrize(
        ("rows", "why"),
        [
            (slice(0, 900), "540 s of normal operation, at least 600 s"),
            (slice(-5, None), "no normal operation"),
        ],
    )
    def test_a_period_that_is_too_short_is_refused_with_its_length(self, well, rows, why):
        with pytest.raises(NoBaselineError, match=why):
            instance_baseline(normal_period(shown(well, rows)))

    def test_how_short_is_a_matter_of_choice(self, well):
        assert instance_baseline(normal_period(shown(well, slice(0, 900))), 540).seconds == 540

    def test_unlabelled_rows_end_the_normal_period(self, well):
        label = well.label.copy()
        label[700] = NO_LABEL
        assert normal_period(replace(well, label=label)).end == 700

    def test_a_well_without_gauges_is_refused(self, well):
        nothing = np.full_like(well.values, np.nan)
        with pytest.raises(NoBaselineError, match="none of its pressure and temperature gauges"):
            make_baseline("W", "lake", well.ts_ms, nothing)


class TestModels:
    def test_are_quiet_in_held_out_normal_operation_and_flag_the_event(self, training, wells):
        for well_id, (instance,) in wells.items():
            _, flags = served(training, instance)
            period = normal_period(instance)
            assert flags[period.split : period.end].mean() < 0.01, well_id
            if instance.in_event.any():
                assert flags[instance.in_event].mean() > 0.5, well_id

    def test_what_the_report_says_of_an_event_is_what_serving_does(self, training, well):
        (event,) = training.wells[well.well_id]["metrics"]["events"]
        _, flags = served(training, well)
        start = int(np.argmax(well.in_event))
        assert event["flagged"] == pytest.approx(flags[start:].mean())
        assert flags[start + event["delay_s"] - 9 : start + event["delay_s"] + 1].all()

    def test_nothing_is_chosen_by_events(self, few_trees, wells):
        def blind(instance):
            values = instance.values.copy()
            values[instance.label != 0] = np.nan
            return replace(instance, values=values)

        unseen = train({well: [blind(one) for one in instances] for well, instances in wells.items()}, FEW)
        seen = few_trees
        assert unseen.forest.onnx == seen.forest.onnx
        assert unseen.fleet_forest.onnx == seen.fleet_forest.onnx
        for well_id, entry in seen.wells.items():
            assert unseen.wells[well_id]["baselines"] == entry["baselines"]

    def test_the_same_seed_gives_the_same_forest_and_another_one_another(self, few_trees, wells):
        assert train(wells, FEW).forest.onnx == few_trees.forest.onnx
        assert train(wells, replace(FEW, seed=8)).forest.onnx != few_trees.forest.onnx

    def test_a_well_has_a_baseline_for_each_date_and_each_holds_until_the_next(self, well):
        dates = [well, later(well, 3, bar=8), later(well, 30, bar=-5)]
        trained = train({well.well_id: dates}, FEW)
        parts = trained.wells[well.well_id]["baselines"]
        assert [parse_ms(part["valid_from"]) for part in parts] == [one.ts_ms[0] for one in dates]
        assert parse_ms(parts[0]["valid_until"]) == well.ts_ms[-1] + WEEK_MS
        assert trained.wells[well.well_id]["center"] == parts[-1]["center"]
        for instance in dates:
            _, flags = served(trained, instance)
            period = normal_period(instance)
            assert not flags[period.start : period.end].any()

    def test_a_reading_long_after_its_well_s_baseline_is_left_to_the_fleet(self, training, well):
        own = load_models(training.wells[well.well_id], training.forest.load())
        fleet = load_models(training.fleet, training.fleet_forest.load())[0]
        models = ModelSet("v1", {well.well_id: own}, fleet)
        end = int(well.ts_ms[-1])
        assert models.for_well(well.well_id, end + WEEK_MS - 1).kind == "commissioned"
        assert models.for_well(well.well_id, end + WEEK_MS).kind == "fleet"
        for_good = train({well.well_id: [well]}, replace(FEW, valid_days=None)).wells[well.well_id]
        assert for_good["baselines"][0]["valid_until"] is None

    def test_a_single_well_can_be_commissioned_with_synthetic_gauges(self, wells):
        (instance,) = wells["SIM-6-00001"]
        alone = train({instance.well_id: [instance]})
        assert alone.wells[instance.well_id]["training"]["synthetic_rows"] > 0
        _, flags = served(alone, instance)
        period = normal_period(instance)
        assert not flags[period.split : period.end].any()
        assert flags[instance.in_event].mean() > 0.5

    def test_refusals_name_the_well_or_the_instance_and_the_reason(self, well):
        short = shown(well, slice(0, 300))
        trained = train(
            {"short": [short], well.well_id: [well, replace(short, path=well.path.with_stem("X"))]}, FEW
        )
        assert trained.refused == {"short": "180 s of normal operation, at least 240 s are needed"}
        assert list(trained.skipped) == ["2/X"]
        nothing = train({"short": [short]}, FEW)
        assert nothing.forest is None
        assert nothing.fleet is None

    def test_the_fleet_model_ignores_levels(self, training, wells):
        (instance,) = wells["SIM-0-00002"]
        moved = instance.values.copy()
        moved[:, [P_TPT, T_TPT]] += [2e6, 10.0]
        fleet = ModelSet("v1", {}, load_models(training.fleet, training.fleet_forest.load())[0])
        before, flags = serve(fleet, instance, normal_period(instance).values)
        after, _ = serve(fleet, instance, normal_period(replace(instance, values=moved)).values)
        # Rounding to the features' quantum moves with the level, so equal to a hair, not to the bit.
        np.testing.assert_allclose(before, after, atol=0.02)
        assert flags.mean() < 0.01


class TestPool:
    def test_a_forest_can_leave_a_well_out(self, wells):
        pool, alone = Pool(), Pool()
        for well_id, (instance,) in wells.items():
            period = normal_period(instance)
            pool.add_period(instance_baseline(period), period)
            if well_id != "SIM-2-00002":
                alone.add_period(instance_baseline(period), period)
        left_out = pool.fit("commissioned", 7, without="SIM-2-00002", trees=5)
        assert left_out.onnx == alone.fit("commissioned", 7, trees=5).onnx
        assert left_out.onnx != pool.fit("commissioned", 7, trees=5).onnx


NAMES = feature_names()


def healthy_rows(n=900):
    return np.random.default_rng(4).normal(scale=0.5, size=(n, len(NAMES))).astype(np.float32)


def test_background_is_a_share_and_reaches_twenty_units():
    extra = background(np.zeros((9000, len(NAMES)), np.float32), NAMES, np.random.default_rng(0))
    assert len(extra) == BACKGROUND_SHARE * 9000
    assert 19 < np.abs(extra).max() <= 20
    for at, name in enumerate(NAMES):
        assert (extra[:, at].min() >= 0) == name.startswith("std_")


def test_readings_further_away_score_higher():
    forest = fit_forest(healthy_rows(), NAMES, np.random.default_rng(1)).load()
    row = np.array([[float(name.startswith("mean")) for name in NAMES]], np.float32)
    scores = [forest.score(distance * row)[0] for distance in (0, 3, 10)]
    assert scores == sorted(scores)
    assert scores[2] > scores[0] + 0.1


@pytest.mark.parametrize("kind", ["commissioned", "fleet"])
def test_synthetic_gauges_are_at_rest_and_come_from_the_seed(kind):
    rows = synthetic_rows(kind, 2000, np.random.default_rng(3))
    assert rows.shape == (2000, len(feature_names(kind)))
    assert np.isfinite(rows).all()
    assert np.abs(rows).max() < 10
    np.testing.assert_array_equal(rows, synthetic_rows(kind, 2000, np.random.default_rng(3)))


def test_a_wrong_onnx_file_is_not_published():
    one = fit_forest(healthy_rows(), NAMES, np.random.default_rng(1))
    other = fit_forest(healthy_rows(), NAMES, np.random.default_rng(2))
    assert check_parity(one.forest, one.load(), healthy_rows(50)) < 1e-5
    with pytest.raises(ParityError, match="ONNX and scikit-learn scores differ"):
        check_parity(one.forest, other.load(), healthy_rows(50))


def test_a_version_is_whole_and_its_digests_are_true(training, tmp_path):
    written = write_version(tmp_path, "v1", training, created_at=WHEN)
    manifest = json.loads((tmp_path / "v1" / "manifest.json").read_text())
    assert manifest == json.loads(json.dumps(written))
    assert (manifest["format"], manifest["version"]) == (1, "v1")
    assert manifest["created_at"] == "2026-01-02T03:04:05Z"
    assert manifest["features"]["windows_s"] == [30, 60, 180]
    assert json.loads((tmp_path / "current.json").read_text()) == {"version": "v1"}
    entries = [*manifest["wells"].values(), manifest["fleet"]]
    for entry in entries:
        for kind in ("onnx", "joblib"):
            content = (tmp_path / "v1" / entry[kind]["path"]).read_bytes()
            assert hashlib.sha256(content).hexdigest() == entry[kind]["sha256"]
            assert len(content) == entry[kind]["bytes"]
        assert len(entry["center"]) == len(entry["scale"]) == len(entry["sensors"])
        assert entry["metrics"]["parity"] < 1e-5
    assert len({entry["onnx"]["path"] for entry in entries}) == 2, (
        "one forest for all wells, one for the fleet"
    )
    entry = manifest["wells"]["SIM-6-00001"]
    assert entry["training"]["instances"] == ["6/SIMULATED_00001"]
    forest = joblib.load(tmp_path / "v1" / entry["joblib"]["path"])
    assert len(forest.estimators_) == entry["training"]["trees"] == 100


def test_the_command_line_trains_reports_and_publishes(wells, well, tmp_path):
    for instance in (wells["SIM-6-00001"][0], shown(well, slice(0, 300))):
        path = tmp_path / "data" / str(instance.event_class) / instance.path.name
        write_instance(replace(instance, path=path))
    arguments = [
        "--data",
        str(tmp_path / "data"),
        "--out",
        str(tmp_path / "models"),
        "--model-version",
        "first",
    ]
    result = CliRunner().invoke(app, [*arguments, "--publish", str(tmp_path / "registry")])
    assert result.exit_code == 0, result.output
    assert "SIM-2-00002: no baseline, 180 s of normal operation" in result.output
    assert "ONNX and scikit-learn scores agree to" in result.output
    report = (tmp_path / "models/first/report.md").read_text()
    assert "| SIM-6-00001 |" in report
    assert "| SIM-2-00002 | 180 s of normal operation" in report
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
    result = CliRunner().invoke(app, ["--data", str(tmp_path), "--model-version", "../up"])
    assert result.exit_code == 1
    assert "must be up to 64 letters" in result.output
