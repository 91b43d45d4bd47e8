import contextlib
import io
import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.exceptions import NoRegionError
from rich.console import Console
from typer.testing import CliRunner

from infra.settings import SettingsError, load_settings
from ml.data.dataset import (
    DatasetError,
    Instance,
    find_instances,
    identify,
    read_instance,
    write_instance,
)
from petrostream.fleet import facility_of
from petrostream.schema.sensors import SENSOR_NAMES
from petrostream.times import parse_ms
from producer import instances, options, playback, resume
from producer.display import LINE_S, ProgressDisplay
from producer.errors import FleetInvalid, OptionInvalid
from producer.replay import app
from producer.resume import Progress
from producer.run import Status
from producer.stopping import stop_signal
from tests.support.fake_kinesis import FakeKinesis
from tests.support.paths import REAL_3W, ROOT

FIRST = parse_ms("2017-02-01T01:02:07Z")


def small_blocks(size):
    return load_settings().stream.model_copy(update={"max_block_bytes": size})


def instance(folder, source, first_ms, count):
    known = identify(folder / f"{source}.parquet")
    values = np.full((count, len(SENSOR_NAMES)), math.nan)
    values[:, SENSOR_NAMES.index("p_pdg")] = 2.1e7 + np.arange(count)
    label = np.zeros(count, dtype=np.int64)
    state = np.full(count, -1, dtype=np.int64)
    ts_ms = first_ms + 1000 * np.arange(count)
    write_instance(Instance(known.path, known.event_class, known.well_id, ts_ms, values, label, state))


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    instance(folder, "2/WELL-00001_20170201010207", FIRST, 50)
    instance(folder, "2/WELL-00001_20170301010207", FIRST + 10**9, 30)
    instance(folder, "6/SIMULATED_00001", FIRST, 40)
    return folder


@pytest.fixture
def eventful(tmp_path):
    """A well of a quarter of an hour whose event begins after five minutes."""
    folder = tmp_path / "eventful"
    instance(folder, "2/WELL-00002_20170201010207", FIRST, 900)
    file = read_instance(folder / "2" / "WELL-00002_20170201010207.parquet")
    write_instance(replace(file, label=np.where(np.arange(900) < 300, 0, 102)))
    return folder


