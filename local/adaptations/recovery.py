"""CloudFormation: after a crash, a stack takes over the buckets whose objects are still on disk.

Why: objects are on disk the moment they are written, everything else the emulator knows only when it is told
to save. After a crash that came before any save, the buckets are rebuilt from their folders, and no stack
owns them; the emulator, like AWS, then refuses to create a stack that names them. Here such a bucket, known
by having no region, is configured as the stack says and keeps its objects.
"""

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Any

from local.adaptations import guard

_KNOWN = {
    "s3_bucket_name_conflict": "e9a7bf2abac247ce",
    "_s3_create": "477b78a3cb150dfd",
}
_TYPE = "AWS::S3::Bucket"

Create = Callable[[str, Mapping[str, Any], str], tuple[str, Mapping[str, Any]]]


def install() -> None:
    """Put the adaptation in place.

    Raises:
        IncompatibleEmulatorError: the emulator's CloudFormation is not the known one.
    """
    # The emulator reads its variables when it is imported.
    from ministack.services import s3  # noqa: PLC0415
    from ministack.services.cloudformation import provisioners  # noqa: PLC0415

    guard.check(provisioners, _KNOWN)
    guard.replace(
        provisioners, "s3_bucket_name_conflict", _tolerant(s3, provisioners.s3_bucket_name_conflict)
    )
    guard.replace(provisioners, "_s3_create", _adopting(s3, provisioners._s3_create))
    provisioners._RESOURCE_HANDLERS[_TYPE]["create"] = provisioners._s3_create


def is_orphan(bucket: Mapping[str, Any] | None) -> bool:
    """Whether a bucket was rebuilt from its folder alone."""
    return bucket is not None and bucket.get("region") is None


def _tolerant(s3: ModuleType, original: Callable[[str], str | None]) -> Callable[[str], str | None]:
    def s3_bucket_name_conflict(name: str) -> str | None:
        return None if is_orphan(s3._buckets.get(name)) else original(name)

    return s3_bucket_name_conflict


def _adopting(s3: ModuleType, original: Create) -> Create:
    def s3_create(
        logical_id: str, properties: Mapping[str, Any], stack_name: str
    ) -> tuple[str, Mapping[str, Any]]:
        name = properties.get("BucketName")
        found = s3._buckets.get(name)
        if not is_orphan(found):
            return original(logical_id, properties, stack_name)
        del s3._buckets[name]
        try:
            result = original(logical_id, properties, stack_name)
        except Exception:
            s3._buckets[name] = found
            raise
        s3._buckets[name]["objects"] = found["objects"]
        return result

    return s3_create
