"""The streaming evaluation: what counts as what, and that it streams what the cloud would score."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ml.data.dataset import NO_LABEL, find_instances, read_instance, write_instance
from ml.evaluation.ageing import age_band
from ml.evaluation.models import LeftOut
from ml.evaluation.stream import stream
from ml.evaluation.svg import BINS, duration, thin
from ml.evaluation.verdicts import AlarmSpan, judge_alarms, most_expected, total
from ml.simulate import simulate_instance
from ml.streaming_eval import Evaluation, app
from ml.training.baseline import instance_baseline, normal_period
from tests.support.paths import REAL_3W

SPLIT, NORMAL_END, EVENT, STEADY = 300, 500, 520, 700
LABEL = np.concatenate(
    [
        np.zeros(NORMAL_END, np.int64),
        np.full(EVENT - NORMAL_END, NO_LABEL),
        np.full(STEADY - EVENT, 102),
        np.full(100, 2),
        np.full(100, NO_LABEL),
    ]
)
TS_MS = 1_500_000_000_000 + 1000 * np.arange(len(LABEL))


def verdict(*alarms):
    spans = [AlarmSpan(*alarm) for alarm in alarms]
    return judge_alarms(TS_MS, LABEL, spans, SPLIT)


def test_without_an_alarm_the_event_is_missed():
    found = verdict()

    assert found.missed
    assert found.delay_s is None
    assert found.normal_s == NORMAL_END - SPLIT
    assert (found.false_alarms, found.false_per_hour, found.alarm_s) == (0, 0.0, 0.0)


def test_the_delay_counts_from_the_first_labelled_second():
    found = verdict((EVENT + 12, STEADY), (EVENT + 200, EVENT + 210))

    assert found.delay_s == 12.0
    assert not found.missed
    assert found.event_alarms == 2
    assert found.event_alarm_s == STEADY - EVENT - 12 + 10


def test_an_alarm_in_the_unlabelled_gap_is_early_and_not_false():
    found = verdict((NORMAL_END, NORMAL_END + 5))

    assert found.delay_s == NORMAL_END - EVENT
    assert found.false_alarms == 0
    assert total([found]).early == 1
    assert total([found]).median_delay_s == 0.0


def test_an_alarm_in_normal_time_is_false_and_detects_nothing_while_active():
    found = verdict((NORMAL_END - 1, STEADY))

    assert found.false_alarms == 1
    assert found.missed
    assert found.standing
    assert found.alarm_s == 1.0


def test_a_new_alarm_beside_one_active_since_normal_time_detects():
    found = verdict((NORMAL_END - 1, STEADY), (EVENT + 3, STEADY))

    assert (found.false_alarms, found.delay_s) == (1, 3.0)


def test_an_alarm_after_the_event_is_neither_false_nor_a_detection():
    found = verdict((len(LABEL) - 50, len(LABEL)))

    assert found.missed
    assert found.false_alarms == 0


def test_alarms_while_commissioning_are_not_counted():
    assert verdict((SPLIT - 10, SPLIT - 2)).false_alarms == 0


def test_normal_operation_alone_has_no_event():
    label = np.zeros(4000, np.int64)
    found = judge_alarms(1000 * np.arange(4000), label, [AlarmSpan(1000, 1100)], 400)

    assert found.event is None
    assert not found.missed
    assert found.false_per_hour == 1.0
    assert found.alarm_s == 100.0


def test_a_gap_in_the_data_is_no_normal_time():
    ts_ms = TS_MS.copy()
    ts_ms[400:] += 3_600_000

    assert judge_alarms(ts_ms, LABEL, [], SPLIT).normal_s == NORMAL_END - SPLIT - 1 + 60


def test_totals_pool_hours_and_take_medians_over_instances():
    hour = judge_alarms(
        1000 * np.arange(3600), np.zeros(3600, np.int64), [AlarmSpan(5, 6), AlarmSpan(50, 51)]
    )
    quiet = judge_alarms(1000 * np.arange(10_800), np.zeros(10_800, np.int64), [])
    late = verdict((EVENT + 40, STEADY))
    figures = total([hour, quiet, quiet, late, verdict()])

    assert figures.instances == 5
    assert (figures.events, figures.missed) == (2, 1)
    assert figures.false_alarms == 2
    assert figures.false_alarms_per_hour == pytest.approx(2 / (7 + 400 / 3600))
    assert figures.median_false_alarms_per_hour == 0.0
    assert figures.median_delay_s == 40.0


@pytest.mark.parametrize(("seen", "most"), [(0, 2.996), (1, 4.744), (10, 16.962), (100, 118.079)])
def test_few_hours_prove_little(seen, most):
    """Table of exact Poisson limits, one-sided 95 %."""
    assert most_expected(seen) == pytest.approx(most, abs=1e-3)


def test_totals_of_nothing_are_unknown_and_not_zero():
    figures = total([])

    assert figures.false_alarms_per_hour is None
    assert figures.median_delay_s is None


@given(st.lists(st.tuples(st.integers(SPLIT, 899), st.integers(1, 300)), max_size=6))
def test_every_alarm_is_counted_at_most_once(spans):
    alarms = sorted((onset, min(onset + length, len(LABEL))) for onset, length in spans)
    found = verdict(*alarms)

    assert found.false_alarms + found.event_alarms <= len(alarms)
    assert found.alarm_s <= found.normal_s
    assert found.event_alarm_s <= found.event_s
    assert found.missed == (not any(NORMAL_END <= onset < STEADY + 100 for onset, _ in alarms))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("3w")
    for event_class in (0, 2, 6):
        write_instance(simulate_instance(folder, event_class, 1, seed=7, minutes=40))
    return folder


@pytest.fixture(scope="module")
def reports(dataset, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "new"
    arguments = ["--data", str(dataset), "--json", str(out / "a.json"), "--html", str(out / "a.html")]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return json.loads((out / "a.json").read_bytes()), (out / "a.html").read_text(), result.output


def test_the_summary_has_the_figures_an_operator_asks_for(reports):
    figures, _, output = reports
    found = figures["summary"]

    assert found["instances"] == 3
    assert found["events"] == 2
    assert found["missed"] == 0
    assert found["false_alarms_per_hour"] == 0.0
    assert found["median_false_alarms_per_hour"] == 0.0
    assert 0 <= found["median_delay_s"] <= found["p90_delay_s"] < 60
    assert [one["instance"] for one in figures["instances"]] == [
        "0/SIMULATED_00001",
        "2/SIMULATED_00001",
        "6/SIMULATED_00001",
    ]
    assert "None is real" in output


def test_groups_add_up_to_the_summary(reports):
    figures, _, _ = reports

    for groups in (figures["by_class"], figures["by_well"]):
        for key in ("instances", "events", "missed", "false_alarms"):
            assert sum(one[key] for one in groups.values()) == figures["summary"][key]


def test_alarms_are_listed_with_what_they_stood_for(reports):
    figures, _, _ = reports
    event = figures["instances"][1]

    assert event["delay_s"] == min(one["seconds_after_event"] for one in event["alarms"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["alarms"][0]["onset"])
    assert event["baseline"]["seconds"] > 120


def test_the_events_that_alarms_named_are_counted_by_label(reports):
    figures, page, _ = reports
    named = figures["named_events"]

    # The closure's alarms come before its label: they count as early, not by label, and name it all the same.
    closure, restriction = (row["alarms"] for row in figures["instances"][1:])
    assert {one["likely_event"] for one in closure} == {"spurious closure of DHSV"}
    assert restriction[0]["likely_event"] == "quick restriction in PCK"
    assert "quick restriction in PCK" in named
    for label, events in named.items():
        assert label in events
        assert set(events) <= {label, "unknown"}
    listed = [one for row in figures["instances"] for one in row["alarms"] if one["label"]]
    assert sum(sum(events.values()) for events in named.values()) == len(listed)
    assert "Events named by alarms" in page


def test_wells_never_seen_are_evaluated_beside(reports):
    figures, _, _ = reports

    assert len(figures["fleet"]["instances"]) == 3
    assert all(one["baseline"] is None for one in figures["fleet"]["instances"])


def test_the_report_is_one_file_that_fetches_nothing(reports):
    _, page, _ = reports

    assert page.count("<svg") == page.count("</svg>") == 5
    assert "2/SIMULATED_00001" in page
    assert not re.search(r"(src|href)=|@import|url\(|<script", page)
    assert "nan" not in page.lower().replace("annan", "")


@pytest.fixture(scope="module")
def well(dataset):
    instance = read_instance(find_instances(dataset, classes=[2])[0])
    left_out = LeftOut(3)
    period = left_out.learn(instance)
    begins_ms = int(instance.ts_ms[period.split])
    return instance, left_out.commissioned(instance_baseline(period), begins_ms), period


def test_the_length_of_blocks_changes_nothing(well):
    instance, models, _ = well
    onset = int(np.argmax(instance.in_event))
    part = slice(onset - 300, onset + 300)
    short = replace(
        instance,
        ts_ms=instance.ts_ms[part],
        values=instance.values[part],
        label=instance.label[part],
        state=instance.state[part],
    )
    whole, seconds = stream(short, models, block_s=10_000), stream(short, models, block_s=1)

    np.testing.assert_array_equal(whole.score, seconds.score)
    assert np.isfinite(whole.score).any()
    assert whole.alarms
    assert whole.alarms == seconds.alarms


def test_the_forest_is_silent_until_the_well_is_commissioned(well):
    instance, models, period = well
    found = stream(instance, models)

    assert np.isnan(found.score[: period.split]).all()
    assert np.isfinite(found.score[period.split :]).any()
    assert all(alarm.onset >= period.split for alarm in found.alarms if alarm.alarm_type == "forest")
    assert found.rejected == 0


def test_what_follows_an_alarm_does_not_change_it(well):
    """No foresight: what was seen up to a second is the same if the stream ends there."""
    instance, models, _ = well
    found = stream(instance, models)
    first = found.alarms[0].onset
    kept = slice(0, first + 1)
    ended = replace(
        instance,
        ts_ms=instance.ts_ms[kept],
        values=instance.values[kept],
        label=instance.label[kept],
        state=instance.state[kept],
    )

    np.testing.assert_array_equal(stream(ended, models).score, found.score[kept])
    assert stream(ended, models).alarms[0].onset == first


def test_the_forest_is_not_trained_on_the_evaluated_well(dataset):
    """Whatever the evaluated well's own period looks like, its forest comes from the others."""
    files = find_instances(dataset)
    left_out, other = LeftOut(3), LeftOut(3)
    for file in files:
        instance = read_instance(file)
        left_out.learn(instance)
        if file.event_class == 2:
            noise = np.random.default_rng(0).normal(scale=1e5, size=instance.values.shape)
            instance = replace(instance, values=instance.values + noise)
            baseline = instance_baseline(normal_period(read_instance(file)))
        other.learn(instance)
    rows = np.random.default_rng(1).normal(size=(50, 6)).astype(np.float32)
    well = baseline.well_id

    (mine,) = left_out.commissioned(baseline, 0).wells[well]
    (its,) = other.commissioned(baseline, 0).wells[well]
    np.testing.assert_array_equal(mine.forest.score(rows), its.forest.score(rows))


