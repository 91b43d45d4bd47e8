import hashlib
import json

import pytest

from ml.training.onnx_export import forest_to_onnx
from petrostream.aws.models import ModelStore
from petrostream.errors import ModelInvalid, ServiceUnavailable
from tests.support.fakes import OK, THROTTLED, FakeBucket
from tests.support.wells import WELL, entry, training


class Registry:
    """A bucket with published models, a store on it, and its clock."""

    def __init__(self, *faults):
        self.bucket = FakeBucket(faults=list(faults))
        self.now = 0.0
        self.rejected = []
        self.store = ModelStore("artifacts", self.bucket, 60, self.rejected.append, lambda: self.now)

    def publish(self, version, changes=None, fleet=True):
        wells = {WELL: self.files(version, WELL, "commissioned")}
        manifest = {
            "format": 1,
            "version": version,
            "wells": wells,
            "fleet": self.files(version, "fleet", "fleet") if fleet else None,
            **(changes or {}),
        }
        self.put(f"{version}/manifest.json", json.dumps(manifest).encode())
        self.point(version)

    def files(self, version, name, kind):
        onnx = forest_to_onnx(training(kind)[0])
        self.put(f"{version}/{name}/model.onnx", onnx)
        self.put(f"{version}/{name}/model.joblib", b"a pickle")
        manifest = {key: value for key, value in entry(kind).items() if key not in ("well_id", "version")}
        digest = hashlib.sha256(onnx).hexdigest()
        return {**manifest, "onnx": {"path": f"{name}/model.onnx", "sha256": digest, "bytes": len(onnx)}}

    def point(self, version):
        self.put("current.json", json.dumps({"version": version}).encode())

    def put(self, key, content):
        self.bucket.objects[f"models/{key}"] = content

    def later(self):
        self.now += 61
        return self.store.current()


def test_before_the_first_publication_there_are_no_models():
    assert Registry().store.current() is None


def test_the_live_version_is_loaded_with_every_well_and_the_fleet():
    registry = Registry()
    registry.publish("v1")
    models = registry.store.current()
    assert (models.version, set(models.wells)) == ("v1", {WELL})
    assert models.for_well(WELL).kind == "commissioned"
    assert models.for_well(WELL).version == "v1"
    assert models.for_well("WELL-00099").kind == "fleet"


def test_wells_that_share_a_forest_share_one_download_and_one_session():
    registry = Registry()
    registry.publish("v1")
    shared = registry.files("v1", WELL, "commissioned")
    registry.publish("v1", {"wells": {WELL: shared, "WELL-00012": shared}})
    models = registry.store.current()
    assert models.for_well(WELL).forest is models.for_well("WELL-00012").forest
    assert registry.bucket.keys_read.count(f"models/v1/{WELL}/model.onnx") == 1


def test_a_well_has_all_its_baselines_by_start():
    registry = Registry()
    registry.publish("v1")
    parts = [{"valid_from": f"{year}-01-01T00:00:00Z", "source": str(year)} for year in (2025, 2024)]
    entry = {**registry.files("v1", WELL, "commissioned"), "baselines": parts}
    registry.publish("v1", {"wells": {WELL: entry}})
    assert [model.source for model in registry.store.current().wells[WELL]] == ["2024", "2025"]


def test_a_version_without_a_fleet_model_leaves_other_wells_without_one():
    registry = Registry()
    registry.publish("v1", fleet=False)
    assert registry.store.current().for_well("WELL-00099") is None


def test_pickles_are_never_read():
    registry = Registry()
    registry.publish("v1")
    registry.store.current()
    assert not [key for key in registry.bucket.keys_read if key.endswith("joblib")]


def test_a_new_version_is_loaded_after_the_refresh_interval_and_not_before():
    registry = Registry()
    registry.publish("v1")
    registry.store.current()
    registry.publish("v2")
    registry.now = 59
    assert registry.store.current().version == "v1"
    assert registry.later().version == "v2"
    calls = registry.bucket.calls
    registry.later()
    assert registry.bucket.calls == calls + 1


def test_the_first_version_is_loaded_at_once():
    registry = Registry()
    assert registry.store.current() is None
    registry.publish("v1")
    assert registry.store.current().version == "v1"


def test_rolling_the_pointer_back_brings_the_old_version_back():
    registry = Registry()
    registry.publish("v1")
    registry.publish("v2")
    registry.store.current()
    registry.point("v1")
    assert registry.later().version == "v1"


