"""A versioned bucket in memory, as far as emptying it needs, with refusals on demand."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError


class FakeBucket:
    """An S3 client that knows one bucket.

    Args:
        versions: key and version of each object.
        markers: key and version of each mark of a deletion.
        refusals: codes that the next DeleteObjects calls report for their first object, one a call.
    """

    def __init__(
        self,
        versions: list[tuple[str, str]] | None = None,
        markers: list[tuple[str, str]] | None = None,
        refusals: list[str] | None = None,
        *,
        missing: bool = False,
    ) -> None:
        self.versions = list(versions or [])
        self.markers = list(markers or [])
        self.refusals = list(refusals or [])
        self.missing = missing
        self.call_sizes: list[int] = []
        self.late: list[tuple[str, str]] = []

    def get_paginator(self, operation: str) -> "FakeBucket":
        assert operation == "list_object_versions"
        return self

    def paginate(self, *, Bucket: str) -> Iterator[dict[str, Any]]:  # noqa: N803
        if self.missing:
            raise ClientError({"Error": {"Code": "NoSuchBucket", "Message": Bucket}}, "ListObjectVersions")
        versions, markers = list(self.versions), list(self.markers)
        step = 1500  # more than DeleteObjects takes
        for start in range(0, max(len(versions), len(markers), 1), step):
            yield {
                "Versions": [
                    {"Key": key, "VersionId": version, "Size": 10}
                    for key, version in versions[start : start + step]
                ],
                "DeleteMarkers": [
                    {"Key": key, "VersionId": version} for key, version in markers[start : start + step]
                ],
            }
        self.versions += self.late
        self.late = []

    def delete_objects(self, *, Bucket: str, Delete: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        entries = [(row["Key"], row["VersionId"]) for row in Delete["Objects"]]
        assert 1 <= len(entries) <= 1000
        self.call_sizes.append(len(entries))
        errors = []
        if self.refusals:
            key, version = entries.pop(0)
            errors = [{"Key": key, "VersionId": version, "Code": self.refusals.pop(0), "Message": "by test"}]
        gone = set(entries)
        self.versions = [pair for pair in self.versions if pair not in gone]
        self.markers = [pair for pair in self.markers if pair not in gone]
        return {"Errors": errors} if errors else {}
