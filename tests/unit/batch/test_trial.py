"""A new baseline goes live only if it is in no respect worse on what neither model has seen."""

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch import BatchSettings, JobContext, JobRequest, RequestInvalid, run_job
from batch.retrain import _ms
from batch.trial import NormalStretch, Retraining, hold, worse
from ml.commission import commission
from ml.data.dataset import write_instance
from ml.evaluation.verdicts import Totals, total
from ml.registry import FolderRegistry, RegistryError, current_version, publish, read_live
from ml.simulate import simulate_instance
from ml.training.baseline import plausible
from ml.training.files import write_version
from ml.training.models import Options, train
from ml.training.period import Period
from petrostream.schema import SENSOR_INDEX
from petrostream.times import DAY_MS
from tests.unit.batch.test_jobs import ENVIRONMENT

WHEN = datetime(2026, 1, 2, tzinfo=UTC)
WELL = "WELL-00042"
PRESSURES = [SENSOR_INDEX[name] for name in ("p_pdg", "p_tpt", "p_mon_ckp")]
NOTHING = total([])


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    return simulate_instance(tmp_path_factory.mktemp("data"), 0, 2, seed=7, minutes=45)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    other = simulate_instance(tmp_path_factory.mktemp("other"), 6, 1, seed=7, minutes=45)
    folder = tmp_path_factory.mktemp("models")
    write_version(folder, "first", train({other.well_id: [other]}, Options(trees=30)), created_at=WHEN)
    return folder / "first"


@pytest.fixture
def registry(trained, tmp_path):
    registry = FolderRegistry(tmp_path / "registry")
    publish(trained, registry)
    return registry


@pytest.fixture
def period(instance):
    rows = slice(0, 2400)
    values = plausible(instance.values)[rows]
    return Period(
        WELL, (instance.source,), instance.ts_ms[rows], values, instance.label[rows], instance.state[rows]
    )


def course(registry, period, held_back=None):
    return Retraining(registry, lambda *_: period, held_back, WHEN)


def stretch(period, well=WELL):
    return NormalStretch(well, int(period.ts_ms[0]), int(period.ts_ms[-1]) + 1000)


def test_a_well_gets_a_baseline_of_the_first_part_and_is_judged_on_the_rest(registry, period):
    outcome = hold(course(registry, period), [stretch(period)])
    decided = outcome.wells[WELL]
    assert decided["decision"] == "taken", decided
    assert "no event was held back" in decided["why"]
    assert decided["to_ms"] < period.ts_ms[int(0.6 * len(period))]
    assert decided["new"]["normal_hours"] == pytest.approx(0.4 * 2400 / 3600, rel=0.01)
    # Nothing is live before it is published.
    assert current_version(registry) == "first"
    version = outcome.publish(registry)
    manifest, _ = read_live(registry)
    assert manifest["version"] == version == current_version(registry)
    assert {WELL, "SIM-6-00001"} <= manifest["wells"].keys()


def test_a_baseline_that_raises_false_alarms_is_not_taken_and_the_figures_say_so(tmp_path, period):
    """The first part is quieter than the well usually is: its baseline alarms on the rest."""
    registry = FolderRegistry(tmp_path / "registry")
    usual = period.values.copy()
    for sensor in PRESSURES:
        usual[:, sensor] += 4 * (usual[:, sensor] - np.nanmean(usual[:, sensor]))
    commission(registry, replace(period, values=usual), version="live", created_at=WHEN)
    quiet = np.vstack([period.values[:1500], usual[1500:]])
    outcome = hold(course(registry, replace(period, values=quiet)), [stretch(period)])
    decided = outcome.wells[WELL]
    assert decided["decision"] == "kept"
    assert decided["new"]["false_alarms"] > decided["live"]["false_alarms"] == 0
    assert "false alarms in 0.27 h of normal operation, the live model 0" in decided["why"]
    assert "of the normal time in alarm, over 2%" in decided["why"]
    assert not outcome.accepted
    assert current_version(registry) == "live"


