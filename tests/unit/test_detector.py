"""The detector: scikit-learn's scores without scikit-learn, reasons, and refusal of damaged models."""

import numpy as np
import pytest

from ml.onnx_export import forest_to_onnx
from petrostream.detector import ModelFormatError, ModelSet, detect, load_model, path_score
from petrostream.features import quantise, window_stats
from petrostream.sensors import SENSOR_INDEX, SENSOR_NAMES
from tests.support.wells import (
    CENTER,
    SENSORS,
    START,
    entry,
    event_values,
    model,
    models,
    normal_values,
    training,
)


def stats_of(values):
    sensors = np.flatnonzero(~np.isnan(values).all(axis=0))
    ts_ms = START + 1000 * np.arange(len(values))
    return window_stats(ts_ms, quantise(values[:, sensors], sensors), sensors)


def test_scores_are_those_of_scikit_learn():
    forest, features, _ = training()
    wild = np.concatenate([features, features + 7]).astype(np.float32)
    np.testing.assert_allclose(path_score(model(), wild), -forest.score_samples(wild), atol=2e-6)


def test_one_row_scores_as_it_does_among_a_thousand():
    _, features, _ = training()
    together = path_score(model(), features)
    apart = np.concatenate([path_score(model(), features[i : i + 1]) for i in range(0, len(features), 7)])
    assert (apart == together[::7]).all()


def test_normal_operation_is_quiet_and_an_event_is_not():
    found = detect(model(), stats_of(event_values()))
    assert not found.anomalous[:200].any()
    assert found.anomalous[205:].all()
    assert ((found.score[100:] > 0) & (found.score[100:] < 1)).all()


@pytest.mark.parametrize("sensor", SENSORS)
def test_an_anomalous_reading_names_the_sensor_that_moved_most(sensor):
    found = detect(model(), stats_of(event_values(most=sensor)))
    assert {SENSOR_NAMES[i] for i in found.ranking[230:, 0].tolist()} == {sensor}
    assert (found.ranking[:200] == -1).all()


def test_the_baseline_s_spread_decides_which_sensor_moved_most():
    spread = [1.0 if name.startswith("p_pdg") else 1000.0 for name in entry()["feature_names"]]
    judged = load_model(entry(changes={"feature_scale": spread}), forest_to_onnx(training()[0]))
    found = detect(judged, stats_of(event_values(most="p_tpt")))
    assert set(found.ranking[230:, 0].tolist()) == {SENSOR_INDEX["p_pdg"]}


def test_there_is_no_score_before_the_longest_window_is_warm():
    score = detect(model(), stats_of(normal_values(200))).score
    assert np.isnan(score[:90]).all()
    assert not np.isnan(score[90:]).any()


def test_a_lost_gauge_is_no_anomaly_and_two_of_four_still_give_a_score():
    values = normal_values(400, seed=3)
    values[:, [SENSOR_INDEX["p_pdg"], SENSOR_INDEX["t_tpt"]]] = np.nan
    found = detect(model(), stats_of(values))
    assert not np.isnan(found.score[100:]).any()
    assert not found.anomalous.any()
    values[:, SENSOR_INDEX["p_tpt"]] = np.nan
    assert np.isnan(detect(model(), stats_of(values)).score).all()


def test_a_well_has_its_own_model_or_the_fleet_s():
    chosen = models()
    assert chosen.for_well("WELL-00011").kind == "commissioned"
    assert chosen.for_well("WELL-00099").kind == "fleet"
    assert ModelSet("v1").for_well("WELL-00099") is None


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"scale": [1.0, 1.0, 0.0, 1.0]}, "scale"),
        ({"center": [1.0]}, "center"),
        ({"center": [1.0, 2.0, float("nan"), 1.0]}, "center"),
        ({"threshold": 1.5}, "threshold"),
        ({"threshold": "high"}, "high"),
        ({"kind": "guess"}, "guess"),
        ({"sensors": ["p_tpt", "t_tpt", "p_pdg", "p_new"]}, "p_new"),
        ({"feature_names": ["p_tpt:median_30"]}, "median_30"),
        ({"feature_names": ["p_tpt:mean_30"]}, "features"),
        ({"feature_names": []}, "features"),
        ({"feature_scale": [1.0]}, "feature_scale"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused_by_name(changes, named):
    with pytest.raises(ModelFormatError, match=named):
        load_model(entry(changes=changes), forest_to_onnx(training()[0]))


def test_a_missing_manifest_field_is_named():
    broken = entry()
    del broken["threshold"]
    with pytest.raises(ModelFormatError, match="threshold"):
        load_model(broken, forest_to_onnx(training()[0]))


@pytest.mark.parametrize("data", [b"", b"not onnx", None])
def test_a_damaged_graph_is_refused(data):
    whole = forest_to_onnx(training()[0])
    with pytest.raises(ModelFormatError, match="WELL-00011"):
        load_model(entry(), whole[: len(whole) // 2] if data is None else data)


def test_the_baseline_is_kept_for_those_who_ask():
    assert model().center.tolist() == CENTER.tolist()
    assert model().sensors == SENSORS
