"""The model registry: what is published is whole, the pointer moves last, and one can go back."""

import hashlib
import json

import boto3
import numpy as np
import orjson
import pytest
from sklearn.ensemble import IsolationForest
from typer.testing import CliRunner

from ml.registry import (
    FolderRegistry,
    RegistryError,
    S3Registry,
    check_version,
    current_version,
    open_registry,
    publish,
    rollback,
    versions,
)
from ml.registry.__main__ import app
from ml.training.onnx_export import forest_to_onnx
from petrostream.aws.models import ModelStore
from petrostream.detection.extraction import feature_names
from tests.support.mocked import mock_aws

SENSORS = ("p_tpt", "t_tpt")
NAMES = feature_names()
ROWS = np.random.default_rng(0).normal(size=(300, len(NAMES))).astype(np.float32)
ONNX = forest_to_onnx(IsolationForest(n_estimators=5, random_state=0).fit(ROWS))


def make_version(folder, version, created_at="2026-01-01T00:00:00Z", pickled=b"pickle"):
    listed = {}
    for kind, content in (("onnx", ONNX), ("joblib", pickled)):
        path = folder / version / "WELL-00001" / f"model.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        listed[kind] = {"path": f"WELL-00001/model.{kind}", "sha256": digest, "bytes": len(content)}
    entry = {
        "kind": "commissioned",
        "sensors": SENSORS,
        "center": [1e7, 60.0],
        "scale": [1e4, 0.05],
        "threshold": 0.55,
        "feature_names": NAMES,
    }
    manifest = {
        "format": 1,
        "version": version,
        "created_at": created_at,
        "wells": {"WELL-00001": {**entry, **listed}},
        "fleet": None,
    }
    (folder / version / "manifest.json").write_bytes(orjson.dumps(manifest))
    (folder / "current.json").write_bytes(orjson.dumps({"version": version}))
    return folder / version


@pytest.fixture
def bucket(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="artifacts")
        yield S3Registry("artifacts", client)


@pytest.fixture(params=["folder", "s3"])
def registry(request, tmp_path):
    if request.param == "folder":
        return FolderRegistry(tmp_path / "registry")
    return request.getfixturevalue("bucket")


class Recording:
    """A folder registry that remembers what was written, and can break."""

    def __init__(self, folder, break_at=None):
        self.inner = FolderRegistry(folder)
        self.written = []
        self.break_at = break_at

    def get(self, key):
        return self.inner.get(key)

    def manifests(self):
        return self.inner.manifests()

    def put(self, key, value):
        if self.break_at is not None and self.break_at in key:
            raise OSError("connection lost")
        self.written.append(key)
        self.inner.put(key, value)


def test_publish_list_and_roll_back(registry, tmp_path):
    assert current_version(registry) is None
    assert versions(registry) == []
    make_version(tmp_path, "v1", "2026-01-01T00:00:00Z")
    assert publish(tmp_path / "v1", registry) == "v1"
    make_version(tmp_path, "v2", "2026-01-02T00:00:00Z")
    assert publish(tmp_path, registry) == "v2", "a models folder means its newest version"
    listed = [(one.version, one.wells, one.fleet, one.live) for one in versions(registry)]
    assert listed == [("v1", 1, False, False), ("v2", 1, False, True)]
    assert rollback(registry) == "v1"
    assert current_version(registry) == "v1"
    assert rollback(registry, "v2") == "v2"
    assert current_version(registry) == "v2"


def test_what_is_published_is_what_scoring_loads(bucket, tmp_path):
    publish(make_version(tmp_path, "v1"), bucket)
    models = ModelStore("artifacts", bucket.client).current()
    assert models.version == "v1"
    model = models.for_well("WELL-00001")
    assert (model.sensors, model.threshold, model.kind) == (SENSORS, 0.55, "commissioned")
    assert models.for_well("WELL-00002") is None


def test_the_pointer_is_written_last_and_the_manifest_before_it(tmp_path):
    registry = Recording(tmp_path / "registry")
    publish(make_version(tmp_path, "v1"), registry)
    assert registry.written[-2:] == ["models/v1/manifest.json", "models/current.json"]


@pytest.mark.parametrize("break_at", ["model.joblib", "manifest.json"])
def test_a_publication_cut_short_changes_nothing_and_can_be_repeated(tmp_path, break_at):
    folder = tmp_path / "registry"
    publish(make_version(tmp_path, "v1"), FolderRegistry(folder))
    second = make_version(tmp_path, "v2")
    with pytest.raises(OSError, match="connection lost"):
        publish(second, Recording(folder, break_at))
    assert current_version(FolderRegistry(folder)) == "v1"
    assert [one.version for one in versions(FolderRegistry(folder))] == ["v1"]
    assert publish(second, FolderRegistry(folder)) == "v2"