def test_an_instance_without_normal_operation_is_reported(dataset):
    instance = read_instance(find_instances(dataset, classes=[6])[0])
    shown = replace(instance, label=np.full(len(instance), 6))
    evaluation = Evaluation(1)
    evaluation.watch(shown)
    figures = evaluation.result(1)

    assert figures["not_commissioned"] == {shown.source: "no normal operation is labelled"}
    assert figures["summary"]["instances"] == 0
    assert figures["fleet"]["forest"]["without_normal_period"]["instances"] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--class", "9"], "holds no such instance; classes and wells there are"),
        (["--well", "WELL-00001"], "0/SIM-0-00001"),
        (["--models", "no/such/registry"], "no models are in service there"),
    ],
)
def test_what_is_not_there_is_reported_in_one_line(dataset, arguments, message):
    result = CliRunner().invoke(app, ["--data", str(dataset), *arguments])

    assert result.exit_code == 1
    assert message in result.output
    assert "Traceback" not in result.output


def test_a_drawn_score_keeps_its_peaks():
    seconds = np.arange(100_000.0)
    score = np.full(100_000, 0.4)
    score[77_777] = 0.9

    drawn = thin(seconds, score, 0.0, 99_999.0)
    assert len(drawn) == BINS
    assert np.nanmax(drawn) == 0.9


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (45, "45 s"), (-300, "-5 min"), (7200, "2 h"), (90, "90 s")]
)
def test_durations_read_as_people_write_them(seconds, text):
    assert duration(seconds) == text


