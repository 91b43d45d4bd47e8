"""A forest pruned for cells scores every row as the whole forest does, bit for bit."""

import base64
import zlib
from dataclasses import replace
from functools import cache

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.ensemble import IsolationForest

from ml.training.forest import background
from ml.training.onnx_export import forest_to_onnx
from ml.training.pruning import LEVEL_EDGES, SPREAD_EDGES, cells_of
from petrostream.detection import COMMISSIONED, FLEET, Cells, feature_names, load_forest
from petrostream.detection.cells import OUTSIDE
from petrostream.detection.forest import FEWEST_ROWS, Forest

FEATURES = st.sampled_from([*SPREAD_EDGES, *LEVEL_EDGES, 0.0, 0.02, 0.1, 0.3, 1.0]) | st.floats(
    -9, 9, width=32
)


@cache
def forests(kind) -> tuple[Forest, Forest, np.ndarray]:
    """A forest of gauges of every quietness with its pruned ones, the same without, and every threshold."""
    rng = np.random.default_rng(5)
    names = feature_names(kind)
    rows = (rng.normal(size=(3000, len(names))) * 10.0 ** rng.uniform(-2, 0.3, (3000, 1))).astype(np.float32)
    spreads = [at for at, name in enumerate(names) if name.startswith("std")]
    rows[:, spreads] = np.abs(rows[:, spreads])
    fitted = IsolationForest(n_estimators=30, max_samples=512, random_state=1)
    fitted.fit(np.concatenate([rows, background(rows, names, rng)]))
    pruned, whole = forest_to_onnx(fitted, cells_of(names)), forest_to_onnx(fitted)
    edges = np.concatenate([tree.tree_.threshold for tree in fitted.estimators_]).astype(np.float32)
    return load_forest(pruned), load_forest(whole), edges


def usual_rows(kind, n, seed):
    """Rows of gauges at rest, most of them in a cell."""
    rng = np.random.default_rng(seed)
    spread = 10.0 ** rng.uniform(-2, 0.2, n)
    columns = {
        "std": lambda: spread * rng.uniform(0.8, 1.1, n),
        "change": lambda: spread * rng.normal(size=n),
        "mean": lambda: spread * rng.normal(size=n),
        "diff": lambda: spread * rng.normal(size=n),
    }
    return np.column_stack([columns[name.split("_")[0]]() for name in feature_names(kind)]).astype(np.float32)


@pytest.mark.parametrize("kind", [COMMISSIONED, FLEET])
def test_scores_are_those_of_the_whole_forest(kind):
    pruned, whole, _ = forests(kind)
    rows = usual_rows(kind, 20_000, seed=2)
    cell = pruned.near.cells.of(rows)

    assert np.array_equal(pruned.score(rows), whole.score(rows))
    assert (cell == OUTSIDE).any()
    assert len(set(cell.tolist())) > len(pruned.near.cells) / 2


@given(values=arrays(np.float32, (40, 6), elements=FEATURES), seed=st.integers(0, 99))
def test_no_row_makes_a_difference(values, seed):
    pruned, whole, edges = forests(COMMISSIONED)
    rng = np.random.default_rng(seed)
    on_edges = rng.choice(edges, (100, 6))
    rows = np.concatenate([values, on_edges, usual_rows(COMMISSIONED, FEWEST_ROWS, seed)])
    rows[rng.random(rows.shape) < 0.1] *= np.float32(1e30)
    rows = rng.permutation(rows)

    assert np.array_equal(pruned.score(rows), whole.score(rows))


@pytest.mark.parametrize("rows", [1, FEWEST_ROWS - 1, FEWEST_ROWS, FEWEST_ROWS + 1])
def test_a_few_rows_are_scored_alike(rows):
    pruned, whole, _ = forests(COMMISSIONED)
    some = usual_rows(COMMISSIONED, rows, seed=3)

    assert np.array_equal(pruned.score(some), whole.score(some))


def test_the_forest_of_a_quiet_cell_is_a_fraction_of_the_whole():
    pruned, _, edges = forests(COMMISSIONED)
    whole_nodes = len(edges)
    rows = usual_rows(COMMISSIONED, 20_000, seed=2)
    cells, counts = np.unique(pruned.near.cells.of(rows), return_counts=True)
    sizes = [nodes(pruned.near.packed[number]) for number in cells[1:].tolist()]

    assert np.average(sizes, weights=counts[1:]) < whole_nodes / 4


def nodes(packed: str) -> int:
    model = onnx.load_from_string(zlib.decompress(base64.b64decode(packed)))
    return len(next(one for one in model.graph.node[0].attribute if one.name == "nodes_modes").strings)


def test_a_row_is_in_the_cell_whose_bounds_hold_it():
    cells = cells_of(feature_names())
    rows = usual_rows(COMMISSIONED, 2000, seed=4)
    held = (rows[:, None] > cells.low) & (rows[:, None] <= cells.high)
    inside = held.all(axis=2)

    assert (inside.sum(axis=1) <= 1).all()
    assert np.array_equal(np.where(inside.any(axis=1), inside.argmax(axis=1), OUTSIDE), cells.of(rows))


def test_cells_survive_their_json():
    cells = cells_of(feature_names())
    read = Cells.from_json(cells.to_json())

    for name in Cells.__slots__:
        assert np.array_equal(getattr(cells, name), getattr(read, name)), name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{}", "lack a field"),
        ("[1]", "lack a field"),
        ("no", "Expecting value"),
        (replace(cells_of(feature_names()), low=np.zeros((3, 6), np.float32)).to_json(), "have shapes"),
    ],
)
def test_other_text_is_refused(text, said):
    with pytest.raises(ValueError, match=said):
        Cells.from_json(text)


@pytest.mark.parametrize("names", [("mean_30", "std_30"), ("std_60", "change_60"), ("mean_60",)])
def test_features_without_spread_and_level_have_no_cells(names):
    assert cells_of(names) is None