@pytest.fixture
def stream(monkeypatch, tmp_path):
    fake = FakeKinesis()
    monkeypatch.setattr(playback, "client", lambda service: fake)
    monkeypatch.setattr(playback, "landing", lambda run, *, sent_now: [f"counted {run} {sent_now}"])
    monkeypatch.setenv("PETROSTREAM_HOME", str(tmp_path / "home"))
    for name in ("AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "http://127.0.0.1:4566" if name == "AWS_ENDPOINT_URL" else "test")
    return fake


def replay(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def lines_of(stream):
    return [orjson.loads(line) for _, data in stream.records for line in data.splitlines()]


def without_run(lines):
    """Lines without the name of the run, which differs from run to run."""
    return [{name: value for name, value in line.items() if name != "feed_id"} for line in lines]


def test_a_finished_replay_says_what_has_landed_and_a_resumed_one_again(data, stream):
    first = replay("--data", data, "--speed", "max", "--clock", "original").output
    again = replay("--data", data, "--speed", "max", "--clock", "original", "--resume").output
    expected = "counted Run(readings=120, shift_ms={"
    assert expected in first
    assert "True" in first.partition(expected)[2]
    assert "False" in again.partition(expected)[2]
    assert len(lines_of(stream)) == 120
    assert replay("--data", data, "--speed", "max", "--quiet").output == ""


def test_a_replay_sends_every_reading_and_reports_it(data, stream, tmp_path):
    file = tmp_path / "out" / "report.json"
    result = replay("--data", data, "--speed", "max", "--report", file)
    assert result.exit_code == 0, result.output
    assert "120 of 120 readings" in result.output
    lines = lines_of(stream)
    assert len(lines) == 120
    report = json.loads(file.read_bytes())
    assert report["readings"] == 120
    assert report["finished"]
    assert report["blocks"] == report["records"] == len(stream.records)
    assert {well: figures["readings"] for well, figures in report["wells"].items()} == {
        "WELL-00001": 80,
        "SIM-6-00001": 40,
    }
    for well, figures in report["wells"].items():
        times = [line["ts"] for line in lines if line["well_id"] == well]
        assert (figures["first_ts"], figures["last_ts"]) == (min(times), max(times))
        assert figures["facility_id"] == facility_of(well)
    assert report["wells"]["WELL-00001"]["sources"] == [
        "2/WELL-00001_20170201010207",
        "2/WELL-00001_20170301010207",
    ]
    first = next(line for line in lines if line["source"] == "2/WELL-00001_20170201010207")
    assert parse_ms(first["ts"]) - parse_ms(first["source_ts"]) == report["offset_by_well"]["WELL-00001"]


def test_records_go_to_the_partition_of_their_facility(data, stream):
    replay("--data", data, "--speed", "max")
    assert stream.records
    for key, block in stream.records:
        assert {orjson.loads(line)["facility_id"] for line in block.splitlines()} == {key}


def test_filters_clock_and_slice(data, stream):
    chosen = ["--data", data, "--speed", "max", "--clock", "original"]
    result = replay(*chosen, "--wells", "WELL-00001", "--start", "10", "--duration", "20s")
    assert result.exit_code == 0, result.output
    lines = lines_of(stream)
    assert [parse_ms(line["ts"]) for line in lines] == [FIRST + 1000 * n for n in range(10, 30)]
    assert all(line["ts"] == line["source_ts"] for line in lines)
    stream.records.clear()
    replay("--data", data, "--speed", "max", "--instances", "6/SIMULATED_00001")
    assert {line["source"] for line in lines_of(stream)} == {"6/SIMULATED_00001"}


def test_a_fleet_file_places_wells(data, stream, tmp_path):
    fleet = tmp_path / "fleet.json"
    fleet.write_text('{"WELL-00001": "PLATFORM-9"}')
    assert replay("--data", data, "--speed", "max", "--fleet", fleet).exit_code == 0
    places = {line["well_id"]: line["facility_id"] for line in lines_of(stream)}
    assert places == {"WELL-00001": "PLATFORM-9", "SIM-6-00001": facility_of("SIM-6-00001")}


class TestUnits:
    PSI = 6894.757

    def in_psi(self, folder, fleet, *more):
        return replay("--data", folder, "--speed", "max", "--fleet", fleet, *more)

    def write(self, tmp_path, content):
        fleet = tmp_path / "fleet.json"
        fleet.write_text(json.dumps(content))
        return fleet

    def test_of_the_fleet_file_convert_what_is_sent_and_are_said(self, data, stream, tmp_path):
        fleet = self.write(
            tmp_path,
            {"wells": {"WELL-00001": {"facility": "PLATFORM-9", "units": {"p_pdg": "psi"}}}},
        )
        file = tmp_path / "report.json"
        result = self.in_psi(data, fleet, "--report", file)
        assert result.exit_code == 0, result.output
        assert "p_pdg from psi (WELL-00001) converted" in result.output
        assert json.loads(file.read_bytes())["units"] == "p_pdg from psi (WELL-00001)"
        first = {line["well_id"]: line for line in reversed(lines_of(stream))}
        assert first["WELL-00001"]["p_pdg"] == pytest.approx(2.1e7 * self.PSI)
        assert first["WELL-00001"]["facility_id"] == "PLATFORM-9"
        assert first["SIM-6-00001"]["p_pdg"] == 2.1e7

    def test_of_the_whole_fleet_apply_to_every_well(self, data, stream, tmp_path):
        result = self.in_psi(data, self.write(tmp_path, {"units": {"pressure": "kPa"}}))
        assert result.exit_code == 0, result.output
        assert min(line["p_pdg"] for line in lines_of(stream)) == 2.1e10

    def test_with_a_mistake_stop_the_replay(self, data, stream, tmp_path):
        result = self.in_psi(data, self.write(tmp_path, {"units": {"p_pdg": "furlongs"}}))
        assert result.exit_code == 1
        assert "units.p_pdg: 'furlongs' is no unit of a pressure" in result.stderr
        assert stream.records == []

    def test_that_changed_cannot_be_resumed(self, data, stream, tmp_path):
        assert self.in_psi(data, self.write(tmp_path, {"units": {"p_pdg": "psi"}})).exit_code == 0
        changed = self.in_psi(data, self.write(tmp_path, {"units": {"p_pdg": "bar"}}), "--resume")
        assert changed.exit_code == 1
        assert (
            "the fleet file's units as they were (p_pdg from psi (SIM-6-00001, WELL-00001))" in changed.output
        )
        assert self.in_psi(data, self.write(tmp_path, {"units": {"p_pdg": "psi"}}), "--resume").exit_code == 0


def test_settings_that_cannot_be_used_stop_a_replay_with_their_reason(data, stream, monkeypatch):
    def refuse():
        raise SettingsError("settings.json: stream.block_seconds = 0")

    monkeypatch.setattr(playback, "load_settings", refuse)
    result = replay("--data", data)
    assert result.exit_code == 1
    assert "Error: settings.json: stream.block_seconds = 0" in result.stderr
    assert not stream.records


def test_an_interrupted_replay_continues_with_resume(data, stream):
    stopped = iter([False, True])

    class Stopped:
        signal = signal.SIGINT

        def asked(self):
            return next(stopped, True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(playback, "stream_settings", lambda: small_blocks(2000))
        patch.setattr("producer.run.FLUSH_S", 0.0)
        patch.setattr(playback, "stop_signal", lambda: contextlib.nullcontext(Stopped()))
        result = replay("--data", data, "--speed", "max", "--stream", "s")
    assert result.exit_code == 130
    assert "--resume" in result.output
    before = lines_of(stream)
    assert 0 < len(before) < 120
    result = replay("--data", data, "--speed", "max", "--stream", "s", "--resume")
    assert result.exit_code == 0, result.output
    sent = [(line["source"], line["ts"]) for line in lines_of(stream)]
    assert len(sent) == len(set(sent)) == 120


def test_resume_with_other_options_is_refused_and_a_finished_run_sends_nothing(data, stream):
    assert replay("--data", data, "--speed", "max").exit_code == 0
    result = replay("--data", data, "--speed", "max", "--clock", "original", "--resume")
    assert result.exit_code == 1
    assert "other data or options" in result.output
    assert f"--data {data} --speed max --clock live --stream petrostream-ingest --resume" in result.output
    assert "in the lake twice" in result.output
    stream.records.clear()
    assert replay("--data", data, "--speed", "max", "--resume").exit_code == 0
    assert stream.records == []


def kinds_of(stream):
    lines = lines_of(stream)
    return [[line for line in lines if line["kind"] == kind] for kind in ("well", "tank")]


def test_with_facility_wells_carry_gas_and_tanks_play_beside_them(eventful, stream, tmp_path):
    file = tmp_path / "report.json"
    options = ["--clock", "original", "--with-facility", "--seed", "2"]
    result = replay("--data", eventful, "--speed", "max", *options, "--report", file)
    assert result.exit_code == 0, result.output
    wells, tanks = kinds_of(stream)
    report = json.loads(file.read_bytes())
    # Tanks have a place of their own: readings of the report are wells'.
    assert report["readings"] == report["planned"] == len(wells) == 900
    assert report["facility"]["readings"] == len(tanks) > 400
    assert {name: figures["readings"] for name, figures in report["facility"]["tanks"].items()} == {
        name: sum(line["tank_id"] == name for line in tanks) for name in {line["tank_id"] for line in tanks}
    }
    assert sum("methane_ppm" in line for line in wells) > 850
    for key, block in stream.records:
        assert {orjson.loads(line)["facility_id"] for line in block.splitlines()} == {key}
    # What is sent is over a limit where the report says so, and nowhere else.
    raised = [r for r in report["facility"]["raised"] if r["condition"] == "methane_high"]
    assert raised
    for line in wells:
        inside = any(r["subject"] == line["well_id"] and r["start"] <= line["ts"] <= r["end"] for r in raised)
        assert (line.get("methane_ppm", 501 if inside else 0) > 500) is inside


def test_events_are_those_of_the_whole_instance_also_where_a_part_plays(eventful, stream, tmp_path):
    reports = []
    for name, slice_ in (("whole", []), ("part", ["--start", "10m", "--duration", "60"])):
        file = tmp_path / f"{name}.json"
        arguments = ["--data", eventful, "--speed", "max", "--clock", "original", "--with-facility"]
        assert replay(*arguments, *slice_, "--name", name, "--report", file).exit_code == 0
        reports.append(json.loads(file.read_bytes())["facility"]["raised"])
    assert reports[0] == reports[1] != []


def test_a_seed_repeats_every_value_and_another_one_does_not(eventful, stream):
    runs = []
    for seed in (5, 5, 6):
        stream.records.clear()
        arguments = ["--data", eventful, "--speed", "max", "--clock", "original", "--with-facility"]
        assert replay(*arguments, "--seed", seed).exit_code == 0
        runs.append(without_run(lines_of(stream)))
    assert runs[0] == runs[1] != runs[2]


def test_an_interrupted_replay_with_facility_sends_every_tank_reading_once(eventful, stream, tmp_path):
    options = [
        "--data",
        eventful,
        "--speed",
        "max",
        "--clock",
        "original",
        "--with-facility",
        "--stream",
        "s",
    ]
    whole = tmp_path / "whole.json"
    assert replay(*options, "--name", "whole", "--report", whole).exit_code == 0
    calm = lines_of(stream)
    stream.records.clear()
    stopped = iter([False, True])

    class Stopped:
        signal = signal.SIGINT

        def asked(self):
            return next(stopped, True)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(playback, "stream_settings", lambda: small_blocks(20_000))
        patch.setattr("producer.run.FLUSH_S", 0.0)
        patch.setattr(playback, "stop_signal", lambda: contextlib.nullcontext(Stopped()))
        assert replay(*options, "--name", "cut").exit_code == 130
    assert 0 < len(lines_of(stream)) < len(calm)
    other = replay(*options, "--name", "cut", "--resume", "--seed", "8")
    assert other.exit_code == 1
    assert "other data or options" in other.output
    again = tmp_path / "again.json"
    assert replay(*options, "--name", "cut", "--resume", "--report", again).exit_code == 0
    assert without_run(lines_of(stream)) == without_run(calm)
    runs = [
        {line["feed_id"] for line in lines if line["kind"] == "well"} for lines in (lines_of(stream), calm)
    ]
    assert [len(names) for names in runs] == [1, 1]
    assert runs[0] != runs[1]
    assert json.loads(again.read_bytes())["facility"] == json.loads(whole.read_bytes())["facility"]


def test_a_new_run_names_the_unfinished_one_it_abandons(data, stream, tmp_path):
    before = Progress(run_id="4f0c", digest="d", options={}, started_ms=0, positions={"WELL-00001": 7})
    resume.save(tmp_path / "home" / "replay-default.json", before)
    result = replay("--data", data, "--speed", "max")
    assert result.exit_code == 0
    assert "4f0c stopped after 7 readings" in result.output


def test_resume_without_a_file_is_a_new_run(data, stream):
    result = replay("--data", data, "--speed", "max", "--resume", "--name", "other")
    assert result.exit_code == 0
    assert "new run" in result.output
    assert len(lines_of(stream)) == 120


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "nowhere"], "no such folder"),
        (["--wells", "WELL-00099"], "it has SIM-6-00001, WELL-00001"),
        (["--instances", "x"], "it has 2/WELL-00001_20170201010207"),
        (["--start", "9d"], "no well has readings 9 days, 0:00:00 after its first one (--start)"),
        (["--start", "900h"], "the longest, WELL-00001, lasts 0:02:48"),
        (["--wells", "SIM-6-00001", "--start", "0.5", "--duration", "0.1"], "(--start, --duration)"),
        (["--fleet", "nowhere.json"], "nowhere.json"),
    ],
)
def test_what_is_not_there_is_reported(data, stream, arguments, message):
    result = replay("--data", data, "--speed", "max", *arguments)
    assert result.exit_code == 1
    assert message in result.output
    assert stream.records == []