def test_a_published_version_never_changes(registry, tmp_path):
    publish(make_version(tmp_path, "v1"), registry)
    publish(tmp_path / "v1", registry)
    make_version(tmp_path, "v1", pickled=b"another")
    with pytest.raises(RegistryError, match="v1 is published with other content"):
        publish(tmp_path / "v1", registry)


def test_altered_or_missing_files_are_not_published(registry, tmp_path):
    folder = make_version(tmp_path, "v1")
    (folder / "WELL-00001/model.joblib").write_bytes(b"altered")
    with pytest.raises(RegistryError, match=r"model\.joblib is not what the manifest lists"):
        publish(folder, registry)
    (folder / "WELL-00001/model.onnx").unlink()
    with pytest.raises(RegistryError, match=r"model\.onnx is missing; train again"):
        publish(folder, registry)
    assert current_version(registry) is None


def test_a_manifest_can_not_reach_outside_its_version(tmp_path):
    folder = make_version(tmp_path, "v1")
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["wells"]["WELL-00001"]["onnx"]["path"] = "../../secret"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(RegistryError, match="points outside the version"):
        publish(folder, FolderRegistry(tmp_path / "registry"))


def test_rolling_back_checks_the_version_first(registry, tmp_path):
    publish(make_version(tmp_path, "v1", "2026-01-01T00:00:00Z"), registry)
    with pytest.raises(RegistryError, match="there is no version before v1; known: v1"):
        rollback(registry)
    with pytest.raises(RegistryError, match="there is no version v9; known: v1"):
        rollback(registry, "v9")
    publish(make_version(tmp_path, "v2", "2026-01-02T00:00:00Z"), registry)
    registry.put("models/v1/WELL-00001/model.onnx", b"altered")
    with pytest.raises(RegistryError, match=r"v1 is damaged: WELL-00001/model\.onnx is missing or altered"):
        rollback(registry)
    assert current_version(registry) == "v2"


def test_a_file_where_a_folder_is_expected_is_called_one(tmp_path):
    file = tmp_path / "manifest.json"
    file.write_text("{}")
    with pytest.raises(RegistryError, match="is a file; name the folder"):
        publish(file, FolderRegistry(tmp_path / "registry"))


def test_a_folder_without_a_version_says_so(tmp_path):
    registry = FolderRegistry(tmp_path / "registry")
    with pytest.raises(RegistryError, match=r"holds neither manifest\.json nor current\.json; train first"):
        publish(tmp_path, registry)
    (tmp_path / "current.json").write_text('{"version": "v3"}')
    with pytest.raises(RegistryError, match=r"v3 has no manifest\.json; train again"):
        publish(tmp_path, registry)
    (tmp_path / "current.json").write_text("rubbish")
    with pytest.raises(RegistryError, match="can't be read"):
        publish(tmp_path, registry)


@pytest.mark.parametrize("version", ["", "../up", "a/b", ".hidden", "x" * 65])
def test_version_names_that_can_not_be_folders(version):
    with pytest.raises(RegistryError, match="must be up to 64 letters"):
        check_version(version)


def test_addresses(bucket, tmp_path):
    assert open_registry(str(tmp_path)) == FolderRegistry(tmp_path)
    assert open_registry("s3://artifacts", bucket.client) == bucket
    with pytest.raises(RegistryError, match="at the root of a bucket"):
        open_registry("s3://artifacts/deeper")


def test_the_command_line(tmp_path):
    where = str(tmp_path / "registry")
    make_version(tmp_path, "v1", "2026-01-01T00:00:00Z")
    runner = CliRunner()
    assert runner.invoke(app, ["publish", str(tmp_path), "--to", where]).exit_code == 0
    make_version(tmp_path, "v2", "2026-01-02T00:00:00Z")
    assert runner.invoke(app, ["publish", str(tmp_path), "--to", where]).exit_code == 0
    assert runner.invoke(app, ["rollback", "--at", where]).exit_code == 0
    listed = runner.invoke(app, ["list", "--at", where])
    assert "v1" in listed.output
    assert "v2" in listed.output
    assert current_version(FolderRegistry(tmp_path / "registry")) == "v1"
    failed = runner.invoke(app, ["rollback", "--at", where])
    assert failed.exit_code == 1
    assert "no version before v1" in failed.output
