"""Writes a scikit-learn Isolation Forest as ONE ONNX node: serving needs no scikit-learn and no pickle.

The usual converters write one node per operation, thousands for a hundred trees. Here the whole forest
is a single `TreeEnsembleRegressor` whose leaves hold path lengths, and their sum over the trees comes out:

    score = 2 ** (-(path_length / n_trees) / c(max_samples))

with `c(n)` the mean path length of an unsuccessful search in a binary search tree of n points (F. T. Liu,
K. M. Ting, Z.-H. Zhou, "Isolation Forest", ICDM 2008, equations 1 and 2). The score is between 0 and 1,
and equals `-forest.score_samples(x)` up to the rounding of the leaves.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper
from sklearn.ensemble import IsolationForest

from petrostream.arrays import IntArray
from petrostream.detection import average_path_length

INPUT_NAME = "features"
OUTPUT_NAME = "path_length"

WEIGHT_STEP = 2.0**-12
"""Leaves are rounded to multiples of this."""

MAX_EXACT_SUM = 2.0**24 * WEIGHT_STEP
"""Below this bound every partial sum of the leaves is a float32 without rounding, in any order of adding."""

OPSETS = (("", 17), ("ai.onnx.ml", 3))
IR_VERSION = 8


class OnnxExportError(ValueError):
    """The forest can't be written as one exact ONNX node; the message says what to change."""


@dataclass(slots=True)
class _Nodes:
    """Attributes of the `TreeEnsembleRegressor` node, grown tree by tree."""

    tree_ids: list[int] = field(default_factory=list)
    node_ids: list[int] = field(default_factory=list)
    feature_ids: list[int] = field(default_factory=list)
    thresholds: list[float] = field(default_factory=list)
    modes: list[str] = field(default_factory=list)
    true_ids: list[int] = field(default_factory=list)
    false_ids: list[int] = field(default_factory=list)
    leaf_tree_ids: list[int] = field(default_factory=list)
    leaf_node_ids: list[int] = field(default_factory=list)
    leaf_weights: list[float] = field(default_factory=list)


def forest_to_onnx(forest: IsolationForest) -> bytes:
    """The forest as an ONNX model of one node.

    Args:
        forest: a fitted Isolation Forest on k features.

    Returns:
        A serialised model: input `features` float32 (n, k), output `path_length` float32 (n, 1), the sum of
        path lengths over all trees. Metadata: `n_trees`, `max_samples` (points per tree), `path_normaliser`
        (c(max_samples), a float in full precision). Features must be finite. The bytes depend on the forest
        only.

    Raises:
        OnnxExportError: the forest is not fitted, or it is so large that float32 sums would round.
    """
    if not hasattr(forest, "estimators_"):
        raise OnnxExportError("the Isolation Forest is not fitted: call fit() before exporting it")
    nodes = _Nodes()
    largest = 0.0
    for tree_id, (tree, columns) in enumerate(
        zip(forest.estimators_, forest.estimators_features_, strict=True)
    ):
        largest += _add_tree(nodes, tree_id, tree.tree_, np.asarray(columns, dtype=np.int64))
    if largest >= MAX_EXACT_SUM:
        raise OnnxExportError(
            f"path lengths can add up to {largest:.0f}, and from {MAX_EXACT_SUM:.0f} on float32 sums are not "
            f"exact: use fewer trees than {len(forest.estimators_)} or fewer points per tree than "
            f"{forest.max_samples_}"
        )
    return _model_bytes(nodes, forest)


def _add_tree(nodes: _Nodes, tree_id: int, tree: Any, columns: IntArray) -> float:  # noqa: ANN401  (Cython)
    """Adds one fitted tree; returns its largest leaf weight."""
    left, right = tree.children_left, tree.children_right
    is_leaf = left < 0
    count = int(tree.node_count)
    beyond = np.array([average_path_length(samples) for samples in tree.n_node_samples.tolist()])
    weights = np.where(is_leaf, node_depths(left, right) + beyond, 0.0)
    weights = np.round(weights / WEIGHT_STEP) * WEIGHT_STEP
    nodes.tree_ids += [tree_id] * count
    nodes.node_ids += range(count)
    nodes.feature_ids += np.where(is_leaf, 0, columns[np.maximum(tree.feature, 0)]).tolist()
    nodes.thresholds += np.where(is_leaf, 0.0, round_down_to_float32(tree.threshold)).tolist()
    nodes.modes += ["LEAF" if leaf else "BRANCH_LEQ" for leaf in is_leaf]
    nodes.true_ids += np.where(is_leaf, 0, left).tolist()
    nodes.false_ids += np.where(is_leaf, 0, right).tolist()
    leaves = np.flatnonzero(is_leaf)
    nodes.leaf_tree_ids += [tree_id] * len(leaves)
    nodes.leaf_node_ids += leaves.tolist()
    nodes.leaf_weights += weights[leaves].tolist()
    return float(weights.max())


def node_depths(left: npt.NDArray[np.intp], right: npt.NDArray[np.intp]) -> IntArray:
    """Depth of every node, the root being 0.

    Args:
        left: index of the left child of each node, negative at leaves, shape (nodes,). Children come after
            their parents.
        right: the same for the right child.

    Returns:
        Depths, shape (nodes,).
    """
    depths = np.zeros(len(left), dtype=np.int64)
    for parent in np.flatnonzero(left >= 0):
        depths[left[parent]] = depths[right[parent]] = depths[parent] + 1
    return depths


def round_down_to_float32(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """The largest float32 not above each value.

    Trees compare float32 features with float64 thresholds. `x <= t` has the same answer for a float32 x when
    t is rounded down, but not when it is rounded to nearest: a reading on the edge would change its path.
    """
    nearest = values.astype(np.float32)
    below = np.nextafter(nearest, np.float32(-math.inf))
    return np.where(nearest.astype(np.float64) > values, below, nearest)


def _model_bytes(nodes: _Nodes, forest: IsolationForest) -> bytes:
    node = helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT_NAME],
        [OUTPUT_NAME],
        domain="ai.onnx.ml",
        aggregate_function="SUM",
        n_targets=1,
        nodes_treeids=nodes.tree_ids,
        nodes_nodeids=nodes.node_ids,
        nodes_featureids=nodes.feature_ids,
        nodes_values=nodes.thresholds,
        nodes_modes=nodes.modes,
        nodes_truenodeids=nodes.true_ids,
        nodes_falsenodeids=nodes.false_ids,
        target_treeids=nodes.leaf_tree_ids,
        target_nodeids=nodes.leaf_node_ids,
        target_ids=[0] * len(nodes.leaf_weights),
        target_weights=nodes.leaf_weights,
    )
    graph = helper.make_graph(
        [node],
        "isolation_forest",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, [None, int(forest.n_features_in_)])],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, [None, 1])],
    )
    model = helper.make_model(
        graph,
        producer_name="petrostream",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in OPSETS],
    )
    helper.set_model_props(model, _properties(forest))
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def _properties(forest: IsolationForest) -> dict[str, str]:
    return {
        "n_trees": str(len(forest.estimators_)),
        "max_samples": str(int(forest.max_samples_)),
        "path_normaliser": repr(average_path_length(int(forest.max_samples_))),
    }
