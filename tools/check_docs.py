"""Check the Markdown pages: `python -m tools.check_docs`, part of `make lint`.

Four checks, on every page Git knows:

* a relative link leads to a file or folder of the repository, and its anchor to a heading of that page;
* a path in `code`, or in a command, exists (`petrostream/schema/*.json` must match at least one file);
* a dotted name in `code` (`petrostream.readings.wells.encode_block`) has a module and a definition;
* `make <target>` and `python -m <module>` in a command name a target and a module that exist.

Paths are compared with the files Git knows, not with the disk: what is ignored or built here is not in a
reader's clone. Addresses on the web are not fetched.
"""

import ast
import os
import posixpath
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path

from toolchain import commands
from toolchain.errors import ToolError
from toolchain.paths import ROOT
from toolchain.run import run_quietly
from tools.finding import Finding

ELSEWHERE = {
    "infra/terraform/backend.hcl": "written by deploy.terraform_state, ignored by Git",
    "petrostream/terraform.tfstate": "key of an object in the state's bucket",
}
"""Words that look like files of the repository and are none, each with what it is."""

_FILE = re.compile(r"\.(?:cfg|hcl|html|json|lock|md|mjs|npmrc|parquet|py|sh|sql|svg|tf|toml|tpl|txt|ya?ml)$")
_FENCE = re.compile(r"^\s*(```|~~~)")
_CODE = re.compile(r"(`+)(.+?)\1")
_LINK = re.compile(r"\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|^\s{0,3}\[[^\]]+\]:\s*<?([^\s>]+)")
_HEADING = re.compile(r"^\s{0,3}(#{1,6})\s+(.*?)\s*#*\s*$")
_HTML_ANCHOR = re.compile(r"<a\s+(?:id|name)=\"([^\"]+)\"")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:", re.I)
_PATH = re.compile(r"(?<![\w./<>${}:=@-])[\w.*-]+(?:/[\w.*-]+)+/?(?![\w/<>${}])")
_DOTTED = re.compile(r"^[a-z_]\w*(?:\.\w+)+$")
_MAKE = re.compile(r"(?:^|[;&|]) *(?:[A-Z0-9_]+=\S+ +)*make ([a-z][a-z0-9-]*)\b(?![=./])")
_MODULE = re.compile(r"\bpython[\d.]*['\"]? -m ([a-z_][\w.]*)")
_TARGET = re.compile(r"^([a-z][a-z0-9-]*):", re.M)


@dataclass(frozen=True)
class Repository:
    """The files a page may speak of.

    Attributes:
        root: the folder the paths begin in.
        files: paths of all files, with forward slashes.
    """

    root: Path
    files: frozenset[str]
    _anchors: dict[str, frozenset[str]] = field(default_factory=dict, compare=False)

    @classmethod
    def of_git(cls, root: Path = ROOT) -> "Repository":
        """The files Git tracks below `root`, and those it would track if they were added.

        Raises:
            ToolError: Git is missing, or `root` is no work tree.
        """
        listed = run_quietly(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            root,
            os.environ,
            what="git ls-files",
            hint="The check compares with the files Git knows: run it in a clone.",
        )
        return cls(root, frozenset(name for name in listed.split("\0") if name and (root / name).exists()))

    @cached_property
    def folders(self) -> frozenset[str]:
        """Paths of all folders that hold a file."""
        return frozenset(
            str(parent) for name in self.files for parent in Path(name).parents if str(parent) != "."
        )

    @cached_property
    def targets(self) -> frozenset[str]:
        """Targets of the Makefile."""
        return frozenset(_TARGET.findall(self.text("Makefile"))) if "Makefile" in self.files else frozenset()

    def text(self, name: str) -> str:
        """Content of a file."""
        return (self.root / name).read_text(encoding="utf-8")

    def holds(self, path: str) -> bool:
        """Whether a path, or a pattern with `*`, names a file or folder."""
        path = path.rstrip("/")
        if "*" in path:
            return any(fnmatchcase(name, path) for name in self.files)
        return path in self.files or path in self.folders

    def top(self, path: str) -> bool:
        """Whether a path begins in a folder of this repository's root."""
        return path.split("/", 1)[0] in self.folders

    def anchors(self, page: str) -> frozenset[str]:
        """Anchors of a page's headings, as GitHub makes them."""
        if page not in self._anchors:
            self._anchors[page] = anchors(self.text(page))
        return self._anchors[page]

    def module(self, name: str) -> str | None:
        """The file of a module or package, None where there is none."""
        path = name.replace(".", "/")
        return next(
            (f for f in (f"{path}.py", f"{path}/__init__.py", f"{path}/__main__.py") if f in self.files), None
        )


