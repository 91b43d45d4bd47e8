"""The detector: scikit-learn's scores without scikit-learn, reasons, and refusal of damaged models."""

from dataclasses import replace

import numpy as np
import pytest

from ml.training.onnx_export import forest_to_onnx
from petrostream.detection.detector import ModelFormatError, ModelSet, detect, load_model
from petrostream.gauges.features import quantise, window_stats
from petrostream.schema.sensors import SENSOR_INDEX, SENSOR_NAMES
from tests.support.wells import (
    CENTER,
    SENSORS,
    START,
    WELL,
    entry,
    event_values,
    model,
    models,
    normal_values,
    recommissioned,
    training,
)


def stats_of(values):
    sensors = np.flatnonzero(~np.isnan(values).all(axis=0))
    ts_ms = START + 1000 * np.arange(len(values))
    return window_stats(ts_ms, quantise(values[:, sensors], sensors), sensors)


def test_scores_are_those_of_scikit_learn():
    forest, rows, _ = training()
    wild = np.concatenate([rows, rows + 7]).astype(np.float32)
    np.testing.assert_allclose(model().forest.score(wild), -forest.score_samples(wild), atol=1e-5)


def test_one_row_scores_as_it_does_among_a_thousand():
    _, rows, _ = training()
    together = model().forest.score(rows)
    apart = np.concatenate([model().forest.score(rows[i : i + 1]) for i in range(0, len(rows), 7)])
    assert (apart == together[::7]).all()


def test_normal_operation_is_quiet_and_an_event_is_not():
    found = detect(model(), stats_of(event_values()))
    assert not found.anomalous[:200].any()
    assert found.anomalous[205:].all()
    assert ((found.score[100:] > 0) & (found.score[100:] < 1)).all()


def test_a_reading_scores_as_its_most_anomalous_sensor():
    found = detect(model(), stats_of(event_values(most="t_tpt")))
    assert found.sensors.tolist() == [SENSOR_INDEX[name] for name in SENSORS]
    np.testing.assert_array_equal(found.score[9:], found.sensor_score[9:].max(axis=1))


def test_one_sensor_that_moves_is_enough_and_is_the_only_one_named():
    values = normal_values(400)
    values[200:, SENSOR_INDEX["t_tpt"]] += 25 * 0.05
    found = detect(model(), stats_of(values))
    assert found.anomalous[205:].all()
    assert (found.ranking[230:] == [SENSOR_INDEX["t_tpt"], -1, -1]).all()


@pytest.mark.parametrize("sensor", SENSORS)
def test_an_anomalous_reading_names_the_sensor_that_moved_most(sensor):
    found = detect(model(), stats_of(event_values(most=sensor)))
    assert {SENSOR_NAMES[i] for i in found.ranking[230:, 0].tolist()} == {sensor}
    assert (found.ranking[:200] == -1).all()


def test_a_score_needs_ten_values_and_no_full_window():
    score = detect(model(), stats_of(normal_values(200))).score
    assert np.isnan(score[:9]).all()
    assert not np.isnan(score[9:]).any()


def test_a_lost_gauge_is_no_anomaly_and_one_of_four_still_scores():
    values = normal_values(400, seed=3)
    values[:, [SENSOR_INDEX[name] for name in SENSORS[1:]]] = np.nan
    found = detect(model(), stats_of(values))
    assert not np.isnan(found.score[100:]).any()
    assert not found.anomalous.any()
    assert np.isnan(found.sensor_score[:, 1:]).all()
    values[:] = np.nan
    assert np.isnan(detect(model(), stats_of(values)).score).all()


def test_a_gauge_that_drops_to_exactly_zero_is_dead_and_no_anomaly():
    values = normal_values(400, seed=3)
    values[200:, SENSOR_INDEX["p_pdg"]] = 0.0
    assert not detect(model(), stats_of(values)).anomalous.any()


def test_a_well_has_its_own_model_or_the_fleet_s():
    chosen = models()
    assert chosen.for_well("WELL-00011").kind == "commissioned"
    assert chosen.for_well("WELL-00099").kind == "fleet"
    assert ModelSet("v1").for_well("WELL-00099") is None


class TestBaselines:
    """A well that was commissioned twice, at 0 s and 1,000 s after the start."""

    def models(self):
        return ModelSet("v1", {WELL: recommissioned()}, model("fleet"))

    @pytest.mark.parametrize(
        ("second", "source"),
        [(-1, None), (0, "2/first"), (999, "2/first"), (1000, "2/second"), (9e6, "2/second")],
    )
    def test_the_newest_that_had_begun_holds(self, second, source):
        chosen = self.models().for_well(WELL, START + int(1000 * second))
        assert (chosen.source or None) == source
        assert chosen.kind == ("fleet" if source is None else "commissioned")

    def test_the_newest_is_the_well_s_model(self):
        assert self.models().for_well(WELL).source == "2/second"

    def test_one_that_has_ended_is_not_replaced_by_an_older_one(self):
        older, newer = recommissioned()
        ended = replace(newer, valid_until_ms=START + 2_000_000)
        models = ModelSet("v1", {WELL: (older, ended)})
        assert models.for_well(WELL, START + 1_999_999).source == "2/second"
        assert models.for_well(WELL, START + 2_000_000) is None

    def test_each_reading_has_one_model(self):
        at_ms = START + 1000 * np.array([1500, -5, 10, 1000, 20])
        found = {model.source: at.tolist() for model, at in self.models().segments(WELL, at_ms)}
        assert found == {"": [1], "2/first": [2, 4], "2/second": [0, 3]}

    def test_share_one_forest(self):
        first, second = recommissioned()
        assert first.forest is second.forest


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
        ({"feature_names": ["median_30"]}, "median_30"),
        ({"feature_names": ["mean_30"]}, "features"),
        ({"feature_names": []}, "features"),
        ({"baselines": [{"valid_from": "2024-01-01"}]}, "2024-01-01"),
        ({"baselines": [{"center": [1.0]}]}, "center"),
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
