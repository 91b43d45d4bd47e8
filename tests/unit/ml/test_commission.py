"""Commissioning: which periods make a baseline, what is said of the others, and what is published."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace

import numpy as np
import pytest
from typer.testing import CliRunner

from ml import commission as command
from ml.commission import NotCommissionedError, app, commission
from ml.data.dataset import NO_LABEL, write_instance
from ml.data.units import UnitMap, UnitRepair
from ml.registry import FolderRegistry, RegistryError, publish, read_live
from ml.simulate import simulate_instance
from ml.training.baseline import make_baseline, plausible
from ml.training.files import write_version
from ml.training.models import Options, train
from ml.training.period import Period, from_files, from_lake, problems
from petrostream.detection.models import ModelSet, load_models
from petrostream.schema.sensors import SENSOR_INDEX
from petrostream.times import to_iso, to_sql

WHEN = datetime(2026, 1, 2, tzinfo=UTC)
P_TPT = SENSOR_INDEX["p_tpt"]
PRESSURES = [SENSOR_INDEX[name] for name in ("p_pdg", "p_tpt", "p_mon_ckp")]


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    return simulate_instance(tmp_path_factory.mktemp("data"), 0, 2, seed=7, minutes=45)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A version with one other well."""
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
    """Half an hour of normal operation."""
    rows = slice(0, 1800)
    values = plausible(instance.values)[rows]
    columns = (instance.ts_ms[rows], values, instance.label[rows], instance.state[rows])
    return Period("WELL-00042", (instance.source,), *columns)


def run(registry, period, version="second", **options):
    return commission(registry, period, version=version, created_at=WHEN, **options)


def live(registry):
    manifest, files = read_live(registry)
    return manifest, files


class TestPublished:
    def test_the_well_gets_its_baseline_and_the_others_keep_theirs(self, registry, period):
        before, files = live(registry)
        baseline = run(registry, period)
        manifest, after = live(registry)
        assert manifest["version"] == "second"
        assert after == files, "the forest is the same, byte for byte"
        other = "SIM-6-00001"
        assert manifest["wells"][other] == before["wells"][other]
        assert manifest["fleet"] == before["fleet"]
        entry = manifest["wells"]["WELL-00042"]
        assert entry["onnx"] == before["wells"][other]["onnx"]
        (model,) = load_models(entry, after[entry["onnx"]["path"]])
        assert model.sensors == baseline.sensors
        assert model.valid_from_ms == period.ts_ms[0]
        assert entry["metrics"]["held_out_flagged"] == 0
        assert "| WELL-00042 |" in (registry.folder / "models/second/report.md").read_text()

    def test_a_second_baseline_holds_from_its_beginning_on(self, registry, period):
        run(registry, period)
        higher = period.values.copy()
        higher[:, P_TPT] += 3e5
        later = replace(period, ts_ms=period.ts_ms + 86_400_000, values=higher)
        run(registry, later, "third")
        entry = live(registry)[0]["wells"]["WELL-00042"]
        models = ModelSet("third", {"W": load_models(entry, live(registry)[1][entry["onnx"]["path"]])})
        at = models.for_well("W").sensors.index("p_tpt")
        levels = [models.for_well("W", int(one.ts_ms[0])).center[at] for one in (period, later)]
        assert levels[1] - levels[0] == pytest.approx(3e5)

    def test_the_same_period_again_replaces_its_baseline(self, registry, period):
        run(registry, period)
        run(registry, period, "third")
        assert len(live(registry)[0]["wells"]["WELL-00042"]["baselines"]) == 1

    def test_the_first_well_of_all_needs_no_other(self, tmp_path, period):
        registry = FolderRegistry(tmp_path)
        run(registry, period)
        manifest, files = live(registry)
        assert list(manifest["wells"]) == ["WELL-00042"]
        assert manifest["fleet"]["kind"] == "fleet"
        assert manifest["wells"]["WELL-00042"]["training"]["synthetic_rows"] > 0
        assert len(files) == 4
        run(registry, replace(period, well_id="WELL-00043"), "third")
        assert list(live(registry)[0]["wells"]) == ["WELL-00042", "WELL-00043"]

    def test_a_version_of_other_models_is_not_mixed_with_these(self, registry, period):
        path = registry.folder / "models/first/manifest.json"
        path.write_text(path.read_text().replace("change_60", "slope_60"))
        with pytest.raises(RegistryError, match="train again"):
            run(registry, period)


def without(period, rows):
    keep = np.ones(len(period), bool)
    keep[rows] = False
    arrays = {name: getattr(period, name)[keep] for name in ("ts_ms", "values", "label", "state")}
    return replace(period, **arrays)


def changed(period, change):
    values = period.values.copy()
    change(values)
    return replace(period, values=values)


def frozen(period):
    def freeze(values):
        for name in ("p_pdg", "p_tpt", "p_mon_ckp", "t_tpt"):
            values[:, SENSOR_INDEX[name]] = values[0, SENSOR_INDEX[name]]

    return changed(period, freeze)


