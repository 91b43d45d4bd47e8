"""An Isolation Forest on ONNX Runtime.

Score of a row, after F. T. Liu, K. M. Ting, Z.-H. Zhou, "Isolation Forest", ICDM 2008, equation 2:
2 ** -(E[h(x)] / c(psi)), with E[h(x)] the mean path length over the trees and c(psi) that of a tree of psi
random points. The ONNX graph returns the sum of path lengths; the rest is computed here, in float64.
"""

import base64
import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import onnxruntime

from petrostream.arrays import FloatArray
from petrostream.detection.cells import OUTSIDE, Cells
from petrostream.detection.extraction import RowArray

SCORE_DECIMALS = 6
_ERRORS_ONLY = 3
_OUTPUTS = ["path_length"]

FEWEST_ROWS = 256
"""Rows from which on sorting them by cell pays."""

FEWEST_OF_A_CELL = 8
"""Rows of a cell from which on a run of its own pays."""

_RUN = onnxruntime.RunOptions()
"""The defaults: without them every run makes its own, a tenth of the time of a few rows."""


class ForestFormatError(ValueError):
    """The bytes are not an ONNX forest as written by `ml/training/onnx_export.py`."""


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """A loaded forest; any number of models may share one.

    Attributes:
        session: ONNX Runtime session.
        features: number of features in a row.
        trees: number of trees.
        normaliser: c(psi), see `average_path_length`.
        near: the forest pruned for cells of the feature space, None for files without.
    """

    session: onnxruntime.InferenceSession
    features: int
    trees: int
    normaliser: float
    near: "Near | None" = None

    def score(self, rows: RowArray) -> FloatArray:
        """Score rows of shape (n, k) without NaN: shape (n,), 0 to 1, rounded to `SCORE_DECIMALS`."""
        features = np.ascontiguousarray(rows, np.float32)
        if self.near is None or len(features) < FEWEST_ROWS:
            total = _path_lengths(self.session, features)
        else:
            total = self.near.path_lengths(self.session, features)
        mean: FloatArray = total.astype(np.float64) / self.trees
        score: FloatArray = np.exp2(mean / -self.normaliser).round(SCORE_DECIMALS)
        return score


@dataclass(slots=True, eq=False)
class Near:
    """Forests pruned for cells: each gives rows of its cell the path lengths of the whole one, bit for bit.

    Attributes:
        cells: the cells.
        packed: ONNX model of each, compressed by zlib, in base64.
        sessions: those in use, by cell.
    """

    cells: Cells
    packed: Sequence[str]
    sessions: dict[int, onnxruntime.InferenceSession] = field(default_factory=dict)

    def path_lengths(self, whole: onnxruntime.InferenceSession, features: RowArray) -> RowArray:
        """Sum of path lengths of each row, by the smallest forest that knows it.

        Args:
            whole: the forest for rows in no cell.
            features: shape (n, k).
        """
        cell = self.cells.of(features)
        # OUTSIDE is counted at the first place.
        cell[np.bincount(cell + 1)[cell + 1] < FEWEST_OF_A_CELL] = OUTSIDE
        order = np.argsort(cell.astype(np.int8), kind="stable")
        sorted_cells, rows = cell[order], features[order]
        starts = [0, *(np.flatnonzero(sorted_cells[1:] != sorted_cells[:-1]) + 1).tolist()]
        total = np.empty(len(rows), np.float32)
        for begin, end in zip(starts, [*starts[1:], len(rows)], strict=True):
            number = int(sorted_cells[begin])
            session = whole if number == OUTSIDE else self._session(number)
            total[order[begin:end]] = _path_lengths(session, rows[begin:end])
        return total

    def _session(self, number: int) -> onnxruntime.InferenceSession:
        """The session of a cell, made when the first row falls into it: a cold start needs none."""
        if number not in self.sessions:
            self.sessions[number] = _session(zlib.decompress(base64.b64decode(self.packed[number])))
        return self.sessions[number]


def _path_lengths(session: onnxruntime.InferenceSession, features: RowArray) -> RowArray:
    (total,) = session.run(_OUTPUTS, {"features": features}, _RUN)
    lengths: RowArray = total[:, 0]
    return lengths


def load_forest(onnx_bytes: bytes) -> Forest:
    """Load a forest from its ONNX file.

    Args:
        onnx_bytes: a graph with input `features` float32 (n, k) and output `path_length` (n, 1), and with
            `n_trees` and `max_samples` in its metadata.

    Raises:
        ForestFormatError: the bytes are not such a graph.
    """
    try:
        session = _session(onnx_bytes)
        width = int(session.get_inputs()[0].shape[1])
        names = (session.get_inputs()[0].name, session.get_outputs()[0].name)
        meta = session.get_modelmeta().custom_metadata_map
        trees, samples = int(meta["n_trees"]), int(meta["max_samples"])
        near = _near(meta) if "cells" in meta else None
    except Exception as error:  # ONNX Runtime's exception types share no base class but Exception
        raise ForestFormatError(f"not an ONNX forest: {error!r}") from error
    if names != ("features", "path_length") or trees < 1 or samples < 2:
        raise ForestFormatError(
            f"not an ONNX forest: graph {names} with {trees} trees of {samples} samples; expected input "
            "'features', output 'path_length', at least 1 tree and 2 samples"
        )
    return Forest(session, width, trees, average_path_length(samples), near)


def _session(onnx_bytes: bytes) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    # The scoring function has one core: more threads only add start-up time and spinning.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = _ERRORS_ONLY
    return onnxruntime.InferenceSession(onnx_bytes, options, providers=["CPUExecutionProvider"])


def _near(meta: Mapping[str, str]) -> Near:
    cells = Cells.from_json(meta["cells"])
    return Near(cells, [meta[f"cell_{number}"] for number in range(len(cells))])


def average_path_length(samples: int) -> float:
    """Return c(psi), the mean path length of an unsuccessful search in a binary search tree of psi points.

    Args:
        samples: psi; no search is needed for one point or none.

    Source: Liu, Ting, Zhou 2008, equation 1.
    """
    if samples <= 2:
        return float(samples == 2)
    return 2.0 * (math.log(samples - 1.0) + float(np.euler_gamma)) - 2.0 * (samples - 1.0) / samples
