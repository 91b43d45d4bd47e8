"""Check the shape of the code: `python -m tools.check_structure`, part of `make lint`.

A module has at most 300 lines and a function at most 55, its docstring included; no module imports itself by
way of others; no two classes or types have one name; and every package at the root is one that import-linter
knows (pyproject.toml). Tests are left out: their length is that of their cases.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp

from toolchain import commands
from toolchain.paths import ROOT

MODULE_LINES = 300
FUNCTION_LINES = 55
_TYPE_NAME = re.compile(r"[A-Z][A-Za-z0-9]*[a-z][A-Za-z0-9]*")
_LEFT_OUT = frozenset({"build", "data", "node_modules", "tests"})


def sources(root: Path = ROOT) -> list[Path]:
    """Every Python file of the project but the tests, hidden folders and what is built."""
    found = []
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).parts
        if not _LEFT_OUT.intersection(parts) and not any(part.startswith(".") for part in parts):
            found.append(path)
    return found


def packages(root: Path = ROOT) -> list[str]:
    """Names of the packages at the root."""
    return sorted(
        path.parent.name for path in root.glob("*/__init__.py") if path.parent.name not in _LEFT_OUT
    )


def too_long(name: str, text: str) -> Iterator[str]:
    """Findings about the length of a module and of its functions.

    Args:
        name: its path, for the findings.
        text: its source.
    """
    lines = len(text.splitlines())
    if lines > MODULE_LINES:
        yield f"{name}:1: the module has {lines} lines; split it, the limit is {MODULE_LINES}"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > FUNCTION_LINES:
                yield (
                    f"{name}:{node.lineno}: {node.name} has {length} lines; "
                    f"split it, the limit is {FUNCTION_LINES}"
                )


def type_names(text: str) -> Iterator[tuple[str, int]]:
    """Names and lines of the public classes and types at the top level of a module."""
    for node in ast.parse(text).body:
        if isinstance(node, ast.ClassDef):
            name = node.name
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
        else:
            continue
        if _TYPE_NAME.fullmatch(name):
            yield name, node.lineno


def defined_twice(texts: Mapping[str, str]) -> Iterator[str]:
    """Findings about classes and types that have the name of another: one name has one meaning.

    Args:
        texts: the source of each module by its path.
    """
    first: dict[str, str] = {}
    for path, text in texts.items():
        for name, line in type_names(text):
            there = first.setdefault(name, path)
            if there != path:
                yield f"{path}:{line}: {there} has another {name}; name them apart, or keep one and import it"


def circle(imports: Mapping[str, set[str]]) -> list[str]:
    """Modules that import each other in a circle, the first repeated at the end; empty if there are none.

    Args:
        imports: the modules that each module imports.
    """
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(reversed(error.args[1]))
    return []


def _imports(names: Sequence[str]) -> dict[str, set[str]]:
    graph = grimp.build_graph(*names, cache_dir=None, exclude_type_checking_imports=True)
    return {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}


def unknown(present: Sequence[str], configured: Sequence[str]) -> Iterator[str]:
    """Findings about packages that import-linter does not know, or that are gone."""
    for name in sorted(set(present) ^ set(configured)):
        what = "is not among" if name in present else "is no package, but among"
        yield f"pyproject.toml: {name} {what} the root_packages of import-linter"


def findings(root: Path = ROOT) -> Iterator[str]:
    """Everything there is to correct."""
    texts = {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in sources(root)}
    for name, text in texts.items():
        yield from too_long(name, text)
    yield from defined_twice(texts)
    present = packages(root)
    if around := circle(_imports(present)):
        yield f"These modules import each other: {' -> '.join(around)}"
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    yield from unknown(present, project["tool"]["importlinter"]["root_packages"])


def main() -> int:
    """Print what to correct; the exit code is 1 if there is anything."""
    found = list(findings())
    for finding in found:
        sys.stderr.write(f"{finding}\n")
    if not found:
        sys.stdout.write("The lengths, imports and names of the code are as they should be.\n")
    return 1 if found else 0


if __name__ == "__main__":
    commands.run(main)