def drifting(period):
    def drift(values):
        values[:, P_TPT] += np.linspace(0, 4e5, len(values))

    return changed(period, drift)


def gently_drifting(period):
    """1.3 bar in all, so that first and last third are less than 1 bar apart."""

    def drift(values):
        values[:, P_TPT] += np.linspace(0, 1.3e5, len(values))

    return changed(period, drift)


def stepping(period):
    def step(values):
        values[len(values) // 2 :, P_TPT] += 2e5

    return changed(period, step)


def swinging(period):
    """Slugs of 2 bar, every five minutes."""

    def swing(values):
        values[:, P_TPT] += 1e5 * np.sin(np.arange(len(values)) / 300 * 2 * np.pi)

    return changed(period, swing)


def kicked(period):
    def kick(values):
        values[1500:1560, P_TPT] += 8e5

    return changed(period, kick)


def marked(column, code):
    def mark(period):
        codes = getattr(period, column).copy()
        codes[900:905] = code
        return replace(period, **{column: codes})

    return mark


UNHEALTHY = {
    "short": (lambda period: without(period, slice(500, None)), "500 s of normal operation, at least 600"),
    "gap": (lambda period: without(period, slice(400, 900)), "28% of its readings are missing.*gap is 501 s"),
    "frozen": (frozen, r"gauges can't be used: .*p_tpt \(frozen\)"),
    "drift": (drifting, r"the level of p_tpt drifts: \+2\.\d\d bar"),
    "gentle drift": (gently_drifting, r"p_tpt drifts: \+0\.\d\d bar.* noise is 0\.1\d bar; .* level"),
    "step": (stepping, "the level of p_tpt drifts"),
    "alarm": (kicked, "an alarm within it, at 2024-.* by the fleet's model"),
    "event": (marked("label", 102), "5 of its readings are labelled as an event"),
    "shut in": (marked("state", 1), "the well was not in production in 5 readings"),
    "two sources": (lambda period: replace(period, sources=("0/a", "0/b")), "2 sources: 0/a, 0/b"),
}


@pytest.mark.parametrize("case", UNHEALTHY)
def test_an_unhealthy_period_is_refused_with_the_reason_and_nothing_is_published(case, registry, period):
    spoil, why = UNHEALTHY[case]
    with pytest.raises(NotCommissionedError) as refused:
        run(registry, spoil(period))
    assert any(re.search(why, reason) for reason in refused.value.reasons), refused.value.reasons
    assert live(registry)[0]["version"] == "first"


def test_an_unlabelled_period_is_accepted(registry, period):
    unknown = np.full(len(period), NO_LABEL)
    run(registry, replace(period, label=unknown, state=unknown))
    manifest, _ = live(registry)
    assert manifest["version"] == "second"
    assert "WELL-00042" in manifest["wells"]


def test_a_swing_is_not_a_drift(period):
    wide = swinging(period)
    baseline = make_baseline("W", "s", wide.ts_ms, wide.values)
    assert [line for line in problems(wide, baseline, (), []) if "drifts" in line] == []


class TestUnits:
    def in_bar(self, instance):
        values = instance.values.copy()
        values[:, PRESSURES] /= 1e5
        return replace(instance, values=values)

    def test_of_files_refuse_the_period_with_file_gauge_value_unit_and_key(self, instance, registry):
        write_instance(self.in_bar(instance))
        whole = (int(instance.ts_ms[0]), int(instance.ts_ms[1800]))
        period = from_files(instance.path.parents[1], instance.well_id, *whole)
        with pytest.raises(NotCommissionedError) as refused:
            run(registry, period)
        lines = refused.value.reasons
        expected = rf"{instance.source}: p_tpt is \d+\.?\d*, which looks like bar, not Pa; if it is, set "
        assert any(re.match(expected, line) for line in lines), lines
        assert any(f"wells.{instance.well_id}.units.p_tpt to 'bar'" in line for line in lines)
        assert "--units" in lines[-1]

    def test_that_are_set_make_the_same_baseline(self, instance, registry):
        write_instance(self.in_bar(instance))
        whole = (int(instance.ts_ms[0]), int(instance.ts_ms[1800]))
        read = UnitRepair(UnitMap(dict.fromkeys(("p_pdg", "p_tpt", "p_mon_ckp"), "bar"))).read
        found = from_files(instance.path.parents[1], instance.well_id, *whole, read=read)
        assert found.wrong_units == ()
        write_instance(instance)
        plain = from_files(instance.path.parents[1], instance.well_id, *whole)
        np.testing.assert_allclose(found.values, plain.values)

    def test_that_change_within_the_period_refuse_it(self, instance, registry):
        values = instance.values.copy()
        values[900:1000, PRESSURES] /= 6894.757
        write_instance(replace(instance, values=values))
        whole = (int(instance.ts_ms[0]), int(instance.ts_ms[1800]))
        period = from_files(instance.path.parents[1], instance.well_id, *whole)
        assert any("in 6% of the readings" in line for line in period.wrong_units)

    def test_of_the_lake_cannot_be_converted_here(self, registry):
        arguments = [
            "--well",
            "W",
            "--from",
            to_iso(0),
            "--to",
            to_iso(1),
            "--registry",
            str(registry.folder),
        ]
        result = CliRunner().invoke(app, [*arguments, "--units", "detect"])
        assert result.exit_code == 2
        assert "converted by the producer" in result.output


def test_gauges_that_were_there_last_time_are_expected(registry, period):
    run(registry, period)
    sensors = live(registry)[0]["wells"]["WELL-00042"]["sensors"]
    lost = [SENSOR_INDEX[name] for name in sensors[: len(sensors) // 2 + 1]]

    def lose(values):
        values[:, lost] = np.nan

    later = replace(changed(period, lose), ts_ms=period.ts_ms + 86_400_000)
    with pytest.raises(NotCommissionedError, match=r"gauges can't be used.*\(missing\)"):
        run(registry, later, "third")


def test_how_short_is_a_matter_of_choice(registry, period):
    assert run(registry, without(period, slice(500, None)), min_normal_s=500).seconds == 500


class TestReadings:
    def test_of_files_are_those_of_the_well_within_the_period(self, instance):
        write_instance(instance)
        folder = instance.path.parents[1]
        begin, end = int(instance.ts_ms[100]), int(instance.ts_ms[700])
        found = from_files(folder, instance.well_id, begin, end)
        np.testing.assert_array_equal(found.ts_ms, instance.ts_ms[100:700])
        assert found.sources == (instance.source,)
        assert len(from_files(folder, instance.well_id, 0, 1000)) == 0

    def test_of_the_lake_are_queried_by_date_and_ordered_by_source_time(self, period):
        asked = []

        def ask(sql):
            asked.append(sql)
            rows = []
            for ts, values in zip(period.ts_ms[:50].tolist(), period.values[:50].tolist(), strict=True):
                known = [None if value != value else value for value in values]
                taken = datetime.fromisoformat(to_sql(ts))
                rows.append((taken, "0/x", *known, 0, None))
            return SimpleNamespace(rows=[*rows, rows[-1]])

        found = from_lake("WELL-0'2", 1_760_000_000_000, 1_760_003_600_000, ask)
        assert "well_id = 'WELL-0''2' AND date BETWEEN DATE '2025-10-09' AND DATE '2025-10-09'" in asked[0]
        np.testing.assert_array_equal(found.ts_ms, period.ts_ms[:50])
        np.testing.assert_array_equal(found.values[:, P_TPT], period.values[:50, P_TPT])
        assert found.label.tolist() == [0] * 50
        assert found.state.tolist() == [NO_LABEL] * 50

    def test_that_are_not_there_make_an_empty_period(self):
        assert len(from_lake("W", 0, 1000, lambda sql: SimpleNamespace(rows=[]))) == 0


class TestCommandLine:
    def arguments(self, instance, registry, start=0, end=1800):
        write_instance(instance)
        times = ["--from", to_iso(int(instance.ts_ms[start])), "--to", to_iso(int(instance.ts_ms[end]))]
        where = ["--data", str(instance.path.parents[1]), "--registry", str(registry.folder)]
        return ["--well", instance.well_id, *times, *where]

    def test_shows_the_baseline_and_publishes_it(self, instance, registry):
        result = CliRunner().invoke(app, [*self.arguments(instance, registry), "--model-version", "second"])
        assert result.exit_code == 0, result.output
        assert "p_tpt" in result.output
        assert "Version second is live" in result.output
        assert live(registry)[0]["version"] == "second"

    def test_reads_the_lake_without_a_folder(self, instance, registry, monkeypatch):
        monkeypatch.setattr(command, "run_sql", lambda sql: SimpleNamespace(rows=[]))
        arguments = self.arguments(instance, registry)
        at = arguments.index("--data")
        result = CliRunner().invoke(app, arguments[:at] + arguments[at + 2 :])
        assert result.exit_code == 1
        assert f"the lake has no readings of {instance.well_id}" in result.output

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (("--to", "2024-03-01T06:00"), "--to: '2024-03-01T06:00' is not an instant"),
            (("--well", "WELL-00099"), "has no well WELL-00099"),
            (("--from", "2020-01-01T00:00:00Z", "--to", "2020-01-02T00:00:00Z"), "has no readings of"),
            (("--min-normal", "3600"), "1800 s of normal operation, at least 3600 s are needed"),
        ],
    )
    def test_explains_what_is_wrong_without_a_traceback(self, instance, registry, change, said):
        result = CliRunner().invoke(app, [*self.arguments(instance, registry), *change])
        assert result.exit_code == 1
        assert said in result.output.replace("\n", " ")
