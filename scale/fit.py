"""What `bench/scale.py` has measured: the least of several passes, and what a batch takes, fitted to it."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.optimize import nnls


def least(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """One shape's figures of several passes: the least processor time of each kind of batch.

    What else a machine does only adds to it, and often for minutes: longer than the rounds of a shape take.
    """
    best = dict(min(found, key=lambda one: one["cpu_ms"]))
    for kind in ("cold", "storing"):
        one = min(found, key=lambda one: one[f"{kind}_cpu_ms"])
        best |= {name: value for name, value in one.items() if name.startswith(f"{kind}_")}
    return best


def fitted(shapes: list[dict[str, Any]]) -> dict[str, Any]:
    """Processor milliseconds of a batch, of each of its records, facilities, wells and so on.

    Non-negative least squares of the relative error over the warm shapes, and over batches that stored all
    memories. `well_hz_ms` is what a well costs for each hertz at which it sends: its three minutes are as
    many more observations.
    """
    features = [
        [
            1,
            one["records"],
            one["facilities"],
            one["well_visits"],
            one["well_visits"] * one["hz"],
            one["readings"],
            one[f"{kind}calls"].get("minute", 0),
            one["storing_calls"].get("snapshot", 0) * one["wells"] if kind else 0,
        ]
        for one in shapes
        for kind in ("", "storing_")
    ]
    spent = np.array([one[f"{kind}cpu_ms"] for one in shapes for kind in ("", "storing_")])
    known, _ = nnls(np.array(features) / spent[:, None], np.ones(len(spent)))
    off = np.array(features) @ known / spent - 1
    names = ("batch", "record", "facility", "well", "well_hz", "reading", "minute", "stored")
    return {
        **{f"{name}_ms": round(float(value), 5) for name, value in zip(names, known, strict=True)},
        "mean_error": round(float(np.mean(np.abs(off))), 3),
        "largest_error": round(float(np.max(np.abs(off))), 3),
    }
