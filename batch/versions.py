"""The model version that a job scores with."""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from batch.jobs import RequestInvalid
from ml.registry import Registry, RegistryError, check_version, current_version
from petrostream.aws.models import ModelStore
from petrostream.detection import ModelSet


def chosen_version(options: Mapping[str, Any], registry: Registry) -> str:
    """The version that a request names in `model`, or the live one.

    Raises:
        RequestInvalid: it names none and none is live, its name can't be a version's, or the pointer can't be
            read.
    """
    asked = options.get("model")
    try:
        asked = asked or current_version(registry)
        if not asked:
            raise RequestInvalid("model", None, "no version is live; name one, or publish one first")
        return check_version(str(asked))
    except RegistryError as error:
        raise RequestInvalid("model", asked, str(error)) from error


class _NoSuchKeyError(Exception):
    """What S3 says of a key that is not there."""

    response = {"Error": {"Code": "NoSuchKey"}}  # noqa: RUF012 - as botocore's errors have it


@dataclass(frozen=True, slots=True)
class _RegistryReader:
    """A registry, read as `ModelStore` reads a bucket."""

    registry: Registry

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - S3's names
        """The value of a key."""
        content = self.registry.get(Key)
        if content is None:
            raise _NoSuchKeyError(f"{Bucket}/{Key}")
        return {"Body": io.BytesIO(content)}


def models_of(registry: Registry, version: str) -> ModelSet:
    """The models of a version, be it live or not.

    Raises:
        ModelInvalid: it is not there, or can't be used.
        ServiceUnavailable: the registry can't be read.
    """
    reader: Any = _RegistryReader(registry)
    return ModelStore("registry", reader).load(version)
