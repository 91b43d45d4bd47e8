"""The published models, read from the artifacts bucket and checked before use.

`models/current.json` names the version, `models/<version>/manifest.json` lists its files with their SHA-256.
Only ONNX files are read; the joblib files beside them are pickles, for data scientists, and are never opened
here.
"""

import hashlib
import logging
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import orjson

from petrostream.aws.calls import error_code, repeatable
from petrostream.aws.model_registry import FORMAT, MANIFEST, POINTER, PREFIX
from petrostream.detection import FLEET_WELL, Forest, ModelSet, WellModel, load_forest, load_models
from petrostream.errors import ModelInvalid, ServiceUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_POINTER = f"{PREFIX}/{POINTER}"

logger = logging.getLogger(__name__)


class ModelStore:
    """The live model set of a bucket, loaded again when the pointer changes.

    A pointer or version that can't be used (missing or altered file, unknown format) is reported to
    `on_rejected` and logged, and the models in use are kept. From then on the pointer is read at every
    call, so that a corrected one counts at once; a version that was refused is loaded again only after
    `refresh_seconds`, for its files may be many.

    Args:
        bucket: name of the artifacts bucket.
        client: S3 client with time-outs and retries of its own.
        refresh_seconds: seconds between two reads of the pointer.
        on_rejected: called with each version that can't be used.
        clock: a monotonic clock, in seconds.
    """

    def __init__(
        self,
        bucket: str,
        client: "S3Client",
        refresh_seconds: float = 60,
        on_rejected: Callable[[ModelInvalid], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bucket = bucket
        self._client = client
        self._refresh_seconds = refresh_seconds
        self._on_rejected = on_rejected
        self._clock = clock
        self._models: ModelSet | None = None
        self._fresh_until = float("-inf")
        self._refused_version: str | None = None
        self._refused_until = float("-inf")

    def current(self) -> ModelSet | None:
        """The models to score with; None while nothing has been published.

        Raises:
            ModelInvalid: what is published can't be used and no models are loaded yet. Readings stored
                without a score would never get one, so the batch waits for a usable version.
            ServiceUnavailable: S3 does not respond and no models are loaded yet, for the same reason.
        """
        if self._clock() < self._fresh_until:
            return self._models
        try:
            if not self._refresh():
                return self._models
        except ModelInvalid as invalid:
            self._on_rejected(invalid)
            if self._models is None:
                raise
            logger.error("model rejected, the one in use is kept: %s", invalid)  # noqa: TRY400
            return self._models
        except ServiceUnavailable as error:
            if self._models is None:
                raise
            logger.warning("model pointer not read, the models in use are kept: %s", error)
        self._fresh_until = self._clock() + self._refresh_seconds
        return self._models

    def load(self, version: str) -> ModelSet:
        """The models of a version, be it live or not; those in use stay in use.

        Raises:
            ModelInvalid: it is not there, or can't be used.
            ServiceUnavailable: S3 does not respond.
        """
        return self._load(version)

    def _refresh(self) -> bool:
        """Take up the version that the pointer names; True if it is in use now."""
        pointer = self._read(_POINTER)
        if pointer is None:
            return False
        version = _object(_POINTER, pointer).get("version")
        if not isinstance(version, str) or not version:
            raise ModelInvalid(_POINTER, f"version is {version!r}, expected the name of a version")
        if self._models is not None:
            if self._models.version == version:
                return True
            if version == self._refused_version and self._clock() < self._refused_until:
                return False
        try:
            self._models = self._load(version)
        except ModelInvalid:
            self._refused_version, self._refused_until = version, self._clock() + self._refresh_seconds
            raise
        return True

    def _load(self, version: str) -> ModelSet:
        where = f"{PREFIX}/{version}/{MANIFEST}"
        manifest = _object(where, self._required(where))
        if manifest.get("format") != FORMAT:
            raise ModelInvalid(where, f"format is {manifest.get('format')!r}, this release reads {FORMAT}")
        wells = manifest.get("wells")
        if not isinstance(wells, dict):
            raise ModelInvalid(where, "wells is not an object of well names")
        entries = [*wells.items(), (FLEET_WELL, manifest.get("fleet"))]
        named = {name: _file(f"{PREFIX}/{version}/ ({name})", entry) for name, entry in entries if entry}
        files = sorted({(f"{PREFIX}/{version}/{path}", digest) for path, digest in named.values()})
        with ThreadPoolExecutor(max_workers=8) as pool:
            # Wells may share a forest: each file is read, and each session created, once.
            forests = dict(zip(files, pool.map(lambda file: self._forest(*file), files), strict=True))
        models = {}
        for name, entry in entries:
            if entry:
                path, digest = named[name]
                key = f"{PREFIX}/{version}/{path}"
                models[name] = _baselines(
                    key, {"well_id": name, "version": version, **entry}, forests[key, digest]
                )
        fleet = models.pop(FLEET_WELL, (None,))[-1]
        return ModelSet(version=version, wells=models, fleet=fleet)

    def _forest(self, key: str, digest: str) -> Forest:
        content = self._required(key)
        found = hashlib.sha256(content).hexdigest()
        if found != digest:
            raise ModelInvalid(key, f"SHA-256 is {found}, the manifest has {digest}")
        try:
            return load_forest(content)
        except Exception as error:
            raise ModelInvalid(key, f"{type(error).__name__}: {error}") from error

    def _required(self, key: str) -> bytes:
        content = self._read(key)
        if content is None:
            raise ModelInvalid(key, f"no such object in bucket {self._bucket}")
        return content

    def _read(self, key: str) -> bytes | None:
        try:
            response = self._client.get_object(Bucket=self._bucket, Key=key)
            return response["Body"].read()
        except Exception as error:
            code = error_code(error)
            if code in {"NoSuchKey", "404"}:
                return None
            cause = code if repeatable(error) else f"{code}: {error}"
            raise ServiceUnavailable("S3", f"GetObject {self._bucket}/{key}", cause) from error


def _object(where: str, content: bytes) -> dict[str, Any]:
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError as error:
        raise ModelInvalid(where, f"not JSON ({error})") from error
    if not isinstance(found, dict):
        raise ModelInvalid(where, "not a JSON object")
    return found


def _file(where: str, entry: Mapping[str, Any]) -> tuple[str, str]:
    """Path and digest of an entry's forest."""
    try:
        file = entry["onnx"]
        return str(file["path"]), str(file["sha256"]).lower()
    except (KeyError, TypeError) as error:
        raise ModelInvalid(where, f"manifest entry lacks onnx path or sha256 ({error!r})") from error


def _baselines(where: str, entry: Mapping[str, Any], forest: Forest) -> tuple[WellModel, ...]:
    try:
        return load_models(entry, forest)
    except Exception as error:
        raise ModelInvalid(where, f"{type(error).__name__}: {error}") from error