def test_a_missing_stream_is_reported_before_anything_is_read(data, stream):
    stream.exists = False
    result = replay("--data", data, "--speed", "max")
    assert result.exit_code == 1
    assert "./project_up.sh" in result.output


def test_a_client_that_can_not_be_made_is_one_line(data, stream, monkeypatch):
    def no_region(service):
        raise NoRegionError

    monkeypatch.setattr(playback, "client", no_region)
    result = replay("--data", data, "--speed", "max")
    assert result.exit_code == 1
    assert "check region and credentials" in result.output


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--speed", "0.5"),
        ("--speed", "fast"),
        ("--speed", "nan"),
        ("--start", "soon"),
        ("--duration", ""),
        ("--duration", "0"),
        ("--duration", "0h"),
        ("--wells", ""),
        ("--wells", ",,"),
        ("--instances", " , "),
        ("--name", "../x"),
        ("--endpoint-url", "127.0.0.1:4566"),
    ],
)
def test_an_unusable_value_is_a_usage_error_that_names_the_option(data, stream, option, value):
    result = replay("--data", data, option, value)
    assert result.exit_code == 2
    assert option in result.output
    assert stream.records == []


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("2d", 172_800), ("1.5s", 1.5)],
)
def test_periods(text, seconds):
    assert options.period_ms("--start", text) == seconds * 1000


