"""VUS-PR: how well scores rank a series, whatever the threshold, and forgiving about an event's edges.

Source: J. Paparrizos et al., "Volume Under the Surface: A New Accuracy Evaluation Measure for Time-Series
Anomaly Detection", PVLDB 15(11), 2022, and the authors' code where the article leaves something open. For
each buffer length l from 0 to L, a point next to an event counts in part: sqrt(1 - d / l) at distance d, up
to l / 2 before it and less than that after it. Recall is that of these soft labels, times the share of events
with at least one point found; precision is that of the soft labels. The area under their curve is summed as
average precision is, here over all thresholds, where the authors sample 250. VUS-PR is its mean over the
buffers: 1 for a perfect ranking, about the share of anomalous points for a constant one.
"""

import numpy as np

from petrostream.arrays import BoolArray, FloatArray, IntArray


def vus_pr(label: BoolArray, score: FloatArray, buffer: int) -> float:
    """VUS-PR of a series.

    Args:
        label: shape (n,), where the series is anomalous; somewhere.
        score: shape (n,), higher is less normal, without NaN.
        buffer: largest buffer L, points.

    Raises:
        ValueError: nothing is anomalous.
    """
    if not label.any():
        raise ValueError("VUS-PR needs an anomalous point")
    areas = [_area(soft_labels(label, size), label, score) for size in range(buffer + 1)]
    return float(np.mean(areas))


def soft_labels(label: BoolArray, buffer: int) -> FloatArray:
    """Labels that fade at the edges of events: shape (n,), 0 to 1.

    Args:
        label: shape (n,).
        buffer: its length l, points.
    """
    soft = label.astype(np.float64)
    reach = buffer // 2
    if not reach:
        return soft
    faded = np.sqrt(1.0 - np.arange(reach) / buffer)
    starts, ends = _segments(label)
    for start, last in zip(starts.tolist(), (ends - 1).tolist(), strict=True):
        after = soft[last : last + reach]
        after += faded[: len(after)]
        before = soft[max(start - reach, 0) : start]
        before += np.sqrt(1.0 - np.arange(reach, 0, -1) / buffer)[reach - len(before) :]
    limited: FloatArray = np.minimum(soft, 1.0)
    return limited


def _segments(label: BoolArray) -> tuple[IntArray, IntArray]:
    """First and one past the last point of each run of true."""
    edges = np.diff(np.concatenate([[0], label.astype(np.int8), [0]]))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)


def _area(soft: FloatArray, label: BoolArray, score: FloatArray) -> float:
    """Area under the range-based precision-recall curve of one buffer."""
    order = np.argsort(-score, kind="stable")
    ranked = score[order]
    # Points of equal score are found together.
    last = np.flatnonzero(np.append(np.diff(ranked) != 0, True))
    true = np.cumsum(soft[order])[last]
    precision = true / (last + 1)
    positives = (label.sum() + soft.sum()) / 2.0
    starts, ends = _segments(soft > 0)
    peaks = np.array([score[first:end].max() for first, end in zip(starts, ends, strict=True)])
    found = (peaks[None, :] >= ranked[last][:, None]).mean(axis=1)
    recall = np.minimum(true / positives, 1.0) * found
    return float(np.diff(recall, prepend=0.0) @ precision)
