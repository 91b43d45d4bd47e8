"""Steps, needs and bill: each settings file is valid, and the bill is that of the cost model."""

import json
import re
from fractions import Fraction

import pytest
from typer.testing import CliRunner

from cost.basis import MEASURED
from cost.bill import bill
from infra.settings import SETTINGS_FILE
from petrostream.errors import PetroStreamError
from scale.__main__ import main
from scale.fewest import fewest_shards
from scale.hops import hops, table_units
from scale.model import basis_of, modelled, sample
from scale.needs import HEADROOM, flow_of, granted, needs
from scale.quotas import REGIONS
from scale.report import as_json
from scale.shards import facilities_of_shards, names
from scale.speed import BENCH, MeasurementsUnreadable, load_measurements
from scale.steps import STEPS, ScaleStep, StepUnknown, document, settings_of, step
from scale.what_if import FLEETS, what_if
from tests.support.paths import ROOT

FIGURES = load_measurements()


@pytest.mark.parametrize("name", STEPS)
def test_the_settings_of_a_step_are_valid_and_differ_only_where_its_file_says(name):
    settings_of(name)
    changes = json.loads((ROOT / "infra" / "scale" / f"{name}.json").read_text())
    usual = json.loads(SETTINGS_FILE.read_text())
    for section, content in document(name).items():
        expected = {**usual[section], **changes[section]} if section in changes else usual[section]
        assert content == expected
    for section, content in changes.items():
        assert set(content) <= set(usual[section])


def test_the_steps_are_powers_of_ten():
    assert [one.readings for one in STEPS.values()] == [10**3, 10**4, 10**5, 10**6]
    assert all(one.facilities * one.of_a_facility == one.wells for one in STEPS.values())
    with pytest.raises(StepUnknown, match="there are 1k, 10k, 100k, 1m"):
        step("2m")


@pytest.mark.parametrize("name", STEPS)
def test_a_state_of_a_facility_fits_its_item(name):
    settings = settings_of(name)
    flow = flow_of(step(name), settings, basis_of(step(name), settings, FIGURES.speed))
    assert flow.state_bytes(flow.facilities[0]) < 380_000


def test_the_bill_is_that_of_the_cost_model():
    settings = settings_of("1k")
    one = next(modelled(step("1k"), settings, FIGURES.speed, seconds=10, watched_s=0))
    basis = basis_of(step("1k"), settings, FIGURES.speed)
    assert one.bill.total == bill(step("1k").workload(settings), settings, basis=basis).total
    # Without measurements of its own, it is the bill of `make cost`, to the last digit.
    load = step("1k").workload(settings)
    assert bill(load, settings, basis=MEASURED).total == bill(load, settings).total
    assert one.usd_per_million == one.bill.total * 10**6 / (1000 * 730 * 3600)


def test_needs_are_in_proportion_and_say_what_must_be_raised():
    settings = settings_of("1k")
    flow = flow_of(step("1k"), settings, basis_of(step("1k"), settings, FIGURES.speed))
    assert all(need.verdict == "default" for need in needs("us-east-1", step("1k"), flow))
    large = settings_of("1m")
    flow = flow_of(step("1m"), large, basis_of(step("1m"), large, FIGURES.speed))
    for region in REGIONS:
        found = needs(region, step("1m"), flow)
        firehose = next(one for one in found if one.quota.name == "firehose_bytes")
        assert firehose.verdict == "raised"
        assert firehose.granted == firehose.value * HEADROOM
        assert granted(found)["firehose_bytes"] == firehose.granted
        assert {one.verdict for one in found} <= {"default", "raised"}


def test_a_quota_that_aws_does_not_raise_is_over():
    settings = settings_of("1m")
    few = settings.model_copy(update={"stream": settings.stream.model_copy(update={"shards": 100})})
    flow = flow_of(step("1m"), few, basis_of(step("1m"), few, FIGURES.speed))
    over = {one.quota.name for one in needs("us-east-1", step("1m"), flow) if one.verdict == "over"}
    assert "shard_write_bytes" in over


def test_smaller_readings_make_a_smaller_bill():
    settings = settings_of("10k")
    whole, small = (
        bill(
            step("10k").workload(settings),
            settings,
            basis=basis_of(step("10k"), settings, FIGURES.speed, size),
        ).total
        for size in (None, Fraction(50))
    )
    assert small < whole


def test_the_sample_has_the_fullest_shard():
    assert sample([3, 0, 9, 1, 2, 5], 3) == [9, 3, 1]
    assert sample([1, 2, 0], 24) == [2, 1]


