"""What S3 does with models, the registry, the state of Terraform, and a bucket to be emptied."""

import json

import pytest

from deploy import buckets, terraform_state
from ml.registry.stores import FolderRegistry, S3Registry
from petrostream.aws.models import ModelStore
from petrostream.errors import ModelInvalid, ServiceUnavailable
from tests.support.fakes import MISSING
from tests.support.scoring_world import published

KEY = "models/current.json"


def store(services, objects):
    rejected = []
    models = ModelStore(services.bucket(objects), services.client("s3"), 0, on_rejected=rejected.append)
    return models, rejected


def test_before_the_first_publication_there_are_no_models(services):
    models, rejected = store(services, {})
    assert models.current() is None
    assert rejected == []


def test_a_published_model_is_loaded(services):
    models, rejected = store(services, published())
    found = models.current()
    assert found is not None
    assert (found.version, found.fleet is None, rejected) == ("v1", False, [])


def test_an_altered_model_is_rejected_by_its_digest(services):
    models, rejected = store(services, published() | {"models/v1/model.onnx": b"altered"})
    with pytest.raises(ModelInvalid, match="SHA-256"):
        models.current()
    assert "model.onnx" in str(rejected[0])


def test_a_pointer_to_a_version_that_is_not_there_is_rejected(services):
    models, rejected = store(services, published() | {KEY: b'{"version": "v9"}'})
    with pytest.raises(ModelInvalid, match=r"models/v9/manifest\.json"):
        models.current()
    assert len(rejected) == 1


def test_a_bucket_that_does_not_exist_holds_the_batch(services):
    models = ModelStore(f"{MISSING}-bucket", services.client("s3"))
    with pytest.raises(ServiceUnavailable, match="NoSuchBucket"):
        models.current()


@pytest.fixture(params=["folder", "bucket"])
def registry(request, emulated, tmp_path):
    if request.param == "folder":
        return FolderRegistry(tmp_path)
    return S3Registry(emulated.bucket({}), emulated.client("s3"))


def test_a_registry_keeps_what_it_was_given(registry):
    assert registry.get(KEY) is None
    assert list(registry.manifests()) == []
    for version in ("v1", "v2"):
        registry.put(f"models/{version}/manifest.json", version.encode())
        registry.put(f"models/{version}/WELL-1/model.onnx", b"\x00")
        registry.put(KEY, version.encode())
    assert list(registry.manifests()) == ["models/v1/manifest.json", "models/v2/manifest.json"]
    assert registry.get(KEY) == b"v2"
    assert registry.get("models/v1/WELL-1/model.onnx") == b"\x00"


def test_a_bucket_is_emptied_with_old_versions_and_markers(emulated):
    s3, bucket = emulated.client("s3"), emulated.bucket({})
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("a", "b \u00e4/#", "c"):
        for body in (b"1", b"22"):
            s3.put_object(Bucket=bucket, Key=key, Body=body)
    s3.delete_object(Bucket=bucket, Key="c")
    assert buckets.content(bucket, s3) == buckets.Content(7, 9)
    assert buckets.empty(bucket, s3) == 7
    assert buckets.content(bucket, s3) == buckets.Content(0, 0)
    s3.delete_bucket(Bucket=bucket)
    assert buckets.content(bucket, s3) is None
    assert buckets.empty(bucket, s3) == 0


def test_the_bucket_of_the_state_is_made_once_and_protected(emulated):
    s3, name = emulated.client("s3"), f"state-{emulated.name}"
    assert terraform_state.prepare(s3, name, "us-east-1") is True
    assert terraform_state.prepare(s3, name, "us-east-1") is False
    assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
    blocked = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
    assert set(blocked.values()) == {True}
    (rule,) = s3.get_bucket_lifecycle_configuration(Bucket=name)["Rules"]
    assert rule["NoncurrentVersionExpiration"]["NoncurrentDays"] == terraform_state.KEPT_DAYS
    (statement,) = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
