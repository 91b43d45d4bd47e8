"""How models perform on recorded instances, scored by the serving code: for the training report.

This is a first impression. `ml.benchmark` and `ml.streaming_eval` measure a detector properly, on wells that
it has not seen.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ml.data.dataset import Instance
from ml.training.baseline import normal_period
from petrostream.arrays import BoolArray, FloatArray
from petrostream.detection import ModelSet, detect
from petrostream.gauges import quantise, window_stats

SUSTAINED_S = 10
"""Flagged seconds in a row that count as an alarm."""


def serve(models: ModelSet, instance: Instance, values: FloatArray) -> tuple[FloatArray, BoolArray]:
    """What serving would return for a whole instance.

    Args:
        models: the models.
        instance: n readings.
        values: its values with impossible ones taken out, shape (n, 27).

    Returns:
        Scores, NaN where there is none, and flags; shape (n,).
    """
    score, flags = np.full(len(instance), np.nan), np.zeros(len(instance), np.bool_)
    there = np.flatnonzero(np.isfinite(values).any(axis=0))
    stats = window_stats(instance.ts_ms, quantise(values[:, there], there), there)
    for model, at in models.segments(instance.well_id, instance.ts_ms):
        if model is not None:
            found = detect(model, stats.take(at))
            score[at], flags[at] = found.score, found.anomalous
    return score, flags


@dataclass(slots=True)
class Seen:
    """Gathers the figures of instances.

    Attributes:
        held_out: scores of the last 40 % of their normal periods.
        flagged: how many of those are flagged.
        events: how each event was seen.
    """

    held_out: list[FloatArray] = field(default_factory=list)
    flagged: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    def add(self, models: ModelSet, instance: Instance) -> None:
        """Adds an instance."""
        period = normal_period(instance)
        score, flags = serve(models, instance, period.values)
        rest = slice(period.split, period.end)
        self.held_out.append(score[rest][np.isfinite(score[rest])])
        self.flagged += int(flags[rest].sum())
        rows = np.flatnonzero(instance.in_event)
        if len(rows):
            self.events.append(_event(instance.source, flags, rows[0], float(flags[rows].mean())))

    def metrics(self, parity: float) -> dict[str, Any]:
        """The figures for the manifest.

        Args:
            parity: largest difference of scores between ONNX and scikit-learn.
        """
        scores = np.concatenate([np.empty(0), *self.held_out])
        known = len(scores) > 0
        return {
            "parity": parity,
            "held_out_rows": len(scores),
            "held_out_flagged": self.flagged / len(scores) if known else 0.0,
            "held_out_median": float(np.median(scores)) if known else None,
            "held_out_p999": float(np.quantile(scores, 0.999)) if known else None,
            "events": self.events,
        }


def sustained(flags: BoolArray) -> BoolArray:
    """Where the last `SUSTAINED_S` of n readings at 1 Hz are all flagged; shape (n,)."""
    held: BoolArray = np.convolve(flags, np.ones(SUSTAINED_S), "full")[: len(flags)] >= SUSTAINED_S
    return held


def _event(source: str, flags: BoolArray, start: int, share: float) -> dict[str, Any]:
    after = np.flatnonzero(sustained(flags)[start:])
    return {"instance": source, "delay_s": int(after[0]) if len(after) else None, "flagged": share}
