"""Releases: code that passed the smoke test, kept in the artifacts bucket for a rollback.

    releases/history.json                 the last releases, oldest first
    releases/code/<package>-<sha256>.zip  their code

A release is recorded after its smoke test, never before. A rollback sets the functions to the code of the
newest release that differs from what runs now. It leaves the definition alone: the next deployment puts its
own code in place, which is how the fix goes out.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deploy.names import Names
from deploy.publish import running_code, set_code
from petrostream.aws.clients import client
from toolchain.commands import Say
from toolchain.errors import ToolError
from toolchain.package import Package

HISTORY = "releases/history.json"
KEPT = 5
"""Number of releases that are kept."""


@dataclass(frozen=True, slots=True)
class Release:
    """Code that passed the smoke test.

    Attributes:
        at: when it passed, ISO 8601 in UTC.
        commit: commit it was built from; empty where unknown.
        code: SHA-256 of each package, by its name.
    """

    at: str
    commit: str
    code: Mapping[str, str]


def key_of(package: str, digest: str) -> str:
    """S3 key of a package's code in the artifacts bucket."""
    return f"releases/code/{package}-{digest}.zip"


def history(names: Names) -> list[Release]:
    """The recorded releases, oldest first.

    Raises:
        ToolError: they cannot be read.
    """
    try:
        body = client("s3").get_object(Bucket=names.bucket("artifacts"), Key=HISTORY)["Body"].read()
    except ClientError as error:
        if error.response["Error"]["Code"] in {"NoSuchKey", "NoSuchBucket", "404"}:
            return []
        raise ToolError(f"The releases could not be read: {error}") from error
    except BotoCoreError as error:
        raise ToolError(f"S3 does not answer: {error}", "Check the network.") from error
    try:
        return [Release(**row) for row in json.loads(body)]
    except (ValueError, TypeError) as error:
        where = f"s3://{names.bucket('artifacts')}/{HISTORY}"
        raise ToolError(
            f"{where} is not a list of releases: {error}", "Delete it; the next release starts a new one."
        ) from error


def with_release(past: Sequence[Release], release: Release) -> list[Release]:
    """The history after a release: the same code is listed once, as the newest; `KEPT` releases remain."""
    return [*(old for old in past if dict(old.code) != dict(release.code)), release][-KEPT:]


def record(names: Names, built: Mapping[str, Package], *, at: str, commit: str) -> Release:
    """Store the code that passed the smoke test; code first, history last.

    Raises:
        ToolError: S3 refuses.
    """
    release = Release(at, commit, {package: one.sha256 for package, one in built.items()})
    past = history(names)
    kept = with_release(past, release)
    s3, bucket = client("s3"), names.bucket("artifacts")
    there = {key_of(*pair) for old in past for pair in old.code.items()}
    needed = {key_of(*pair) for one in kept for pair in one.code.items()}
    try:
        for package, one in built.items():
            key = key_of(package, one.sha256)
            if key not in there:
                s3.put_object(Bucket=bucket, Key=key, Body=one.path.read_bytes())
        body = json.dumps([asdict(one) for one in kept], indent=1).encode()
        s3.put_object(Bucket=bucket, Key=HISTORY, Body=body, ContentType="application/json")
        for key in sorted(there - needed):
            s3.delete_object(Bucket=bucket, Key=key)
    except (BotoCoreError, ClientError) as error:
        raise ToolError(f"The release was not recorded: {error}", "Run the same command again.") from error
    return release


def before(past: Sequence[Release], running: Mapping[str, Any]) -> Release | None:
    """The newest release whose code differs from what runs now."""
    return next((one for one in reversed(past) if dict(one.code) != dict(running)), None)


def roll_back(names: Names, say: Say, *, untested: bool = False) -> Release | None:
    """Set every function to the code of the newest release that differs from what runs.

    Args:
        names: names in the account and region.
        say: prints a line of progress.
        untested: roll back only if the running code has not passed the smoke test. A deployment may fail
            before it has changed any code, and then there is nothing to roll back.

    Returns:
        The release that runs now; None if there was nothing to do.

    Raises:
        ToolError: there is no such release, or Lambda refuses its code.
    """
    running = running_code(names)
    if None in running.values():
        raise ToolError("The functions are not deployed: there is nothing to roll back.")
    past = history(names)
    if untested and any(dict(one.code) == dict(running) for one in past):
        say("The functions run code that has passed the smoke test: nothing to roll back.")
        return None
    release = before(past, running)
    if release is None:
        raise ToolError(
            "No release with other code has passed the smoke test here.",
            "Check out the commit you want and run ./project_up.sh aws.",
        )
    for package, digest in release.code.items():
        if running.get(package) != digest:
            say(f"{names.functions[package]}: code {digest[:12]} of {release.at}")
            key = key_of(package, digest)
            set_code(names.functions[package], S3Bucket=names.bucket("artifacts"), S3Key=key)
    return release
