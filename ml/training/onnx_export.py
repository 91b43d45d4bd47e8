"""Writes a scikit-learn Isolation Forest as ONE ONNX node: serving needs no scikit-learn and no pickle.

The usual converters write one node per operation, thousands for a hundred trees. Here the whole forest
is a single `TreeEnsembleRegressor` whose leaves hold path lengths, and their sum over the trees comes out:

    score = 2 ** (-(path_length / n_trees) / c(max_samples))

with `c(n)` the mean path length of an unsuccessful search in a binary search tree of n points (F. T. Liu,
K. M. Ting, Z.-H. Zhou, "Isolation Forest", ICDM 2008, equations 1 and 2). The score is between 0 and 1,
and equals `-forest.score_samples(x)` up to the rounding of the leaves. Forests pruned for cells of the
feature space (`ml.training.pruning`) travel in the metadata: most rows need no more than those.
"""

import base64
import math
import zlib
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper
from sklearn.ensemble import IsolationForest

from ml.training.pruning import Tree, pruned
from petrostream.arrays import IntArray
from petrostream.detection import Cells, average_path_length

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


def forest_to_onnx(forest: IsolationForest, cells: Cells | None = None) -> bytes:
    """The forest as an ONNX model of one node.

    Args:
        forest: a fitted Isolation Forest on k features.
        cells: parts of the space for which pruned forests are added.

    Returns:
        A serialised model: input `features` float32 (n, k), output `path_length` float32 (n, 1), the sum of
        path lengths over all trees. Metadata: `n_trees`, `max_samples` (points per tree), `path_normaliser`
        (c(max_samples), a float in full precision); with cells `cells` (`Cells.to_json`) and `cell_<i>`, for
        each a model of one node like this one, compressed by zlib, in base64. Features must be finite. The
        bytes depend on the forest and the cells only.

    Raises:
        OnnxExportError: the forest is not fitted, or it is so large that float32 sums would round.
    """
    if not hasattr(forest, "estimators_"):
        raise OnnxExportError("the Isolation Forest is not fitted: call fit() before exporting it")
    each = zip(forest.estimators_, forest.estimators_features_, strict=True)
    trees = [_tree(one.tree_, np.asarray(columns, dtype=np.int64)) for one, columns in each]
    largest = sum(max(tree.weight) for tree in trees)
    if largest >= MAX_EXACT_SUM:
        raise OnnxExportError(
            f"path lengths can add up to {largest:.0f}, and from {MAX_EXACT_SUM:.0f} on float32 sums are not "
            f"exact: use fewer trees than {len(forest.estimators_)} or fewer points per tree than "
            f"{forest.max_samples_}"
        )
    width = int(forest.n_features_in_)
    properties = _properties(forest)
    if cells is not None:
        properties["cells"] = cells.to_json()
        for number, (low, high) in enumerate(zip(cells.low, cells.high, strict=True)):
            packed = zlib.compress(_model_bytes(pruned(trees, low, high), width, {}), 9)
            properties[f"cell_{number}"] = base64.b64encode(packed).decode()
    return _model_bytes(trees, width, properties)


def _tree(tree: Any, columns: IntArray) -> Tree:  # noqa: ANN401  (Cython)
    """A fitted tree, with path lengths as the weights of its leaves."""
    left, right = tree.children_left, tree.children_right
    is_leaf = left < 0
    beyond = np.array([average_path_length(samples) for samples in tree.n_node_samples.tolist()])
    weights = np.where(is_leaf, node_depths(left, right) + beyond, 0.0)
    return Tree(
        left=np.where(is_leaf, -1, left).tolist(),
        right=np.where(is_leaf, -1, right).tolist(),
        feature=np.where(is_leaf, 0, columns[np.maximum(tree.feature, 0)]).tolist(),
        threshold=np.where(is_leaf, 0.0, round_down_to_float32(tree.threshold)).tolist(),
        weight=(np.round(weights / WEIGHT_STEP) * WEIGHT_STEP).tolist(),
    )


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


def _model_bytes(trees: Sequence[Tree], width: int, properties: dict[str, str]) -> bytes:
    sizes = [len(tree.left) for tree in trees]
    of_tree = np.repeat(np.arange(len(trees)), sizes)
    node_ids = np.concatenate([np.arange(size) for size in sizes])
    left, right = (np.array([*chain.from_iterable(lists)]) for lists in _children(trees))
    weights = np.array([*chain.from_iterable(tree.weight for tree in trees)])
    leaves = left < 0
    node = helper.make_node(
        "TreeEnsembleRegressor",
        [INPUT_NAME],
        [OUTPUT_NAME],
        domain="ai.onnx.ml",
        aggregate_function="SUM",
        n_targets=1,
        nodes_treeids=of_tree.tolist(),
        nodes_nodeids=node_ids.tolist(),
        nodes_featureids=[*chain.from_iterable(tree.feature for tree in trees)],
        nodes_values=[*chain.from_iterable(tree.threshold for tree in trees)],
        nodes_modes=["LEAF" if leaf else "BRANCH_LEQ" for leaf in leaves.tolist()],
        nodes_truenodeids=np.maximum(left, 0).tolist(),
        nodes_falsenodeids=np.maximum(right, 0).tolist(),
        target_treeids=of_tree[leaves].tolist(),
        target_nodeids=node_ids[leaves].tolist(),
        target_ids=[0] * int(leaves.sum()),
        target_weights=weights[leaves].tolist(),
    )
    graph = helper.make_graph(
        [node],
        "isolation_forest",
        [helper.make_tensor_value_info(INPUT_NAME, TensorProto.FLOAT, [None, width])],
        [helper.make_tensor_value_info(OUTPUT_NAME, TensorProto.FLOAT, [None, 1])],
    )
    model = helper.make_model(
        graph,
        producer_name="petrostream",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid(domain, version) for domain, version in OPSETS],
    )
    helper.set_model_props(model, properties)
    serialised: bytes = model.SerializeToString(deterministic=True)
    return serialised


def _children(trees: Sequence[Tree]) -> tuple[list[list[int]], list[list[int]]]:
    return [tree.left for tree in trees], [tree.right for tree in trees]


def _properties(forest: IsolationForest) -> dict[str, str]:
    return {
        "n_trees": str(len(forest.estimators_)),
        "max_samples": str(int(forest.max_samples_)),
        "path_normaliser": repr(average_path_length(int(forest.max_samples_))),
    }