def anchors(text: str) -> frozenset[str]:
    """Anchors of the headings of a page: lower case, spaces as hyphens, repeated ones numbered."""
    found: set[str] = set()
    for _, line, fenced in _lines(text):
        if fenced:
            continue
        found.update(_HTML_ANCHOR.findall(line))
        heading = _HEADING.match(line)
        if heading:
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[2])
            base = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            number, slug = 0, base
            while slug in found:
                number += 1
                slug = f"{base}-{number}"
            found.add(slug)
    return frozenset(found)


def _lines(text: str) -> Iterator[tuple[int, str, bool]]:
    """Number, content, and whether it lies in a code block, of each line that is not a fence."""
    fence = ""
    for number, line in enumerate(text.splitlines(), start=1):
        mark = _FENCE.match(line)
        if mark and fence in ("", mark[1]):
            fence = "" if fence else mark[1]
            continue
        yield number, line, bool(fence)


def check_page(page: str, repository: Repository) -> Iterator[Finding]:
    """What is wrong with a page.

    Args:
        page: its path in the repository.
        repository: what it may speak of.
    """
    for number, line, fenced in _lines(repository.text(page)):
        if fenced:
            problems: Iterable[str] = _command(line, repository)
        else:
            pieces = [match[2] for match in _CODE.finditer(line)]
            problems = [problem for piece in pieces for problem in _code(piece, repository)]
            problems += _links(page, _CODE.sub("", line), repository)
        yield from (Finding(page, number, problem) for problem in problems)


def _links(page: str, line: str, repository: Repository) -> Iterator[str]:
    for match in _LINK.finditer(line):
        target = match[1] or match[2]
        if _SCHEME.match(target):
            continue
        path, _, anchor = target.partition("#")
        name = posixpath.normpath(posixpath.join(posixpath.dirname(page), path)) if path else page
        if not repository.holds(name):
            yield f"the link {target} leads nowhere: there is no {name}"
        elif anchor and name.endswith(".md") and anchor not in repository.anchors(name):
            yield f"the link {target} leads nowhere: {name} has no heading #{anchor}"


def _code(piece: str, repository: Repository) -> Iterator[str]:
    yield from _command(piece, repository)
    if _DOTTED.match(piece):
        yield from _dotted(piece, repository)


def _command(text: str, repository: Repository) -> Iterator[str]:
    for match in _PATH.finditer(text):
        path = match[0].rstrip(".")
        looks_like_one = _FILE.search(path) or text.strip() == match[0]
        if looks_like_one and path not in ELSEWHERE and repository.top(path) and not repository.holds(path):
            yield f"{path} does not exist"
    for target in _MAKE.findall(text):
        if target not in repository.targets:
            yield f"the Makefile has no target {target}"
    for module in _MODULE.findall(text):
        name = module.rstrip(".")
        if name.split(".")[0] in repository.folders and repository.module(name) is None:
            yield f"there is no module {name}"


def _dotted(name: str, repository: Repository) -> Iterator[str]:
    """A module, or a name in one.

    `ops.runbooks` is a setting and `deploy.log` a file: of two parts, only those below
    petrostream are checked.
    """
    if repository.module(name.split(".", maxsplit=1)[0]) is None or _FILE.search(name):
        return
    parts = name.split(".")
    depth = max(n for n in range(1, len(parts) + 1) if repository.module(".".join(parts[:n])))
    file = repository.module(".".join(parts[:depth]))
    if depth == 1 and parts[0] != "petrostream":
        return
    if depth < len(parts) and file is not None and parts[depth] not in _defined(repository.text(file)):
        yield f"{name} does not exist: {file} defines no {parts[depth]}"


def _defined(source: str) -> set[str]:
    """Names that a module binds at its top: definitions, assignments, imports."""
    names: set[str] = set()
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            names.update(alias.asname or alias.name for alias in node.names)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(n.id for t in targets for n in ast.walk(t) if isinstance(n, ast.Name))
    return names


def check(repository: Repository) -> list[Finding]:
    """What is wrong with all pages, in order; nothing when all is well."""
    pages = sorted(name for name in repository.files if name.endswith(".md"))
    return [finding for page in pages for finding in check_page(page, repository)]


def main() -> int:
    """Print every problem; the exit code is 1 when there is one."""
    try:
        found = check(Repository.of_git())
    except ToolError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    for finding in found:
        sys.stderr.write(f"{finding}\n")
    if not found:
        sys.stdout.write("Every link, path and command of the docs leads somewhere.\n")
    return 1 if found else 0


if __name__ == "__main__":
    commands.run(main)
