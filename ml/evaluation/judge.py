"""PetroStream's judgement of the benchmark's windows: is the forest's alarm raised within the window?"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ml.data.dataset import Instance
from ml.evaluation.stream import stream
from ml.evaluation.vargas import WINDOW, Windows
from ml.training.baseline import Baseline, NoBaselineError, make_baseline, plausible
from petrostream.alarms import ALARM_TYPES, FOREST
from petrostream.arrays import BoolArray, FloatArray
from petrostream.detection import ModelSet

BaselineModels = Callable[[Baseline, int], ModelSet]
"""The models of a baseline, in service from a time on, epoch ms."""

WARM_UP_S = 30
"""A window starts cold, without history; alarms use only what follows the shortest feature window."""

HOLD_S = ALARM_TYPES[FOREST].on_delay_s


def judge_windows(instance: Instance, windows: Windows, models: BaselineModels) -> BoolArray:
    """Which windows are anomalous: shape (b,), none for a well that can't be commissioned.

    The baseline is made from the rows of the training windows only; each window is streamed on
    its own, through validation, scoring and alarms.

    Args:
        instance: the evaluated instance.
        windows: its windows.
        models: the models of a baseline from a time on, which know nothing else of the well.
    """
    baseline = window_baseline(instance, windows)
    if baseline is None:
        return np.zeros(len(windows.test), np.bool_)
    judged = []
    for first in windows.test.tolist():
        begins_ms = int(instance.ts_ms[first]) + 1000 * WARM_UP_S
        judged.append(_in_alarm(instance, first, models(baseline, begins_ms)))
    return np.array(judged, np.bool_)


def score_rows(instance: Instance, windows: Windows, models: BaselineModels) -> FloatArray:
    """Scores of an instance streamed on the baseline of the training windows: shape (n,), NaN before them.

    Args:
        instance: the instance.
        windows: its windows.
        models: as in `judge_windows`.
    """
    baseline = window_baseline(instance, windows)
    if baseline is None:
        return np.full(len(instance), np.nan)
    begins_ms = int(instance.ts_ms[windows.training_rows.stop])
    return stream(instance, models(baseline, begins_ms), block_s=600).score


def window_baseline(instance: Instance, windows: Windows) -> Baseline | None:
    """The baseline from the rows of the training windows, None where they yield none."""
    rows = windows.training_rows
    values = plausible(instance.values[rows])
    try:
        return make_baseline(
            instance.well_id, instance.source, instance.ts_ms[rows], values, min_normal_s=0.0
        )
    except NoBaselineError:
        return None


def _in_alarm(instance: Instance, first: int, models: ModelSet) -> bool:
    rows = slice(first, first + WINDOW)
    window = replace(
        instance,
        ts_ms=instance.ts_ms[rows],
        values=instance.values[rows],
        label=instance.label[rows],
        state=instance.state[rows],
    )
    found = stream(window, models, block_s=WINDOW)
    return any(alarm.alarm_type == FOREST for alarm in found.alarms)
