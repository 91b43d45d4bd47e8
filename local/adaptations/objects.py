"""S3: an object that is not on disk is not acknowledged, and a Firehose knows whether its object is.

Why: where the disk is full, the emulator writes a warning, keeps the object in memory and answers 200. What
was acknowledged then is gone with the process. Its Firehoses do not look at the answer at all. Here such a
PUT is answered with InternalError, as S3 answers its own failures, and the object is not there; who put it
decides what becomes of it: a producer sends again, and so does scoring, for the entry that was refused.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import ModuleType
from typing import Any

from local.adaptations import guard
from local.adaptations.guard import Response

Handler = Callable[..., Awaitable[Response]]
ObjectPut = Callable[[str, str, bytes], None]
Persist = Callable[[str, str, Any], None]

logger = logging.getLogger("petrostream")

_KNOWN = {
    "_delete_persisted_object": "8baff70b77c648f9",
    "_object_disk_path": "0a7ed55714d95566",
    "_parse_bucket_key": "06e19cc5df12255c",
    "_persist_object": "cb32b6ae8706bef8",
    "_record_object_version": "9af490c3d6ff2f01",
    "handle_request": "0856144f19e733b4",
}

_unwritten: ContextVar[list[str] | None] = ContextVar("_unwritten", default=None)
"""Collects the objects of a request that could not be written to disk."""

_pending: ContextVar[list[Awaitable[Response]] | None] = ContextVar("_pending", default=None)
_failed: ContextVar[list[str] | None] = ContextVar("_failed", default=None)


def install() -> None:
    """Put the adaptation in place.

    Raises:
        IncompatibleEmulatorError: the emulator's S3 is not the known one.
    """
    from ministack.services import s3  # noqa: PLC0415

    guard.check(s3, _KNOWN)
    guard.replace(s3, "_persist_object", _noticing(s3._persist_object, s3))
    guard.replace(s3, "handle_request", _honest(s3.handle_request, s3))


def _noticing(original: Persist, s3: ModuleType) -> Persist:
    """Write an object to disk; one that can't be is noted: the emulator drops the body of what it wrote."""

    def persist_object(bucket: str, key: str, obj: Any) -> None:  # noqa: ANN401 - the emulator's own
        original(bucket, key, obj)
        unwritten = _unwritten.get()
        in_memory = isinstance(obj, dict) and obj.get("body") is not None
        # Of some keys there is no path on disk; the emulator keeps those in memory only.
        if unwritten is not None and in_memory and s3._object_disk_path(bucket, key) is not None:
            unwritten.append(f"{bucket}/{key}")

    return persist_object


def _honest(original: Handler, s3: ModuleType) -> Handler:
    async def handle_request(
        method: str, path: str, headers: dict[str, str], *arguments: object, **options: object
    ) -> Response:
        bucket, key = s3._parse_bucket_key(path, headers)
        prior = _objects(s3, bucket).get(key)
        unwritten: list[str] = []
        token = _unwritten.set(unwritten)
        try:
            answer = await original(method, path, headers, *arguments, **options)
        finally:
            _unwritten.reset(token)
        if not unwritten:
            return answer
        _take_back(s3, bucket, key, prior)
        logger.error("Not written to disk, and refused: %s", ", ".join(unwritten))
        refused: Response = s3._error("InternalError", "The object could not be written to disk.", 500)
        return refused

    return handle_request


def _objects(s3: ModuleType, bucket: str) -> dict[str, Any]:
    found: dict[str, Any] = (s3._buckets.get(bucket) or {}).get("objects", {})
    return found


def _take_back(s3: ModuleType, bucket: str, key: str, prior: Mapping[str, Any] | None) -> None:
    """Let an object be what it was before the request."""
    objects = _objects(s3, bucket)
    refused = objects.get(key) or {}
    versions = s3._object_versions.get((bucket, key)) or []
    if versions and versions[-1].get("version_id") == refused.get("version_id"):
        versions.pop()
        if versions:
            versions[-1]["is_latest"] = True
    if prior is not None:
        objects[key] = prior
        return
    objects.pop(key, None)
    s3._delete_persisted_object(bucket, key)


@contextmanager
def deliveries() -> Iterator[list[Awaitable[Response]]]:
    """Collect the writes that the event loop itself would only schedule; the caller awaits them."""
    pending: list[Awaitable[Response]] = []
    token = _pending.set(pending)
    try:
        yield pending
    finally:
        _pending.reset(token)


@contextmanager
def noting_failures() -> Iterator[list[str]]:
    """Collect the keys of objects that a Firehose put in this thread, and that S3 refused."""
    failed: list[str] = []
    token = _failed.set(failed)
    try:
        yield failed
    finally:
        _failed.reset(token)


def firehose_put(original: ObjectPut, s3: ModuleType) -> ObjectPut:
    """Write an object of a delivery: in a thread at once, on the event loop when `deliveries` are awaited."""

    def put_s3_object(bucket: str, key: str, body: bytes) -> None:
        pending, on_loop = _pending.get(), _on_event_loop()
        if on_loop and pending is None:
            original(bucket, key, body)
            return
        headers = {"content-type": "application/octet-stream", "content-length": str(len(body))}
        headers["host"] = "s3.localhost"
        request = s3.handle_request("PUT", f"/{bucket}/{key}", headers, body, {}, internal=True)
        if on_loop and pending is not None:
            pending.append(request)
        elif not written(asyncio.run(request)) and (failed := _failed.get()) is not None:
            failed.append(key)

    return put_s3_object


def written(answer: object) -> bool:
    """Whether S3's answer to a PUT, or the error in its place, says that the object is there."""
    return isinstance(answer, tuple) and answer[0] == 200


def _on_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True