def altered(registry):
    registry.put(f"v2/{WELL}/model.onnx", b"altered")


def missing(registry):
    del registry.bucket.objects[f"models/v2/{WELL}/model.onnx"]


def no_manifest(registry):
    del registry.bucket.objects["models/v2/manifest.json"]


def broken_pointer(registry):
    registry.put("current.json", b"v2")


def nameless_pointer(registry):
    registry.put("current.json", b'{"version": 2}')


def not_a_model(registry):
    content = b"not onnx"
    registry.put("v2/fleet/model.onnx", content)
    manifest = json.loads(registry.bucket.objects["models/v2/manifest.json"])
    manifest["fleet"]["onnx"]["sha256"] = hashlib.sha256(content).hexdigest()
    registry.put("v2/manifest.json", json.dumps(manifest).encode())


def other_format(registry):
    registry.publish("v2", {"format": 2})


def no_wells(registry):
    registry.publish("v2", {"wells": []})


def no_digest(registry):
    registry.publish("v2", {"wells": {WELL: {"onnx": {"path": "x"}}}})


DAMAGES = {
    altered: f"models/v2/{WELL}/model.onnx: SHA-256 is",
    missing: f"models/v2/{WELL}/model.onnx: no such object",
    no_manifest: "models/v2/manifest.json: no such object",
    broken_pointer: "models/current.json: not JSON",
    nameless_pointer: "models/current.json: version is 2",
    not_a_model: "models/v2/fleet/model.onnx: ForestFormatError",
    other_format: "models/v2/manifest.json: format is 2",
    no_wells: "models/v2/manifest.json: wells is not",
    no_digest: "lacks onnx path or sha256",
}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_a_bad_version_is_rejected_with_the_cause_and_the_models_in_use_are_kept(damage):
    registry = Registry()
    registry.publish("v1")
    registry.store.current()
    registry.publish("v2")
    damage(registry)
    assert registry.later().version == "v1"
    assert DAMAGES[damage] in str(registry.rejected[0])
    registry.publish("v2")
    assert registry.later().version == "v2"


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__)
def test_without_models_in_memory_a_bad_version_holds_the_batch_until_it_is_put_right(damage):
    registry = Registry()
    registry.publish("v2")
    damage(registry)
    for attempt in (1, 2):
        with pytest.raises(ModelInvalid) as raised:
            registry.store.current()
        assert DAMAGES[damage] in str(raised.value)
        assert len(registry.rejected) == attempt
    registry.publish("v2")
    assert registry.store.current().version == "v2"


def spoilt_pointer(registry):
    registry.put("current.json", b"v1")


def no_pointer(registry):
    del registry.bucket.objects["models/current.json"]


@pytest.mark.parametrize("spoil", [spoilt_pointer, no_pointer])
def test_an_unusable_pointer_is_read_again_at_every_batch(spoil):
    registry = Registry()
    registry.publish("v1")
    registry.store.current()
    registry.publish("v2")
    spoil(registry)
    assert registry.later().version == "v1"
    registry.point("v2")
    assert registry.store.current().version == "v2"


def test_a_refused_version_is_loaded_again_only_after_the_refresh_interval():
    registry = Registry()
    registry.publish("v1")
    registry.store.current()
    registry.publish("v2")
    altered(registry)
    registry.later()
    calls = registry.bucket.calls
    assert registry.store.current().version == "v1"
    assert registry.bucket.calls == calls + 1
    assert len(registry.rejected) == 1
    registry.publish("v2")
    assert registry.later().version == "v2"


def test_another_version_is_taken_up_at_once_after_a_refused_one():
    registry = Registry()
    registry.publish("v1")
    registry.store.current()
    registry.publish("v2")
    altered(registry)
    registry.later()
    registry.publish("v3")
    assert registry.store.current().version == "v3"


def test_the_models_in_use_are_kept_while_s3_fails():
    registry = Registry()
    registry.publish("v1")
    registry.store.current()
    registry.bucket.scripts[0] = [THROTTLED]
    assert registry.later().version == "v1"
    assert not registry.rejected


@pytest.mark.parametrize("faults", [(THROTTLED,), (OK, OK, THROTTLED)])
def test_a_batch_fails_while_s3_fails_and_no_models_are_loaded(faults):
    registry = Registry(*faults)
    registry.publish("v1")
    with pytest.raises(ServiceUnavailable, match="S3 GetObject artifacts/models/"):
        registry.store.current()
    assert registry.store.current().version == "v1"
