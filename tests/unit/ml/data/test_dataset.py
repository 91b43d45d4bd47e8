"""The 3W reader: what it reads, in which order, and what it says about a file that is not in the layout."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ml.data.dataset import (
    NO_LABEL,
    DatasetError,
    Instance,
    find_instances,
    identify,
    read_instance,
    write_instance,
)
from petrostream.schema.sensors import SENSOR_INDEX, SENSORS
from tests.support.paths import REAL_3W


def frame(rows=5):
    data = {str(sensor.three_w): np.arange(rows, dtype=float) for sensor in SENSORS}
    index = pd.date_range("2017-02-01 01:02:07", periods=rows, freq="s", name="timestamp")
    table = pd.DataFrame(data, index=index)
    table["class"] = pd.array([0, 0, pd.NA, 102, 2][:rows], dtype="Int16")
    table["state"] = pd.array([pd.NA] * rows, dtype="Int16")
    return table


def save(table, folder, name="2/WELL-00001_20170201010207.parquet"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path)
    return path


def touch(folder, *names):
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_reads_an_instance_exactly(tmp_path):
    table = frame()
    table.loc[table.index[3], "P-PDG"] = np.nan
    table.loc[table.index[4], "P-TPT"] = -1.2e42
    instance = read_instance(save(table, tmp_path))
    assert (instance.source, instance.well_id, len(instance)) == (
        "2/WELL-00001_20170201010207",
        "WELL-00001",
        5,
    )
    assert instance.ts_ms[0] == 1_485_910_927_000
    assert instance.values.shape == (5, 27)
    assert np.isnan(instance.values[3, SENSOR_INDEX["p_pdg"]])
    assert instance.values[4, SENSOR_INDEX["p_tpt"]] == -1.2e42
    assert instance.label.tolist() == [0, 0, NO_LABEL, 102, 2]
    assert instance.state.tolist() == [NO_LABEL] * 5
    assert instance.in_event.tolist() == [False, False, False, True, True]


def test_what_is_written_is_read_back(tmp_path):
    rng = np.random.default_rng(0)
    values = rng.normal(size=(4, 27))
    values[1, 3] = np.nan
    written = Instance(
        path=tmp_path / "3" / "SIMULATED_00001.parquet",
        event_class=3,
        well_id="SIM-3-00001",
        ts_ms=1_500_000_000_000 + 1000 * np.arange(4),
        values=values,
        label=np.array([3, NO_LABEL, 3, 3]),
        state=np.array([0, 0, NO_LABEL, 7]),
    )
    write_instance(written)
    back = read_instance(written.path)
    assert back.well_id == written.well_id
    for name in ("ts_ms", "values", "label", "state"):
        np.testing.assert_array_equal(getattr(back, name), getattr(written, name))
    assert not list(tmp_path.rglob("*.part"))


def test_order_is_by_class_then_name(tmp_path):
    touch(tmp_path, "2/WELL-00002_20170201010207.parquet", "2/SIMULATED_00002.parquet")
    touch(tmp_path, "1/DRAWN_00003.parquet", "2/SIMULATED_00001.parquet", "notes/other.parquet")
    files = find_instances(tmp_path)
    assert [file.source for file in files] == [
        "1/DRAWN_00003",
        "2/SIMULATED_00001",
        "2/SIMULATED_00002",
        "2/WELL-00002_20170201010207",
    ]
    assert [file.well_id for file in files] == ["DRAWN-1-00003", "SIM-2-00001", "SIM-2-00002", "WELL-00002"]
    assert [file.is_real for file in files] == [False, False, False, True]


def test_a_class_folder_is_a_dataset_too(tmp_path):
    touch(tmp_path, "6/SIMULATED_00001.parquet")
    assert [file.source for file in find_instances(tmp_path / "6")] == ["6/SIMULATED_00001"]


def test_filters(tmp_path):
    touch(tmp_path, "2/WELL-00002_20170201010207.parquet", "2/SIMULATED_00001.parquet")
    touch(tmp_path, "6/SIMULATED_00001.parquet")
    assert len(find_instances(tmp_path, wells=["WELL-00002"])) == 1
    assert len(find_instances(tmp_path, classes=[2])) == 2
    assert len(find_instances(tmp_path, instances=["SIMULATED_00001"])) == 2
    assert len(find_instances(tmp_path, instances=["6/SIMULATED_00001"])) == 1
    with pytest.raises(
        DatasetError, match=r"has no well WELL-00009; it has SIM-2-00001, SIM-6-00001, WELL-00002"
    ):
        find_instances(tmp_path, wells=["WELL-00009"])
    with pytest.raises(DatasetError, match="has no class 5; it has 2, 6"):
        find_instances(tmp_path, classes=[5])
    with pytest.raises(DatasetError, match="no instance matches all the filters"):
        find_instances(tmp_path, wells=["WELL-00002"], classes=[6])


def test_a_folder_that_is_not_there_or_empty(tmp_path):
    with pytest.raises(DatasetError, match="there is no such folder"):
        find_instances(tmp_path / "none")
    with pytest.raises(DatasetError, match=r"holds no <class>/<instance>\.parquet"):
        find_instances(tmp_path)


@pytest.mark.parametrize(
    "name", ["2/WELL-1.parquet", "2/simulated_00001.parquet", "2/WELL-00001_2017.parquet"]
)
def test_a_strange_name_is_an_error_not_a_lost_instance(tmp_path, name):
    touch(tmp_path, name)
    with pytest.raises(DatasetError, match="is not named WELL-") as caught:
        find_instances(tmp_path)
    assert caught.value.path.name == Path(name).name


def test_the_folder_must_be_a_class():
    with pytest.raises(DatasetError, match="is in folder '11'; its folder must be its class, 0 to 9"):
        identify(Path("11/SIMULATED_00001.parquet"))


def with_time(rows):
    table = frame()
    index = pd.DatetimeIndex(rows, name="timestamp")
    return table.set_index(index)


BROKEN = {
    "missing columns": (
        lambda: frame().drop(columns=["P-PDG", "QGL"]),
        "lacks 2 of the 30 columns of 3W 2.0.0: P-PDG, QGL",
    ),
    "no time": (lambda: frame().reset_index(drop=True), "columns of 3W 2.0.0: timestamp"),
    "extra column": (lambda: frame().assign(OIL=1.0), "column 'OIL': is not a column of 3W 2.0.0"),
    "text": (
        lambda: frame().assign(**{"P-TPT": "high"}),
        "column 'P-TPT': is .*string, where 3W has float64",
    ),
    "empty": (lambda: frame().iloc[:0], "has no observations"),
    "unknown class": (
        lambda: frame().assign(**{"class": [0, 0, 55, 0, 0]}),
        "column 'class': is 55 at row 2, which 3W 2.0.0 does not define",
    ),
    "unknown state": (lambda: frame().assign(state=-1), "column 'state': is -1 at row 0"),
    "text class": (lambda: frame().assign(**{"class": "normal"}), "column 'class': is .*string, where"),
    "text time": (
        lambda: frame().set_index(pd.Index(list("abcde"), name="timestamp")),
        "column 'timestamp': is .*string, where 3W has a timestamp",
    ),
    "null time": (
        lambda: with_time(["2017-01-01", None, "2017-01-02", "2017-01-03", "2017-01-04"]),
        "column 'timestamp': is null in 1 rows",
    ),
    "time repeats": (
        lambda: with_time(["2017-01-01", "2017-01-02", "2017-01-02", "2017-01-03", "2017-01-04"]),
        "column 'timestamp': does not increase at row 2: 2017-01-02T00:00:00.000 comes after 2017-01-02",
    ),
}


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_says_exactly_what_is_wrong(tmp_path, broken):
    make, message = BROKEN[broken]
    path = save(make(), tmp_path)
    with pytest.raises(DatasetError, match=message) as caught:
        read_instance(path)
    assert caught.value.path == path


def test_a_file_that_is_not_parquet(tmp_path):
    path = tmp_path / "2" / "SIMULATED_00001.parquet"
    touch(tmp_path, "2/SIMULATED_00001.parquet")
    with pytest.raises(DatasetError, match="can't be read as Parquet"):
        read_instance(path)
    path.write_bytes(b"PAR1 cut short")
    with pytest.raises(DatasetError, match="can't be read as Parquet"):
        read_instance(path)
    path.unlink()
    with pytest.raises(DatasetError, match="there is no such file"):
        read_instance(path)


def test_all_null_variables_and_wide_integers_are_fine(tmp_path):
    table = pa.Table.from_pandas(frame().astype({"class": "Int64", "state": "Int64"}))
    position = table.column_names.index("QBS")
    table = table.set_column(position, "QBS", pa.nulls(5))
    path = tmp_path / "2" / "SIMULATED_00001.parquet"
    path.parent.mkdir()
    pq.write_table(table, path)
    instance = read_instance(path)
    assert np.isnan(instance.values[:, SENSOR_INDEX["qbs"]]).all()
    assert instance.label.tolist() == [0, 0, NO_LABEL, 102, 2]


@pytest.mark.real3w
@pytest.mark.skipif(not REAL_3W.is_dir(), reason=f"no real 3W instances at {REAL_3W} (set PETROSTREAM_3W)")
def test_real_instances_are_read():
    files = find_instances(REAL_3W)
    instance = read_instance(files[0])
    assert files == find_instances(REAL_3W)
    assert len(instance) > 0
    assert np.isfinite(instance.values).any()
