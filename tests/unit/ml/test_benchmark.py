"""The published benchmark: its windows, its published figures, and what the command says."""

import csv
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from ml.benchmark import METHODS, app, run
from ml.data.dataset import NO_LABEL, find_instances, identify, read_instance, write_instance
from ml.evaluation.methods import KERNELS, Lof, OneClass, PlainForest, dummy
from ml.evaluation.vargas import WINDOW, benchmark_values, cut_windows, micro_f1, why_not, window_features
from ml.simulate import simulate_instance
from petrostream.schema.sensors import SENSOR_INDEX
from tests.support.depth import deep_only
from tests.support.paths import REAL_3W

PUBLISHED = REAL_3W / "vargas_2019_per_instance.csv"
real3w = pytest.mark.skipif(not PUBLISHED.is_file(), reason=f"no {PUBLISHED} (set PETROSTREAM_3W)")

EVENT = 2


def labels(*parts):
    """Labels from (class, number of observations)."""
    return np.concatenate([np.full(count, code) for code, count in parts])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Two wells in the file layout of real ones: simulated instances under the names of wells."""
    folder = tmp_path_factory.mktemp("3w")
    for well, (event_class, number) in enumerate(((2, 1), (6, 1), (0, 1)), start=1):
        made = simulate_instance(folder, event_class, number, seed=11, minutes=75)
        name = f"WELL-0000{well}_20200101000000.parquet"
        renamed = identify(folder / str(event_class) / name)
        write_instance(replace(made, path=renamed.path, well_id=renamed.well_id))
    return folder


def test_windows_of_an_event_with_transient_and_steady_state():
    windows = cut_windows(labels((0, 3600), (102, 2000), (2, 2000)), EVENT)

    # 15 windows end with the last normal observation; the first 9 train.
    assert windows.train.tolist() == [3600 - WINDOW * (15 - i) for i in range(9)]
    assert windows.test[:6].tolist() == [3600 - WINDOW * (6 - i) for i in range(6)]
    # The first window of the transient holds one observation of it, the others are spread over it.
    step = (2000 - 1 + WINDOW - WINDOW - 1) // 14
    assert windows.test[6:9].tolist() == [3600 - (WINDOW - 1) + i * step for i in range(3)]
    assert windows.test[9] == 5600 - (WINDOW - 1)
    assert windows.anomalous.tolist() == [False] * 6 + [True] * 6
    assert windows.training_rows == slice(900, 900 + 9 * WINDOW)


def test_without_a_steady_state_all_windows_are_transient():
    windows = cut_windows(labels((0, 2000), (102, 900)), EVENT)

    assert windows.anomalous.sum() == 6
    assert len(windows.test) == 12


def test_without_a_transient_all_windows_are_steady():
    windows = cut_windows(labels((0, 2000), (2, 3000)), EVENT)

    assert windows.anomalous.sum() == 6
    assert (windows.test[6:] >= 2000 - (WINDOW - 1)).all()


def test_an_event_too_short_for_its_windows_takes_normal_ones_along():
    windows = cut_windows(labels((0, 2000), (102, 3)), EVENT)

    assert windows.anomalous.tolist() == [False] * 2 + [True] * 2


def test_an_event_that_is_not_labelled_leaves_nothing_to_judge():
    assert not cut_windows(labels((0, 2000), (NO_LABEL, 500)), EVENT).anomalous.any()


@given(
    normal=st.integers(1200, 20_000),
    gap=st.integers(0, 300),
    transient=st.integers(0, 5000),
    steady=st.integers(0, 5000),
)
def test_every_window_lies_within_the_instance(normal, gap, transient, steady):
    label = labels((0, normal), (NO_LABEL, gap), (102, transient), (2, steady))
    windows = cut_windows(label, EVENT)

    assert (windows.train >= 0).all()
    assert (windows.test >= 0).all()
    assert (windows.test + WINDOW <= len(label)).all()
    assert (label[windows.training_rows] == 0).all()
    for first, anomalous in zip(windows.test, windows.anomalous, strict=True):
        assert (label[first : first + WINDOW] > 0).any() == anomalous


def test_features_are_scaled_by_training_alone(dataset):
    instance = read_instance(find_instances(dataset, classes=[2])[0])
    windows = cut_windows(instance.label, EVENT)
    train, test = window_features(instance, windows)
    later = replace(instance, values=instance.values.copy())
    later.values[windows.training_rows.stop :] *= 1.5

    assert train.shape[0] == 9
    assert train.shape[1] == test.shape[1]
    assert train.shape[1] % 6 == 0
    np.testing.assert_array_equal(window_features(later, windows)[0], train)


def test_missing_values_and_variables_are_zeros(dataset):
    instance = read_instance(find_instances(dataset, classes=[2])[0])
    holed = replace(instance, values=instance.values.copy())
    holed.values[5, SENSOR_INDEX["p_tpt"]] = np.nan

    values = benchmark_values(holed)
    assert values[5, 1] == 0
    assert not values[:, 6].any()  # T-JUS-CKGL: release 2.0.0 no longer has it


def test_micro_f1_is_the_share_of_right_judgements():
    assert micro_f1(np.array([True, False, True, False]), np.array([True, True, True, False])) == 0.75


def far_and_near():
    rng = np.random.default_rng(3)
    train = rng.normal(size=(9, 6))
    return train, np.concatenate([rng.normal(size=(6, 6)) * 0.1, 30 + rng.normal(size=(6, 6))])


@pytest.mark.parametrize("method", [PlainForest(1), OneClass("rbf"), Lof(3)], ids=repr)
def test_methods_detect_what_is_far_away(method):
    judged = method(*far_and_near())

    assert judged[6:].all()


def test_the_dummy_calls_nothing_an_anomaly():
    assert not dummy(*far_and_near()).any()


def test_instances_that_do_not_belong_are_left_out_with_the_reason(dataset):
    files = find_instances(dataset)
    reasons = {file.event_class: why_not(read_instance(file)) for file in files}

    assert "class 0" in reasons[0]
    assert reasons[2] is None
    short = read_instance(files[1])
    short = replace(short, label=np.where(np.arange(len(short)) < 900, short.label, 2))
    assert why_not(short) == "900 s of normal operation, fewer than 1200"


@pytest.fixture(scope="module")
def figures(dataset, tmp_path_factory):
    """What the command says of every method."""
    out = tmp_path_factory.mktemp("benchmark") / "new" / "figures.json"
    result = CliRunner().invoke(app, ["--data", str(dataset), "--json", str(out)])

    assert result.exit_code == 0, result.output
    return json.loads(out.read_bytes())


def test_every_method_judges_every_eligible_instance(figures):
    assert set(figures["methods"]) == set(METHODS)
    eligible = [one["instance"] for one in figures["eligible"]]
    assert eligible == ["2/WELL-00001_20200101000000", "6/WELL-00002_20200101000000"]
    assert list(figures["skipped"]) == ["0/WELL-00003_20200101000000"]
    for method in figures["methods"].values():
        assert list(method["per_instance"]) == eligible
        assert method["mean"] == pytest.approx(np.mean(list(method["per_instance"].values())))
        assert method["std"] == pytest.approx(np.std(list(method["per_instance"].values()), ddof=1))
    assert figures["methods"]["dummy"]["mean"] == 0.5
    assert figures["methods"]["petrostream"]["mean"] > 0.8


@deep_only
def test_the_same_seed_gives_the_same_figures(dataset):
    files = find_instances(dataset, classes=[2])
    chosen = ["isolation_forest", "petrostream"]

    assert run(files, chosen, 5) == run(files, chosen, 5)


def test_only_the_methods_asked_for_run(dataset):
    assert list(run(find_instances(dataset), ["dummy"], 1)["methods"]) == ["dummy"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--methods", "magic"], "magic is not a method"),
        (["--methods", ","], "nothing is not a method"),
    ],
)
def test_unknown_methods_are_refused_by_name(dataset, arguments, message):
    result = CliRunner().invoke(app, ["--data", str(dataset), *arguments])

    assert result.exit_code == 2
    assert message in result.output


def test_a_folder_without_an_eligible_instance_says_why(tmp_path):
    write_instance(simulate_instance(tmp_path, 2, 1, seed=1, minutes=40))
    result = CliRunner().invoke(app, ["--data", str(tmp_path), "--methods", "dummy"])

    assert result.exit_code == 1
    assert "not from a real well" in result.output


@deep_only
@real3w
@pytest.mark.real3w
def test_published_figures_are_reproduced():
    """The support vector machines to the published digits; the forest as far as a changed library allows."""
    published = {row["instance"]: row for row in csv.DictReader(PUBLISHED.open())}
    kernels = [f"ocsvm_{kernel}" for kernel in KERNELS]
    found = run(find_instances(REAL_3W), ["dummy", "isolation_forest", *kernels], seed=1)["methods"]

    for method in ("dummy", *kernels):
        column = {"dummy": "Dummy"}.get(method, method.upper().replace("_", "-"))
        for source, score in found[method]["per_instance"].items():
            expected = float(published[source.partition("/")[2]][column])
            assert score == pytest.approx(expected, abs=1e-3), (method, source)
        assert len(found[method]["per_instance"]) == len(published)
    mean = np.mean([float(row["IF"]) for row in published.values()])
    assert found["isolation_forest"]["mean"] == pytest.approx(mean, abs=0.06)


@deep_only
@real3w
@pytest.mark.real3w
def test_petrostream_is_above_its_bar_on_real_instances():
    figures = run(find_instances(REAL_3W), ["petrostream"], seed=1)

    assert len(figures["eligible"]) == 8
    assert figures["methods"]["petrostream"]["mean"] >= 0.91


def test_scores_rank_windows_of_normal_operation_below_those_of_the_event(figures):
    """VUS-PR needs no limit; a method that calls everything the same gets about one half."""
    found = figures["methods"]

    for name in ("petrostream", "petrostream_max_z", "petrostream_mahalanobis", "max_z"):
        assert found[name]["vus_pr"]["mean"] > 0.9
    assert 0.4 < found["dummy"]["vus_pr"]["mean"] < 0.65
    assert set(found["lof"]["vus_pr"]["per_instance"]) == set(found["lof"]["per_instance"])