def test_rows_are_kept_within_a_budget_and_read_again_beyond_it(data, monkeypatch):
    files = find_instances(data)
    spans = instances.spans_of(files, {}, 0, None)
    read = []
    monkeypatch.setattr(
        instances, "read_instance", lambda file: read.append(file.source) or read_instance(file)
    )
    for budget, reads in ((10**9, 3), (0, 6)):
        read.clear()
        load = instances.loader(files, kept_bytes=budget)
        for _ in range(2):
            for span in spans:
                assert len(load(span).ts_ms) == span.readings
        assert len(read) == reads


def test_a_file_that_changes_while_it_plays_is_not_played_on(data):
    files = find_instances(data, instances=["6/SIMULATED_00001"])
    (span,) = instances.spans_of(files, {}, 0, None)
    instance(data, "6/SIMULATED_00001", FIRST + 1000, 40)
    with pytest.raises(DatasetError, match=r"SIMULATED_00001.*has changed"):
        instances.loader(files)(span)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"WELL-00001": 3}', '{"WELL-00001": ""}', '{"WELL-00001": "a b"}']
)
def test_a_bad_fleet_file_is_named(tmp_path, content):
    file = tmp_path / "fleet.json"
    file.write_text(content)
    with pytest.raises(FleetInvalid, match=r"fleet\.json"):
        instances.read_fleet(file)


