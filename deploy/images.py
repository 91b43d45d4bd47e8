"""Images of the services: built from this folder, pushed to the account's repositories.

The tag is a digest of everything that goes into the images, so the same code has the same tag on every
machine, and an image that is there already is neither built nor pushed again. Tags cannot be overwritten.
"""

import base64
import hashlib
from collections.abc import Iterator
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from deploy.names import Names
from petrostream.aws.clients import client
from toolchain.commands import Say
from toolchain.containers import PLATFORMS, find_builder
from toolchain.errors import ToolError
from toolchain.paths import ROOT

DOCKERFILES = {"scoring": "lambdas/scoring/Dockerfile", "dashboard": "dashboard/Dockerfile"}
"""Dockerfile of each service, by its section of the settings."""

IGNORED = frozenset({"__pycache__", "powerbi"})
"""Folders that .dockerignore leaves out of what is copied."""

TAG_DIGITS = 16
_AGAIN = "Run the same command again: it goes on from there."


def repositories(names: Names) -> dict[str, str]:
    """Repository of each service that the settings ask for, by its section."""
    services = names.settings.services
    found = {"scoring": services.scoring.repository}
    if services.dashboard.enabled:
        found["dashboard"] = services.dashboard.repository
    return found if services.enabled else {}


def check(names: Names) -> None:
    """See that images are wanted.

    Raises:
        ToolError: the settings ask for no service, or the place runs no containers.
    """
    if not repositories(names):
        message = "--services: infra/settings.json has services.enabled = false."
        raise ToolError(message, "Set it to true, and services.access to who may connect.")
    if names.place.twin:
        message = "--services: the emulator runs no containers."
        raise ToolError(message, "Run the service as a process: make service")


def tag(root: Path = ROOT) -> str:
    """The tag of the images of this folder: a digest of their Dockerfiles and of all that they copy."""
    digest = hashlib.sha256()
    for path in sorted({path for file in DOCKERFILES.values() for path in _inputs(root, root / file)}):
        name = path.relative_to(root).as_posix().encode()
        digest.update(b"%d:%b%d:" % (len(name), name, path.stat().st_size) + path.read_bytes())
    return digest.hexdigest()[:TAG_DIGITS]


def _inputs(root: Path, dockerfile: Path) -> Iterator[Path]:
    yield dockerfile
    for line in dockerfile.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if words[:1] != ["COPY"] or words[1].startswith("--from"):
            continue
        for source in words[1:-1]:
            path = root / source
            files = path.rglob("*") if path.is_dir() else [path]
            yield from (one for one in files if one.is_file() and not IGNORED & set(one.parts))


def place_exists(names: Names) -> bool:
    """Whether every repository is there to push to.

    Raises:
        ToolError: ECR does not answer.
    """
    try:
        for repository in repositories(names).values():
            client("ecr").describe_repositories(repositoryNames=[repository])
    except ClientError as error:
        if error.response["Error"]["Code"] == "RepositoryNotFoundException":
            return False
        raise ToolError(f"ECR refuses to list repositories: {error}") from error
    except BotoCoreError as error:
        raise ToolError(f"ECR does not answer: {error}", "Check the network.") from error
    return True


def publish(names: Names, image_tag: str, say: Say) -> None:
    """Build and push what the repositories do not have yet.

    Raises:
        ToolError: an image cannot be built or pushed.
    """
    missing = {part: one for part, one in repositories(names).items() if not _there(one, image_tag)}
    if not missing:
        say(f"The images of this code are in the repositories already, with tag {image_tag}.")
        return
    builder = find_builder()
    target = PLATFORMS[names.settings.runtime.architecture]
    registry, user, password = _sign_in()
    images = {part: f"{registry}/{repository}:{image_tag}" for part, repository in missing.items()}
    for part, image in images.items():
        say(f"Building {image} for {target} with {builder.kind} …")
        builder.build(ROOT, ROOT / DOCKERFILES[part], image, target)
    with builder.signed_in(registry, user, password) as signed_in:
        for image in images.values():
            say(f"Pushing {image} …")
            signed_in.push(image)


def _there(repository: str, image_tag: str) -> bool:
    try:
        client("ecr").describe_images(repositoryName=repository, imageIds=[{"imageTag": image_tag}])
    except ClientError as error:
        if error.response["Error"]["Code"] == "ImageNotFoundException":
            return False
        raise ToolError(f"ECR does not say which images {repository} has: {error}", _AGAIN) from error
    except BotoCoreError as error:
        raise ToolError(f"ECR does not answer: {error}", "Check the network.") from error
    return True


def _sign_in() -> tuple[str, str, str]:
    """Host of the account's registry, user and password, good for twelve hours."""
    try:
        (found,) = client("ecr").get_authorization_token()["authorizationData"]
    except (ClientError, BotoCoreError) as error:
        raise ToolError(
            f"ECR does not let in: {error}", "The caller needs ecr:GetAuthorizationToken."
        ) from error
    user, _, password = base64.b64decode(found["authorizationToken"]).decode().partition(":")
    return found["proxyEndpoint"].removeprefix("https://"), user, password
