"""The detector on real wells that its forest has not seen: quiet in normal operation, and no event missed."""

import numpy as np
import pytest

from ml.data.dataset import find_instances, read_instance
from ml.training.baseline import instance_baseline, normal_period
from ml.training.models import baseline_entry, fit_entry, well_entry
from ml.training.pool import Pool
from petrostream.alarms.engine import DEFAULT_LIMITS
from petrostream.detection.detector import detect, load_model
from petrostream.gauges.features import quantise, window_stats
from tests.support.depth import deep_only
from tests.support.paths import REAL_3W

ON_S, OFF_S, DEADBAND = 10, 60, DEFAULT_LIMITS.score_deadband
SEEN_S = 1800
SEED = 7

pytestmark = [
    # The whole path meets these bars on the same wells in tests/unit/ml/test_streaming_eval.py.
    deep_only,
    pytest.mark.real3w,
    pytest.mark.skipif(
        not REAL_3W.is_dir(), reason=f"no real 3W instances at {REAL_3W} (set PETROSTREAM_3W)"
    ),
]


def onsets(score, threshold):
    """Seconds at which an alarm begins: 10 s above the threshold, until 60 s below it less the deadband."""
    found, active, run = [], False, 0
    for second, value in enumerate(np.nan_to_num(score).tolist()):
        counts = value < threshold - DEADBAND if active else value > threshold
        run = run + 1 if counts else 0
        if run >= (OFF_S if active else ON_S):
            if not active:
                found.append(second)
            active, run = not active, 0
    return found


@pytest.fixture(scope="module", params=["real", "all"])
def commissioned(request):
    """The real instances of classes 2 and 6 with two minutes or more for a baseline, and the forest's pool.

    The pool has these wells, or simulated ones as well, which are much quieter.
    """
    pool, wells = Pool(), []
    for file in find_instances(REAL_3W, classes=[2, 6]):
        if not file.is_real and request.param == "real":
            continue
        period = normal_period(read_instance(file))
        if period.split - period.start >= 120:
            baseline = instance_baseline(period, min_normal_s=120)
            pool.add_period(baseline, period)
            if file.is_real:
                wells.append((period, baseline))
    return pool, wells


@pytest.fixture(scope="module")
def verdicts(commissioned):
    """Of each instance: false alarms in held-out normal time, and the delay of the first alarm after it."""
    pool, wells = commissioned
    forests = {one.well_id: pool.fit("commissioned", SEED, without=one.well_id) for _, one in wells}
    found = {}
    for period, baseline in wells:
        forest = forests[baseline.well_id]
        part = baseline_entry(baseline, baseline.from_ms)
        model = load_model(well_entry([part], fit_entry(forest, SEED)), forest.load())
        onset = int(np.argmax(period.instance.in_event))
        rows = slice(period.start, onset + SEEN_S)
        counts = quantise(period.values[rows][:, model.extractor.sensors], model.extractor.sensors)
        score = detect(
            model, window_stats(period.instance.ts_ms[rows], counts, model.extractor.sensors)
        ).score
        begun = [at + period.split for at in onsets(score[period.split - period.start :], model.threshold)]
        delays = [at - onset for at in begun if at >= period.end]
        found[period.instance.source] = (sum(at < period.end for at in begun), delays[:1])
    return found


def test_no_false_alarm_in_the_normal_operation_held_out(verdicts):
    assert {source: false for source, (false, _) in verdicts.items() if false} == {}


def test_no_event_is_missed(verdicts):
    assert [source for source, (_, delays) in verdicts.items() if not delays] == []


def test_half_of_the_events_are_seen_within_twenty_seconds(verdicts):
    assert np.median([delay for _, delays in verdicts.values() for delay in delays]) <= 20