@pytest.mark.real3w
@pytest.mark.skipif(not REAL_3W.is_dir(), reason=f"no real 3W instances at {REAL_3W} (set PETROSTREAM_3W)")
def test_real_instances_meet_the_bars(tmp_path):
    out = tmp_path / "a.json"
    result = CliRunner().invoke(
        app, ["--data", str(REAL_3W), "--class", "2", "--class", "6", "--json", str(out)]
    )
    assert result.exit_code == 0, result.output
    found = json.loads(out.read_bytes())["summary"]

    assert found["instances"] == 13
    assert found["missed"] == 0
    assert found["median_false_alarms_per_hour"] == 0.0
    assert found["false_alarms_per_hour"] <= 0.3
    assert found["median_delay_s"] <= 20.0


DAY_S = 86_400
OLDEST = "older than 30 days"


@pytest.fixture(scope="module")
def ageing_dataset(dataset, tmp_path_factory):
    """One well, three times the same event: after 6 days, and again after 34 more, two bar lower."""
    folder = tmp_path_factory.mktemp("ageing")
    model = read_instance(find_instances(dataset, classes=[2])[0])
    for days, name, shift in ((0, "20140501", 0.0), (6, "20140507", 0.0), (40, "20140610", -2e5)):
        write_instance(
            replace(
                model,
                path=folder / "2" / f"WELL-00011_{name}000000.parquet",
                well_id="WELL-00011",
                ts_ms=model.ts_ms + 1000 * DAY_S * days,
                values=model.values + shift * (model.values > 1e5),
            )
        )
    return folder


