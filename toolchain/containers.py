"""Build and push container images with whichever tool is on this machine."""

import os
import platform
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import ToolError
from toolchain.run import probe, run_quietly, run_visibly

TOOLS = ("docker", "podman", "finch", "buildah")
"""Tools that can build, in the order in which they are taken; PETROSTREAM_BUILDER names another."""

VARIABLE = "PETROSTREAM_BUILDER"
PLATFORMS = {"arm64": "linux/arm64", "x86_64": "linux/amd64"}
_MACHINES = {**PLATFORMS, "aarch64": "linux/arm64", "AMD64": "linux/amd64"}
_INSTALL = (
    "Install Docker (https://docs.docker.com/engine/install), Podman (apt-get install podman, brew install "
    "podman), Finch (https://runfinch.com) or Buildah (apt-get install buildah), and start it."
)
_SECONDS = 3600.0


@dataclass(frozen=True, slots=True)
class Builder:
    """A tool that builds images.

    Attributes:
        kind: one of `TOOLS`.
        program: its path.
    """

    kind: str
    program: str

    @property
    def keeps_credentials(self) -> bool:
        """Whether a login stays in its configuration until a logout; the others take a file for it."""
        return self.kind in {"docker", "finch"}

    def build(self, folder: Path, file: Path, name: str, target: str) -> None:
        """Build an image, with the tool's output on the terminal.

        Args:
            folder: the context.
            file: the Dockerfile.
            name: name and tag of the image.
            target: platform, such as linux/arm64.

        Raises:
            ToolError: it failed.
        """
        words = {
            # An attestation would make an index of the image, and push a second one without a tag.
            "docker": ["buildx", "build", "--provenance=false", "--load"],
            "finch": ["build"],
            # Docker's own format: OCI's has no health check.
            "podman": ["build", "--format=docker"],
            "buildah": ["build", "--format=docker"],
        }[self.kind]
        command = [
            self.program,
            *words,
            f"--platform={target}",
            f"--file={file}",
            f"--tag={name}",
            str(folder),
        ]
        what = f"{self.kind} build of {name}"
        run_visibly(command, folder, os.environ, what=what, hint=_cross(target), seconds=_SECONDS)

    @contextmanager
    def signed_in(self, registry: str, user: str, password: str) -> Iterator["SignedIn"]:
        """A registry to push to; the password is on standard input, and is forgotten at the end.

        Raises:
            ToolError: the registry refuses it.
        """
        with tempfile.TemporaryDirectory(prefix="petrostream-") as folder:
            stay = [] if self.keeps_credentials else [f"--authfile={folder}/auth.json"]
            command = [self.program, "login", *stay, f"--username={user}", "--password-stdin", registry]
            what = f"{self.kind} login to {registry}"
            run_quietly(command, Path(folder), what=what, hint="Check the network.", given=password)
            try:
                yield SignedIn(self, tuple(stay))
            finally:
                if self.keeps_credentials:
                    probe([self.program, "logout", registry])


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A registry that accepts this machine's images.

    Attributes:
        builder: the tool that is signed in.
        options: of its push.
    """

    builder: Builder
    options: tuple[str, ...]

    def push(self, name: str) -> None:
        """Push an image, with the tool's output on the terminal.

        Raises:
            ToolError: it failed.
        """
        command = [self.builder.program, "push", *self.options, name]
        hint = "Run the same command again: layers that have arrived are not sent again."
        what = f"{self.builder.kind} push of {name}"
        run_visibly(command, Path.cwd(), os.environ, what=what, hint=hint, seconds=_SECONDS)


def find_builder(environment: Mapping[str, str] = os.environ) -> Builder:
    """The first of the tools that is on the path and works.

    Raises:
        ToolError: there is none, or the one that PETROSTREAM_BUILDER names does not work; says what to
            install.
    """
    wanted = environment.get(VARIABLE, "").strip()
    if wanted and wanted not in TOOLS:
        raise ToolError(
            f"{VARIABLE} is {wanted!r}.", f"Set it to one of {', '.join(TOOLS)}, or leave it unset."
        )
    silent = []
    for kind in [wanted] if wanted else TOOLS:
        program = shutil.which(kind, path=environment.get("PATH"))
        if program is None:
            continue
        if probe(_asks([program], kind), environment) is not None:
            return Builder(kind, program)
        silent.append(kind)
    if silent:
        message = f"{' and '.join(silent)} does not answer: its daemon or virtual machine is not running."
        raise ToolError(message, f"Start it. {_INSTALL}")
    names = wanted or f"{', '.join(TOOLS[:-1])} or {TOOLS[-1]}"
    raise ToolError(f"Images cannot be built: there is no {names} on the path.", _INSTALL)


def _asks(program: Sequence[str], kind: str) -> list[str]:
    """A command that succeeds if the tool can work: Docker's and Finch's need a daemon."""
    return [*program, "info"] if kind != "buildah" else [*program, "version"]


def _cross(target: str) -> str:
    """What to do about a build that failed."""
    if _MACHINES.get(platform.machine()) == target:
        return "The reason is above."
    return (
        f"{target} is emulated on this machine. If it says `exec format error`, install the emulation: "
        "docker run --privileged --rm tonistiigi/binfmt --install all, or apt-get install qemu-user-static. "
    )