def test_a_local_endpoint_gets_credentials_and_an_account_keeps_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("PETROSTREAM_HOME", str(tmp_path))
    for name in (
        "AWS_ENDPOINT_URL",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_DEFAULT_REGION",
        "AWS_PROFILE",
    ):
        monkeypatch.setenv(name, "x")
        monkeypatch.delenv(name)
    assert options.connect(None) == "AWS"
    assert "AWS_ACCESS_KEY_ID" not in os.environ
    (tmp_path / "emulator.pid").touch()
    monkeypatch.setenv("AWS_PROFILE", "mine")
    assert options.connect(None) == "AWS"
    monkeypatch.delenv("AWS_PROFILE")
    assert options.connect("http://127.0.0.1:9999") == "http://127.0.0.1:9999"
    assert os.environ["AWS_ACCESS_KEY_ID"] == "test"
    with pytest.raises(OptionInvalid):
        options.connect("not a url")


def status(readings, **changes):
    values = {"per_second": 12.0, "lag_s": 0.4, "retries": 3, "trouble": "", "positions": {"A": readings}}
    return Status(readings, 100, **{**values, **changes})


def test_without_a_terminal_progress_is_a_plain_line_now_and_then():
    text = io.StringIO()
    now = [0.0]
    with ProgressDisplay(Console(file=text, width=40), {"A": 100}, lambda: now[0]) as display:
        for second in range(21):
            now[0] = float(second)
            display.show(status(second))
        display.show(status(100))
        display.show(status(100))
    lines = text.getvalue().splitlines()
    assert len(lines) == 20 / LINE_S + 2
    assert lines[-1] == "100 of 100 readings (100%)  12/s  lag 0.4 s  retries 3"
    assert "\x1b" not in text.getvalue()


def test_a_rate_that_is_not_known_yet_is_left_out():
    text = io.StringIO()
    with ProgressDisplay(Console(file=text, width=40), {"A": 100}) as display:
        display.show(status(0, per_second=0.0))
    assert text.getvalue() == "0 of 100 readings (0%)  lag 0.4 s  retries 3\n"


def test_a_replay_shorter_than_a_second_shows_its_average(data, stream):
    output = replay("--data", data, "--speed", "max").output
    assert "(100%)" in output
    assert " 0/s" not in output


