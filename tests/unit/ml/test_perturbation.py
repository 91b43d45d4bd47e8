"""The perturbation bench: what it counts, and its command."""

import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from ml.data.dataset import InstanceFile, write_instance
from ml.evaluation.trials import Trial, summarise
from ml.evaluation.verdicts import AlarmSpan, judge_alarms, largest_share
from ml.perturbation import app
from ml.simulate import simulate_instance
from tests.support.paths import REAL_3W

LABEL = np.concatenate([np.zeros(7200, np.int64), np.full(100, 102)])


def trial(alarms, standing_s, onset):
    spans = [AlarmSpan(100, 100 + int(seconds)) for seconds in standing_s]
    spans += [AlarmSpan(onset, onset + 5)] if onset else []
    verdict = judge_alarms(1000 * np.arange(len(LABEL)), LABEL, spans, 0)
    file = InstanceFile(None, 2, "WELL-00011")
    return Trial(file, verdict, alarms, standing_s, 1, "forest" if onset else None, 3)


def test_a_row_sums_up_its_trials(monkeypatch):
    monkeypatch.setattr(InstanceFile, "source", "2/one")
    figures = summarise(
        [trial(("forest", "forest", "dhsv_closure"), (10.0, 3601.0, 5.0), 7210), trial((), (), None)]
    )

    assert figures["alarms"] == 3
    assert figures["alarms_per_change"] == 1.5
    assert figures["most_alarms_for_one_change"] == 3
    assert figures["changes_with_several_alarms"] == 1
    assert figures["alarms_longer_than_an_hour"] == 1
    assert figures["hours"] == 4.0
    assert figures["alarms_per_hour"] == 0.75
    assert figures["alarm_types"] == {"forest": 2, "dhsv_closure": 1}
    assert (figures["alarms_before"], figures["rejected"]) == (2, 6)
    assert (figures["events"], figures["missed"]) == (2, 1)
    assert figures["missed_share_at_most"] == pytest.approx(0.9747, abs=1e-4)
    assert figures["instances_missed"] == ["2/one"]
    assert figures["median_delay_s"] == 10.0


@pytest.mark.parametrize(
    ("seen", "of", "most"), [(0, 13, 1 - 0.05 ** (1 / 13)), (3, 3, 1.0), (2, 13, 0.4101)]
)
def test_the_limit_of_a_share_is_clopper_and_pearsons(seen, of, most):
    assert largest_share(seen, of) == pytest.approx(most, abs=1e-4)
    assert largest_share(0, 0) is None


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    folder, out = tmp_path_factory.mktemp("3w"), tmp_path_factory.mktemp("out") / "new"
    for event_class in (2, 6):
        write_instance(simulate_instance(folder, event_class, 1, seed=7, minutes=40))
    rows = [part for name in ("none", "step_up_5_bar", "duplicates") for part in ("--row", name)]
    written = ["--json", str(out / "a.json"), "--html", str(out / "a.html")]
    result = CliRunner().invoke(app, ["--data", str(folder), "--hours", "1.5", *rows, *written])
    assert result.exit_code == 0, result.output
    return json.loads((out / "a.json").read_bytes()), (out / "a.html").read_text(), result.output


def test_undisturbed_operation_is_quiet_and_the_event_is_found(report):
    figures, _, _ = report
    none = figures["rows"]["none"]

    assert (none["instances"], none["events"], none["missed"]) == (2, 2, 0)
    assert none["alarms"] == 0
    assert none["hours"] == pytest.approx(1.0, abs=0.01)
    assert {one["detected_by"] for one in none["trials"]} <= {"forest", "dhsv_closure", "choke_restriction"}


def test_readings_sent_twice_change_nothing(report):
    figures, _, _ = report
    rows = figures["rows"]

    for one, other in zip(rows["none"]["trials"], rows["duplicates"]["trials"], strict=True):
        assert one["delay_s"] == other["delay_s"]
    assert rows["duplicates"]["alarms"] == 0


def test_a_new_level_is_noticed(report):
    figures, page, output = report

    assert figures["rows"]["step_up_5_bar"]["alarms"] >= 2
    assert "step_up_5_bar" in output
    assert "step_up_5_bar" in page
    assert not re.search(r"(src|href)=|@import|url\(|<script", page)


def test_an_unknown_row_is_a_usage_error(tmp_path):
    result = CliRunner().invoke(app, ["--data", str(tmp_path), "--row", "earthquake"])

    assert result.exit_code == 2
    assert "earthquake is not a row" in re.sub(r"[\s│]+", " ", result.output)


@pytest.mark.real3w
@pytest.mark.skipif(not REAL_3W.is_dir(), reason=f"no real 3W instances at {REAL_3W} (set PETROSTREAM_3W)")
def test_events_of_real_wells_are_found_at_the_end_of_undisturbed_courses(tmp_path):
    out = tmp_path / "a.json"
    arguments = ["--data", str(REAL_3W), "--class", "6", "--row", "none", "--json", str(out)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    none = json.loads(out.read_bytes())["rows"]["none"]

    assert (none["events"], none["missed"], none["alarms"]) == (2, 0, 0)
