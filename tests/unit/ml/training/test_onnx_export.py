"""The one-node ONNX forest gives scikit-learn's scores."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest

from ml.training.onnx_export import (
    OnnxExportError,
    forest_to_onnx,
    round_down_to_float32,
)
from petrostream.detection import average_path_length


def fitted(trees=20, features=6, rows=400, seed=3, **options):
    x = np.random.default_rng(seed).normal(size=(rows, features)).astype(np.float32)
    return IsolationForest(n_estimators=trees, random_state=seed, **options).fit(x)


def serve(data: bytes, x):
    session = ort.InferenceSession(data, providers=["CPUExecutionProvider"])
    total = session.run(["path_length"], {"features": x.astype(np.float32)})[0]
    meta = session.get_modelmeta().custom_metadata_map
    assert total.shape == (len(x), 1)
    mean = total[:, 0].astype(np.float64) / int(meta["n_trees"])
    return 2.0 ** (-mean / average_path_length(int(meta["max_samples"])))


@pytest.mark.parametrize("options", [{}, {"max_samples": 64}, {"max_features": 0.5}, {"bootstrap": True}])
def test_scores_equal_scikit_learns(options):
    forest = fitted(**options)
    x = np.random.default_rng(8).normal(scale=2.0, size=(500, 6)).astype(np.float32)
    np.testing.assert_allclose(serve(forest_to_onnx(forest), x), -forest.score_samples(x), atol=1e-5)


def test_a_value_on_a_threshold_takes_the_same_branch():
    forest = fitted()
    edges = np.unique(np.concatenate([tree.tree_.threshold for tree in forest.estimators_]))
    x = np.repeat(edges.astype(np.float32)[:, None], 6, axis=1)
    around = np.concatenate([x, np.nextafter(x, np.float32(9)), np.nextafter(x, np.float32(-9))])
    np.testing.assert_allclose(
        serve(forest_to_onnx(forest), around), -forest.score_samples(around), atol=1e-5
    )


def test_a_row_scores_the_same_alone_and_in_a_batch():
    data = forest_to_onnx(fitted(trees=100))
    session = ort.InferenceSession(data)
    x = np.random.default_rng(1).normal(size=(300, 6)).astype(np.float32)
    together = session.run(None, {"features": x})[0]
    alone = np.concatenate([session.run(None, {"features": row[None]})[0] for row in x])
    assert np.array_equal(together, alone)


def test_the_graph_is_one_node_and_says_how_to_normalise():
    forest = fitted()
    model = onnx.load_from_string(forest_to_onnx(forest))
    onnx.checker.check_model(model)
    props = {prop.key: prop.value for prop in model.metadata_props}
    assert [node.op_type for node in model.graph.node] == ["TreeEnsembleRegressor"]
    assert props["n_trees"] == "20"
    assert props["max_samples"] == "256"
    assert float(props["path_normaliser"]) == pytest.approx(10.244770920116851)


def test_the_same_forest_gives_the_same_bytes():
    assert forest_to_onnx(fitted()) == forest_to_onnx(fitted())


def test_an_unfitted_forest_is_refused():
    with pytest.raises(OnnxExportError, match=r"not fitted: call fit\(\)"):
        forest_to_onnx(IsolationForest())


def test_a_forest_too_large_for_exact_sums_is_refused(monkeypatch):
    monkeypatch.setattr("ml.training.onnx_export.MAX_EXACT_SUM", 100.0)
    with pytest.raises(OnnxExportError, match="use fewer trees than 20"):
        forest_to_onnx(fitted())


@given(st.floats(-1024, 1024), st.floats(-1024, 1024, width=32))
def test_rounding_a_threshold_down_never_changes_a_comparison(threshold, x):
    rounded = round_down_to_float32(np.array([threshold]))[0]
    assert (np.float32(x) <= rounded) == (x <= threshold)
