"""Every test can fail: it asserts something, and nothing in it hides an error."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT

TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
ALWAYS_TRUE = (ast.Constant, ast.Tuple, ast.JoinedStr, ast.GeneratorExp, ast.Lambda)


def problems(path: Path) -> Iterator[str]:
    """Faults of a test file, each with its line."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    helpers = _imported(tree) | _functions(tree)
    for name, test in _functions(tree).items():
        if not name.startswith("test"):
            continue
        if not _checks(test, helpers, frozenset()):
            yield f"{test.lineno}: {name} asserts nothing"
        for node in ast.walk(test):
            if isinstance(node, ast.Assert) and _always_true(node.test):
                yield f"{node.lineno}: {name} asserts what is always true"
            if _swallows(node):
                yield f"{node.lineno}: {name} ignores an error; say what must hold where none is raised"


def _functions(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def _imported(tree: ast.Module) -> dict[str, ast.FunctionDef]:
    """Functions of the tests' modules that a file imports from, also by the names it imports them under."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests."):
            source = ROOT.joinpath(*str(node.module).split(".")).with_suffix(".py")
            if source.is_file():
                there = _functions(ast.parse(source.read_text(encoding="utf-8")))
                found |= there | {a.asname or a.name: there[a.name] for a in node.names if a.name in there}
    return found


def _checks(function: ast.AST, helpers: dict[str, ast.FunctionDef], seen: frozenset[str]) -> bool:
    """Whether a function can fail a test, by itself or by a helper that it calls."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in {"raises", "warns", "fail"} or name.startswith("assert_"):
                return True
            helper = helpers.get(name) if isinstance(node.func, ast.Name) and name not in seen else None
            if helper is not None and _checks(helper, helpers, seen | {name}):
                return True
    return False


def _always_true(test: ast.expr) -> bool:
    if isinstance(test, ast.Compare) and not any(isinstance(node, ast.Call) for node in ast.walk(test)):
        return len({ast.unparse(side) for side in (test.left, *test.comparators)}) == 1
    return isinstance(test, ALWAYS_TRUE)


def _swallows(node: ast.AST) -> bool:
    if isinstance(node, ast.ExceptHandler):
        return all(isinstance(step, ast.Pass) for step in node.body)
    return isinstance(node, ast.Call) and ast.unparse(node.func) in {"contextlib.suppress", "suppress"}


@pytest.mark.parametrize("path", TESTS, ids=lambda path: str(path.relative_to(ROOT / "tests")))
def test_every_test_can_fail(path):
    assert list(problems(path)) == []


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("run()", "asserts nothing"),
        ("helper()", "asserts nothing"),
        ("assert (run(), 'why')", "always true"),
        ("assert (one for one in run())", "always true"),
        ("assert one == one", "always true"),
        ("assert run()\n    with contextlib.suppress(ValueError):\n        run()", "ignores an error"),
        ("try:\n        assert run()\n    except ValueError:\n        pass", "ignores an error"),
    ],
)
def test_a_test_that_cannot_fail_is_named(tmp_path, body, problem):
    path = tmp_path / "test_sample.py"
    path.write_text(f"def helper():\n    return run()\n\n\ndef test_one():\n    {body}\n")
    assert [line for line in problems(path) if problem in line]


@pytest.mark.parametrize(
    "body",
    ["assert run() == run()", "same(1)", "with pytest.raises(ValueError):\n        run()", "assert_equal(1)"],
)
def test_a_test_that_can_fail_is_not(tmp_path, body):
    path = tmp_path / "test_sample.py"
    path.write_text(f"def same(one):\n    assert one\n\n\ndef test_one():\n    {body}\n")
    assert list(problems(path)) == []