def test_on_a_terminal_wells_have_bars():
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=120)
    wells = {f"WELL-{number:05}": 100 for number in range(40)}
    with ProgressDisplay(console, wells) as display:
        display.show(status(40, trouble="throttled"))
    assert "WELL-00000" in text.getvalue()
    assert "and 24 more" in text.getvalue()
    assert "throttled" in text.getvalue()


def test_a_report_that_cannot_be_written_is_found_before_anything_is_sent(data, stream, tmp_path):
    (tmp_path / "file").write_text("mine")
    for place in (tmp_path, tmp_path / "file" / "report.json"):
        result = replay("--data", data, "--speed", "max", "--report", place)
        assert result.exit_code == 2
        assert "--report" in result.output
    assert stream.records == []


def test_the_trial_of_a_report_leaves_no_file_and_no_change(data, stream, tmp_path):
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    old.write_text("before")
    for file in (old, new):
        assert replay("--data", data, "--speed", "max", "--start", "9d", "--report", file).exit_code == 1
    assert old.read_text() == "before"
    assert not new.exists()


def test_a_file_where_a_folder_is_expected_is_called_one(data, stream):
    result = replay("--data", data / "6" / "SIMULATED_00001.parquet")
    assert result.exit_code == 1
    assert "is a file; name the folder" in result.output


@pytest.fixture
def spoilt(data):
    """Three good files, and four that can't be played, each in another way."""
    (data / "6" / "SIMULATED_00002.parquet").write_bytes(b"PAR1 no parquet")
    (data / "6" / "notes.parquet").write_bytes(b"")
    pq.write_table(pa.table({"timestamp": [1]}), data / "6" / "SIMULATED_00003.parquet")
    good = pq.read_table(data / "6" / "SIMULATED_00001.parquet")
    at = good.column_names.index("class")
    strange = good.set_column(at, "class", pa.array([42] * good.num_rows))
    pq.write_table(strange, data / "6" / "SIMULATED_00004.parquet")
    return data


def test_every_bad_file_is_named_before_anything_is_sent(spoilt, stream, tmp_path):
    result = replay("--data", spoilt, "--speed", "max")
    assert result.exit_code == 1
    assert "4 of 7 files can't be played; nothing was sent" in result.output
    for name in ("SIMULATED_00002", "SIMULATED_00003", "SIMULATED_00004", "notes"):
        assert f"{name}.parquet" in result.output
    assert "--skip-bad" in result.output
    assert "--resume" not in result.output
    assert stream.records == []


def test_bad_files_can_be_skipped_by_name(spoilt, stream):
    result = replay("--data", spoilt, "--speed", "max", "--skip-bad")
    assert result.exit_code == 0, result.output
    assert result.output.count("Skipped ") == 4
    assert len(lines_of(stream)) == 120


def test_skipping_everything_is_an_error(tmp_path, stream):
    (tmp_path / "2").mkdir()
    (tmp_path / "2" / "WELL-00001_20170201010207.parquet").write_bytes(b"x")
    result = replay("--data", tmp_path, "--skip-bad")
    assert result.exit_code == 1
    assert "No other is left" in result.output


def damage(path):
    """Overwrite a sensor's pages; footer, times and classes stay readable."""
    footer = pq.ParquetFile(path).metadata.row_group(0)
    chunk = next(footer.column(at) for at in range(30) if footer.column(at).path_in_schema == "P-PDG")
    start = min(offset for offset in (chunk.dictionary_page_offset, chunk.data_page_offset) if offset)
    content = bytearray(path.read_bytes())
    content[start : start + chunk.total_compressed_size] = b"\xff" * chunk.total_compressed_size
    path.write_bytes(content)


def test_a_dry_run_finds_damage_inside_a_file_and_sends_nothing(data, stream, tmp_path):
    result = replay("--data", data, "--speed", "max", "--dry-run")
    assert result.exit_code == 0
    assert "Dry run: 120 readings of 2 wells in 3 instances" in result.output
    damage(data / "6" / "SIMULATED_00001.parquet")
    result = replay("--data", data, "--speed", "max", "--dry-run")
    assert result.exit_code == 1
    assert "SIMULATED_00001.parquet" in result.output
    assert stream.records == []
    assert not list((tmp_path / "home").glob("replay-*"))


