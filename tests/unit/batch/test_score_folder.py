"""A folder of 3W instances is scored as the stream would have scored them, with a version of the registry."""

import io
from dataclasses import fields
from datetime import UTC, datetime

import boto3
import numpy as np
import pyarrow as pa
import pyarrow.csv as pv
import pyarrow.parquet as pq
import pytest

from batch import BatchSettings, JobContext, JobRequest, RequestInvalid
from batch import score_folder as job
from batch.instances import find, rows_of
from ml.data.dataset import DatasetError, Instance, identify, read_instance, write_instance
from ml.evaluation.stream import stream
from petrostream.aws.models import ModelStore
from petrostream.schema import SENSOR_INDEX, SENSORS
from tests.support.mocked import mock_aws
from tests.support.scoring_world import START_MS, published

ARTIFACTS = "lake-artifacts"
SECONDS = 900


@pytest.fixture
def s3(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        for bucket in (ARTIFACTS, "mine"):
            client.create_bucket(Bucket=bucket)
        for key, body in published().items():
            client.put_object(Bucket=ARTIFACTS, Key=key, Body=body)
        yield client


def instance(path):
    """An instance with a step in its middle, written to its path."""
    known = identify(path)
    values = np.full((SECONDS, 27), np.nan)
    second = np.arange(SECONDS)
    values[:, SENSOR_INDEX["p_pdg"]] = 2.1e7 + 1e4 * np.sin(second) + 4e6 * (second > 600)
    values[:, SENSOR_INDEX["p_tpt"]] = 1.4e7 - 1e4 * np.cos(1.7 * second)
    values[:, SENSOR_INDEX["t_tpt"]] = 95.0
    label = np.where(second > 600, 101, 0)
    made = Instance(
        path, known.event_class, known.well_id, START_MS + 1000 * second, values, label, np.full(SECONDS, -1)
    )
    write_instance(made)
    return made


def ask(s3, **options):
    named = {one.name: "unused" for one in fields(BatchSettings)} | {"artifacts_bucket": ARTIFACTS}
    settings = BatchSettings(**named)
    context = JobContext(settings, client=lambda _: s3, clock=lambda: datetime(2026, 12, 24, tzinfo=UTC))
    return job.run(context, JobRequest("score-folder", options=options))


def test_scores_are_those_of_the_stream(s3, tmp_path):
    made = instance(tmp_path / "in" / "1" / "WELL-00001_20140515110134.parquet")
    instance(tmp_path / "in" / "1" / "SIMULATED_00007.parquet")
    result = ask(s3, folder=str(tmp_path / "in"), out=str(tmp_path / "out"))
    assert (result.details["model"], result.details["files"]) == ("v1", 2)
    rows = pq.read_table(tmp_path / "out" / "1" / "WELL-00001_20140515110134.parquet")
    models = ModelStore(ARTIFACTS, s3).load("v1")
    expected = stream(made, models)
    np.testing.assert_array_equal(rows["anomaly_score"].to_numpy(), expected.score)
    np.testing.assert_array_equal(rows["anomaly_flag"].to_numpy(), expected.flagged)
    assert 0 < expected.flagged.sum() < SECONDS
    assert set(rows["source"].to_pylist()) == {"1/WELL-00001_20140515110134"}
    assert rows["class"].to_pylist() == made.label.tolist()
    other = pq.read_table(tmp_path / "out" / "1" / "SIMULATED_00007.parquet")
    assert set(other["well_id"].to_pylist()) == {"SIM-1-00007"}
    assert result.details["readings"] == 2 * SECONDS


def as_csv(path, out, drop=(), **more):
    """An instance as release 1 of 3W has it: some variables, no state."""
    table = pq.read_table(path)
    names = ["timestamp", "P-PDG", "P-TPT", "T-TPT", "class"]
    table = table.select([name for name in names if name not in drop])
    for name, values in more.items():
        table = table.append_column(name.replace("_", "-"), pa.array(values))
    out.parent.mkdir(parents=True, exist_ok=True)
    pv.write_csv(table, out)


def test_a_csv_of_release_1_scores_as_the_parquet_file_does(s3, tmp_path):
    path = tmp_path / "parquet" / "1" / "WELL-00001_20140515110134.parquet"
    instance(path)
    as_csv(path, tmp_path / "csv" / "1" / "WELL-00001_20140515110134.csv", T_JUS_CKGL=[1.0] * SECONDS)
    for kind in ("parquet", "csv"):
        result = ask(s3, folder=str(tmp_path / kind), out=str(tmp_path / f"{kind}-out"))
    name = "1/WELL-00001_20140515110134.parquet"
    one, other = (pq.read_table(tmp_path / f"{kind}-out" / name) for kind in ("parquet", "csv"))
    assert one.equals(other)
    assert not result.details.get("not_scored")
    assert rows_of(find(tmp_path / "csv")[0])[1] == ["T-JUS-CKGL"]


def test_s3_to_s3_and_a_bad_file_does_not_stop_the_others(s3, tmp_path):
    path = tmp_path / "1" / "WELL-00001_20140515110134.parquet"
    instance(path)
    s3.upload_file(str(path), "mine", f"wells/1/{path.name}")
    s3.put_object(Bucket="mine", Key="wells/1/WELL-00002_20140515110134.parquet", Body=b"not Parquet")
    s3.put_object(Bucket="mine", Key="wells/notes.txt", Body=b"")
    result = ask(s3, folder="s3://mine/wells", out="s3://mine/scored/", model="v1")
    assert list(result.details["not_scored"]) == ["1/WELL-00002_20140515110134.parquet"]
    (item,) = s3.list_objects_v2(Bucket="mine", Prefix="scored/")["Contents"]
    assert item["Key"] == f"scored/1/{path.name}"
    body = s3.get_object(Bucket="mine", Key=item["Key"])["Body"].read()
    assert pq.read_table(io.BytesIO(body)).num_rows == SECONDS


def test_an_interrupted_run_leaves_no_half_file_and_a_further_run_the_same_files(s3, tmp_path, monkeypatch):
    instance(tmp_path / "in" / "1" / "WELL-00001_20140515110134.parquet")

    def fail(rows, path, **_):
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(job.pq, "write_table", fail)
        with pytest.raises(KeyboardInterrupt):
            ask(s3, folder=str(tmp_path / "in"), out=str(tmp_path / "out"))
    assert list((tmp_path / "out").rglob("*.parquet")) == []
    ask(s3, folder=str(tmp_path / "in"), out=str(tmp_path / "out"))
    (path,) = (tmp_path / "out").rglob("*.parquet")
    first = path.read_bytes()
    ask(s3, folder=str(tmp_path / "in"), out=str(tmp_path / "out"))
    assert path.read_bytes() == first


@pytest.mark.parametrize(
    ("lines", "named"),
    [
        ("P-PDG\n1\n", "column 'timestamp': is missing"),
        ("timestamp,P-PDG\n2014-01-01 00:00:01,1\n2014-01-01 00:00:01,1\n", "does not increase at row 1"),
        ("timestamp,P-PDG\n2014-01-01 00:00:01,high\n", "column 'P-PDG': holds what is not a number"),
        ("timestamp,P-PDG\n", "has no observations"),
        ("timestamp,P-PDG\n,1\n", "is null in 1 rows"),
        ("timestamp,P-PDG\nyesterday,1\n", "can't be read as CSV"),
    ],
)
def test_a_bad_csv_is_named(tmp_path, lines, named):
    (tmp_path / "a.csv").write_text(lines)
    with pytest.raises(DatasetError, match=r"a\.csv") as refused:
        rows_of(find(tmp_path)[0])
    assert named in str(refused.value)


def test_names_are_those_of_the_dataset(tmp_path):
    for name in ("1/SIMULATED_00003.parquet", "1/DRAWN_00001.parquet", "8/WELL-00011_20140515110134.parquet"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    found = {file.path: file for file in find(tmp_path)}
    for path, file in found.items():
        known = identify(path)
        assert (file.well_id, file.source) == (known.well_id, known.source)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "north 4.csv").touch()
    assert find(tmp_path / "mine")[0].well_id == "north 4"


@pytest.mark.parametrize("missing", ["folder", "out"])
def test_both_places_must_be_named(s3, missing):
    with pytest.raises(RequestInvalid, match=f"request {missing} = None"):
        ask(s3, **{"folder": "a", "out": "b", missing: None})


def test_an_empty_folder_is_refused(s3, tmp_path):
    with pytest.raises(RequestInvalid, match=r"holds no \.parquet or \.csv file"):
        ask(s3, folder=str(tmp_path), out=str(tmp_path / "out"))


def test_every_sensor_of_an_instance_is_read(tmp_path):
    made = instance(tmp_path / "1" / "WELL-00001_20140515110134.parquet")
    rows, ignored = rows_of(find(tmp_path)[0])
    np.testing.assert_array_equal(rows.values, read_instance(made.path).values)
    assert (rows.values.shape[1], ignored) == (len(SENSORS), [])