def evaluated(folder, out, *options):
    arguments = [
        "--data",
        str(folder),
        "--json",
        str(out / "a.json"),
        "--html",
        str(out / "a.html"),
        *options,
    ]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    return json.loads((out / "a.json").read_bytes()), (out / "a.html").read_text(), result.output


@pytest.fixture(scope="module")
def previous(ageing_dataset, tmp_path_factory):
    return evaluated(ageing_dataset, tmp_path_factory.mktemp("previous"), "--baseline", "previous")


def test_previous_is_the_newest_baseline_of_the_same_well_from_an_earlier_instance(previous):
    figures, page, output = previous
    rows = {one["instance"]: one for one in figures["instances"]}

    assert figures["not_commissioned"] == {"2/WELL-00011_20140501000000": "no earlier baseline of its well"}
    week, month = rows["2/WELL-00011_20140507000000"], rows["2/WELL-00011_20140610000000"]
    assert week["baseline"]["source"] == "2/WELL-00011_20140501000000"
    assert month["baseline"]["source"] == "2/WELL-00011_20140507000000"
    assert week["baseline"]["age_days"] == pytest.approx(6 - week["baseline"]["seconds"] / DAY_S, abs=1e-3)
    ages = [(name, one["instances"]) for name, one in figures["by_age"].items()]
    assert ages == [("up to 7 days", 1), ("older than 7 days", 1)]
    assert not week["missed"]
    assert figures["by_age"]["up to 7 days"]["false_alarms"] == 0
    assert figures["forest_by_age"]["older than 7 days"]["events"] == 1
    assert figures["rules_by_age"]["older than 7 days"]["false_alarms"] == 0
    assert "up to 7 days" in output
    assert "6.0 days old" in page
    assert figures["fleet"]["instances"] == []


def test_an_earlier_baseline_watches_the_whole_normal_period(ageing_dataset, previous, tmp_path):
    fresh, _, _ = evaluated(ageing_dataset, tmp_path)
    aged, _, _ = previous

    assert aged["instances"][0]["normal_s"] == pytest.approx(fresh["instances"][0]["normal_s"] / 0.4, abs=2)


def test_age_tries_every_earlier_baseline_up_to_the_greatest_age(ageing_dataset, tmp_path):
    every, _, _ = evaluated(ageing_dataset, tmp_path, "--baseline", "age")
    young, _, _ = evaluated(ageing_dataset, tmp_path, "--baseline", "age", "--max-age", "35")

    assert [round(one["baseline"]["age_days"]) for one in every["instances"]] == [6, 34, 40]
    assert [round(one["baseline"]["age_days"]) for one in young["instances"]] == [6, 34]
    assert list(every["by_age"]) == ["1 to 7 days", "older than 30 days"]


@pytest.mark.parametrize(
    ("days", "band"),
    [(0, "up to 1 day"), (1, "up to 1 day"), (1.1, "1 to 7 days"), (30, "7 to 30 days"), (31, OLDEST)],
)
def test_every_age_is_in_one_band(days, band):
    assert age_band(days) == band


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--max-age", "3"], "only --baseline age has a greatest age"),
        (["--baseline", "previous", "--models", "somewhere"], "have baselines of their own"),
    ],
)
def test_options_that_contradict_each_other_are_usage_errors(ageing_dataset, options, message):
    result = CliRunner().invoke(app, ["--data", str(ageing_dataset), *options])

    assert result.exit_code == 2
    assert message in re.sub(r"[\s│]+", " ", result.output)


@pytest.mark.real3w
@pytest.mark.skipif(not REAL_3W.is_dir(), reason=f"no real 3W instances at {REAL_3W} (set PETROSTREAM_3W)")
def test_previous_baselines_of_real_wells_are_found(tmp_path):
    figures, _, _ = evaluated(REAL_3W, tmp_path, "--class", "6", "--baseline", "previous")

    (row,) = figures["instances"]
    assert row["baseline"]["source"] == "6/WELL-00004_20171031181509"
    assert 0.03 < row["baseline"]["age_days"] < 0.1
    assert row["event"]