def test_damage_found_on_the_way_comes_with_advice_that_doubles_nothing(data, stream, tmp_path):
    file = data / "6" / "SIMULATED_00001.parquet"
    whole = file.read_bytes()
    damage(file)
    result = replay("--data", data, "--speed", "max")
    assert result.exit_code == 1
    assert "Restore that file, then go on with --resume" in result.output
    assert "same command with --resume" not in result.output
    file.write_bytes(whole)
    assert replay("--data", data, "--speed", "max", "--resume").exit_code == 0
    sent = [(line["source"], line["ts"]) for line in lines_of(stream)]
    assert len(sent) == len(set(sent)) == 120


def test_quiet_prints_errors_only(data, stream):
    result = replay("--data", data, "--speed", "max", "--quiet")
    assert (result.exit_code, result.output) == (0, "")
    result = replay("--data", data, "--speed", "max", "--quiet", "--start", "9d")
    assert "no well has readings" in result.stderr


class Stopped:
    signal = 2

    def asked(self):
        return True


def interrupted(data, monkeypatch, speed):
    """A run at that speed that is stopped before it sends anything; returns its resume file."""
    monkeypatch.setattr(playback, "stop_signal", lambda: contextlib.nullcontext(Stopped()))
    assert replay("--data", data, "--speed", speed).exit_code == 130
    monkeypatch.setattr(playback, "stop_signal", stop_signal)
    return options.resume_file("default")


def offsets_of(stream):
    return {line["source"]: parse_ms(line["ts"]) - parse_ms(line["source_ts"]) for line in lines_of(stream)}


@pytest.mark.parametrize("speed", ["60", "1"])
def test_a_resumed_run_is_not_faster_while_event_times_lie_ahead(data, stream, monkeypatch, speed):
    interrupted(data, monkeypatch, speed)
    result = replay("--data", data, "--speed", "max", "--resume")
    assert result.exit_code == 1
    assert f"Resume with --speed {speed} or slower" in result.output
    assert stream.records == []


def test_a_resumed_run_may_be_faster_once_its_event_times_have_passed(data, stream, monkeypatch):
    file = interrupted(data, monkeypatch, "60")
    before = json.loads(file.read_bytes())
    hour_ms = 3_600_000
    offsets = {name: ms - hour_ms for name, ms in before["offset_ms"].items()}
    file.write_text(json.dumps(before | {"started_ms": before["started_ms"] - hour_ms, "offset_ms": offsets}))
    result = replay("--data", data, "--speed", "max", "--resume")
    assert result.exit_code == 0, result.output
    assert len(lines_of(stream)) == 120
    assert offsets_of(stream) == offsets


def test_a_resumed_run_may_be_slower_and_keeps_every_event_time(data, stream, monkeypatch):
    file = interrupted(data, monkeypatch, "max")
    before = json.loads(file.read_bytes())
    result = replay("--data", data, "--speed", "10000", "--resume")
    assert result.exit_code == 0, result.output
    lines = lines_of(stream)
    assert len(lines) == len({(line["source"], line["ts"]) for line in lines}) == 120
    assert offsets_of(stream) == before["offset_ms"]
    assert json.loads(file.read_bytes())["options"]["speed"] == "inf"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_first_signal_asks_to_stop_and_a_second_one_stops(number):
    before = signal.getsignal(number)
    with stop_signal() as stop:
        assert not stop.asked()
        os.kill(os.getpid(), number)
        assert stop.asked()
        assert stop.signal == number
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), number)
    assert signal.getsignal(number) is before


@pytest.mark.parametrize("command", [["producer/replay.py"], ["-m", "producer.replay"]])
def test_both_ways_to_call_it_work(command):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, *command, "--help"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "--resume" in result.stdout


@pytest.mark.real3w
@pytest.mark.skipif(not REAL_3W.is_dir(), reason=f"no real 3W instances at {REAL_3W} (set PETROSTREAM_3W)")
def test_real_instances_play_whole(stream):
    result = replay(
        "--data", REAL_3W / "2", "--wells", "WELL-00010,WELL-00011", "--speed", "max", "--duration", "3h"
    )
    assert result.exit_code == 0, result.output
    lines = lines_of(stream)
    assert len({(line["source"], line["ts"]) for line in lines}) == len(lines) > 10_000
    for well in ("WELL-00010", "WELL-00011"):
        times = [line["ts"] for line in lines if line["well_id"] == well]
        assert times == sorted(times)