def test_a_stretch_that_cannot_commission_is_refused_with_the_reasons_and_an_older_one_tried(
    registry, period
):
    labelled = replace(period, label=np.where(np.arange(2400) < 300, 6, 0))
    asked = []

    def read(well, first, last):
        asked.append((first, last))
        return labelled if len(asked) == 1 else period

    one = stretch(period)
    older = replace(one, from_ms=one.from_ms - 1000, to_ms=one.to_ms - 1000)
    outcome = hold(Retraining(registry, read, None, WHEN), [older, one])
    assert [last for _, last in asked] == [one.to_ms, older.to_ms]
    assert outcome.wells[WELL]["decision"] == "taken"
    asked.clear()
    outcome = hold(Retraining(registry, lambda *_: labelled, None, WHEN), [one])
    assert outcome.wells[WELL]["decision"] == "kept"
    assert "labelled as an event" in outcome.wells[WELL]["why"]
    assert not outcome.accepted


def test_events_of_a_folder_count_where_they_begin_after_the_baseline(registry, period, tmp_path):
    event = simulate_instance(tmp_path / "made", 6, 3, seed=7, minutes=45)
    for name, start in (
        ("20240308000000", period.ts_ms[-1] + 60_000),
        ("20240301000000", period.ts_ms[0] - DAY_MS),
    ):
        path = tmp_path / "held back" / "6" / f"{WELL}_{name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_instance(replace(event, path=path, well_id=WELL, ts_ms=event.ts_ms - event.ts_ms[0] + start))
    outcome = hold(course(registry, period, tmp_path / "held back"), [stretch(period)])
    assert outcome.wells[WELL]["new"]["events"] == outcome.wells[WELL]["live"]["events"] == 1


def test_another_version_that_went_live_meanwhile_is_not_overwritten(registry, period):
    outcome = hold(course(registry, period), [stretch(period)])
    commission(registry, period, version="by-hand", created_at=WHEN)
    with pytest.raises(RegistryError, match="by-hand went live meanwhile"):
        outcome.publish(registry)
    assert current_version(registry) == "by-hand"


GOOD = replace(NOTHING, events=2, missed=0, normal_hours=1.0, false_alarms=0, normal_share_in_alarm=0.0,
               median_delay_s=10.0)  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"missed": 1}, "misses 1 of 2 events, the live model 0"),
        ({"false_alarms": 1}, "1 false alarms in 1.00 h of normal operation, the live model 0"),
        ({"normal_share_in_alarm": 0.02}, "2.0% more of the normal time in alarm"),
        ({"median_delay_s": 16.0}, "detects events 6 s later in the median"),
    ],
)
def test_each_respect_in_which_a_model_is_worse_is_named(change, said):
    assert worse(GOOD, replace(GOOD, **change)) == [said]
    assert worse(replace(GOOD, **change), GOOD) == []


def test_no_baseline_is_taken_that_is_in_alarm_most_of_the_time_however_bad_the_live_one_is():
    bad = replace(GOOD, normal_share_in_alarm=0.6)
    assert worse(bad, bad) == ["60.0% of the normal time in alarm, over 2%"]


@given(st.builds(replace, st.just(GOOD), missed=st.integers(0, 2), false_alarms=st.integers(0, 9)))
def test_no_model_is_worse_than_itself(figures: Totals):
    assert worse(figures, figures) == []


def test_a_registry_without_models_gets_its_first_version(tmp_path, period):
    registry = FolderRegistry(tmp_path / "empty")
    outcome = hold(course(registry, period), [stretch(period)])
    assert outcome.wells[WELL]["decision"] == "taken"
    assert list(outcome.manifest["wells"]) == [WELL]


def test_options_that_cannot_be_used_are_refused():
    context = JobContext(BatchSettings.from_environment(ENVIRONMENT), client=lambda _: None)
    for option in ({"held_back": "/no/such/folder"}, {"wells": "WELL-00001"}):
        with pytest.raises(RequestInvalid):
            run_job(context, JobRequest.from_event({"job": "retrain", **option}))


def test_times_of_sql_are_utc():
    assert _ms(datetime(1970, 1, 1, 0, 1)) == 60_000
