"""PetroStream's judgement of the benchmark's windows: is the forest's alarm raised within the window?"""

from dataclasses import replace

import numpy as np

from ml.data.dataset import Instance
from ml.evaluation.models import LeftOut
from ml.evaluation.stream import stream
from ml.evaluation.vargas import WINDOW, Windows
from ml.training.baseline import NoBaselineError, make_baseline, plausible
from petrostream.alarms import ALARM_TYPES, FOREST
from petrostream.arrays import BoolArray
from petrostream.detection import ModelSet

WARM_UP_S = 30
"""A window starts cold, without history; alarms use only what follows the shortest feature window."""

HOLD_S = ALARM_TYPES[FOREST].on_delay_s


def judge_windows(instance: Instance, windows: Windows, left_out: LeftOut) -> BoolArray:
    """Which windows are anomalous: shape (b,), none for a well that can't be commissioned.

    The baseline is made from the rows of the training windows only; each window is streamed on
    its own, through validation, scoring and alarms.

    Args:
        instance: the evaluated instance.
        windows: its windows.
        left_out: forests trained without the well.
    """
    rows = windows.training_rows
    try:
        baseline = make_baseline(
            instance.well_id,
            instance.source,
            instance.ts_ms[rows],
            plausible(instance.values[rows]),
            min_normal_s=0.0,
        )
    except NoBaselineError:
        return np.zeros(len(windows.test), np.bool_)
    judged = []
    for first in windows.test.tolist():
        models = left_out.commissioned(baseline, int(instance.ts_ms[first]) + 1000 * WARM_UP_S)
        judged.append(_in_alarm(instance, first, models))
    return np.array(judged, np.bool_)


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
