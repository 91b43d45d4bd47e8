"""An Isolation Forest on ONNX Runtime.

Score of a row, after F. T. Liu, K. M. Ting, Z.-H. Zhou, "Isolation Forest", ICDM 2008, equation 2:
2 ** -(E[h(x)] / c(psi)), with E[h(x)] the mean path length over the trees and c(psi) that of a tree of psi
random points. The ONNX graph returns the sum of path lengths; the rest is computed here, in float64.
"""

import math
from dataclasses import dataclass

import numpy as np
import onnxruntime

from petrostream.arrays import FloatArray
from petrostream.detection.extraction import RowArray

SCORE_DECIMALS = 6
_ERRORS_ONLY = 3
_OUTPUTS = ["path_length"]

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
    """

    session: onnxruntime.InferenceSession
    features: int
    trees: int
    normaliser: float

    def score(self, rows: RowArray) -> FloatArray:
        """Score rows of shape (n, k) without NaN: shape (n,), 0 to 1, rounded to `SCORE_DECIMALS`."""
        features = np.ascontiguousarray(rows, np.float32)
        (total,) = self.session.run(_OUTPUTS, {"features": features}, _RUN)
        mean: FloatArray = total[:, 0].astype(np.float64) / self.trees
        score: FloatArray = np.exp2(mean / -self.normaliser).round(SCORE_DECIMALS)
        return score


def load_forest(onnx_bytes: bytes) -> Forest:
    """Load a forest from its ONNX file.

    Args:
        onnx_bytes: a graph with input `features` float32 (n, k) and output `path_length` (n, 1), and with
            `n_trees` and `max_samples` in its metadata.

    Raises:
        ForestFormatError: the bytes are not such a graph.
    """
    options = onnxruntime.SessionOptions()
    # The scoring function has one core: more threads only add start-up time and spinning.
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.log_severity_level = _ERRORS_ONLY
    try:
        session = onnxruntime.InferenceSession(onnx_bytes, options, providers=["CPUExecutionProvider"])
        width = int(session.get_inputs()[0].shape[1])
        names = (session.get_inputs()[0].name, session.get_outputs()[0].name)
        meta = session.get_modelmeta().custom_metadata_map
        trees, samples = int(meta["n_trees"]), int(meta["max_samples"])
    except Exception as error:  # ONNX Runtime's exception types share no base class but Exception
        raise ForestFormatError(f"not an ONNX forest: {error!r}") from error
    if names != ("features", "path_length") or trees < 1 or samples < 2:
        raise ForestFormatError(
            f"not an ONNX forest: graph {names} with {trees} trees of {samples} samples; expected input "
            "'features', output 'path_length', at least 1 tree and 2 samples"
        )
    return Forest(session, width, trees, average_path_length(samples))


def average_path_length(samples: int) -> float:
    """Return c(psi), the mean path length of an unsuccessful search in a binary search tree of psi points.

    Args:
        samples: psi; no search is needed for one point or none.

    Source: Liu, Ting, Zhou 2008, equation 1.
    """
    if samples <= 2:
        return float(samples == 2)
    return 2.0 * (math.log(samples - 1.0) + float(np.euler_gamma)) - 2.0 * (samples - 1.0) / samples