def test_the_fleets_of_the_what_if_send_a_million():
    for one in what_if(FIGURES.speed):
        assert one.wells * one.hz == pytest.approx(10**6, rel=1e-3)
        assert one.vcpus > one.readings_part
        if one.faster is not None:
            assert one.readings_part / one.faster + one.vcpus - one.readings_part <= 20 + 1e-9


@pytest.mark.parametrize(("wells", "hz", "of_a_facility"), FLEETS)
def test_the_memories_of_their_facilities_fit_an_item(wells, hz, of_a_facility):
    settings = settings_of("1m")
    flow = flow_of(ScaleStep("", of_a_facility, hz, of_a_facility), settings, MEASURED)
    assert wells % of_a_facility == 0
    assert flow.state_bytes(flow.facilities[0]) < 380_000


def test_measurements_that_lack_something_are_refused_by_name(tmp_path):
    path = tmp_path / "measured.json"
    no_core = json.dumps(FIGURES.raw | {"machine": {}})
    for text, problem in (
        ("{", "not measurements"),
        ("{}", "'speed' is missing"),
        (no_core, "'orjson_us' is missing"),
    ):
        path.write_text(text)
        with pytest.raises(MeasurementsUnreadable, match=problem) as refused:
            load_measurements(path)
        assert BENCH in str(refused.value)
        assert isinstance(refused.value, PetroStreamError)
    with pytest.raises(MeasurementsUnreadable, match="No such file"):
        load_measurements(tmp_path / "none.json")


def test_the_command_writes_report_figures_and_settings(tmp_path):
    import typer

    app = typer.Typer()
    app.command()(main)
    out = tmp_path / "scale"
    done = CliRunner().invoke(app, ["--steps", "1k", "--seconds", "10", "--no-outage", "--out", str(out)])
    assert done.exit_code == 0, done.output
    figures = json.loads((out / "scale.json").read_text())
    assert [one["region"] for one in figures["modelled"]] == list(REGIONS)
    assert figures["measured"] == FIGURES.raw
    page = (out / "scale.html").read_text()
    for mark in ("measured", "modelled", "quoted"):
        assert f'<span class="mark">{mark}</span>' in page
    assert json.loads((out / "settings-1k.json").read_text()) == document("1k")
    shown = CliRunner().invoke(app, ["--steps", "1k", "--no-outage", "--out", str(out), "--markdown"])
    assert "| 1,000 | 2 | " in shown.output
    assert len(re.findall("^## ", shown.output, re.MULTILINE)) == 6
    failed = CliRunner().invoke(app, ["--steps", "2m", "--out", str(out)])
    assert failed.exit_code == 1


def test_the_json_has_every_need_and_the_vcpus():
    found = list(modelled(step("1k"), settings_of("1k"), FIGURES.speed, seconds=10, watched_s=600))
    content = as_json(FIGURES, found)["modelled"][0]
    assert content["fits"]
    assert content["steady"]["vcpus"] == pytest.approx(found[0].steady.vcpus, abs=1e-3)
    assert content["recovery"]["shards"] == 2
    assert {one["verdict"] for one in content["needs"]} == {"default"}


def test_the_fewest_shards_hold_what_is_sent():
    settings, load = settings_of("1m"), step("1m")
    for size in (300, 50):
        found = fewest_shards(load, settings, FIGURES.speed, Fraction(size))
        fullest = facilities_of_shards(names(load.facilities), found).max()
        assert fullest * load.of_a_facility * load.hz * size <= 0.95 * 2**20
        assert found >= load.readings * size / 2**20
    assert fewest_shards(load, settings, FIGURES.speed, Fraction(300)) > found


def test_a_facility_that_no_shard_holds_is_refused():
    with pytest.raises(ValueError, match="more than 20000 shards"):
        fewest_shards(ScaleStep("x", 10_000, 10, 1000), settings_of("1m"), FIGURES.speed, Fraction(300))


def test_the_hops_are_those_of_the_flow_and_add_up():
    settings = settings_of("1m")
    flow = flow_of(step("1m"), settings, basis_of(step("1m"), settings, FIGURES.speed))
    found = {(one.name, one.unit): one for one in hops(flow)}
    units = sum(one.writes for one in found.values() if one.unit == "write units")
    assert units == pytest.approx(float(table_units(flow)))
    assert found["producer to Kinesis", "records"].writes == 4000
    assert found["producer to Kinesis", "records"].bytes == pytest.approx(320e6)
    # A call takes 500 records or 5 MiB: blocks of 80 kB fill it by their bytes.
    assert found["producer to Kinesis, full calls", "PutRecords calls"].writes == pytest.approx(
        320e6 / (5 << 20)
    )
    assert found["scoring to Firehose", "PutRecordBatch calls"].writes >= float(flow.batches)
    assert found["closed minutes of wells", "write units"].writes == pytest.approx(100_000 / 60)
