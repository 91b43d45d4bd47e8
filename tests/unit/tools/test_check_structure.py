"""The shape of the code: lengths, circles, packages that a contract covers; and hooks as in make lint."""

import re
from itertools import pairwise

import pytest
import yaml

from tests.support.paths import ROOT
from tools.check_structure import (
    FUNCTION_LINES,
    MODULE_LINES,
    circle,
    defined_twice,
    findings,
    sources,
    too_long,
    unknown,
)


def test_the_project_has_the_shape_it_should():
    assert list(findings()) == []


def test_sources_are_the_project_without_its_tests():
    found = {path.relative_to(ROOT).as_posix() for path in sources()}
    assert {"petrostream/__init__.py", "producer/replay.py", "bench/scoring.py", "infra/cdk/app.py"} <= found
    assert not any(name.startswith(("tests/", ".venv/", "build/")) for name in found)


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_a_function_or_module_over_its_limit_is_named(kind):
    body = "    x = 1\n" * (FUNCTION_LINES - 1)
    assert list(too_long("a.py", f"{kind} f():\n{body}")) == []
    (finding,) = too_long("a.py", f"\n{kind} f():\n{body}    x = 2\n")
    assert finding.startswith("a.py:2: f has 56 lines")
    assert list(too_long("a.py", "x = 1\n" * MODULE_LINES)) == []
    (finding,) = too_long("a.py", "x = 1\n" * (MODULE_LINES + 1))
    assert finding.startswith("a.py:1: the module has 301 lines")


def test_a_circle_is_shown_in_the_order_of_the_imports():
    assert circle({"a": {"b"}, "b": {"c"}, "c": set()}) == []
    around = circle({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}})
    assert around[0] == around[-1]
    assert dict(pairwise(around)) == {"a": "b", "b": "c", "c": "a"}


def test_a_name_of_two_types_is_found():
    texts = {"a.py": "class Span: ...", "b.py": "Span = Literal['1h']", "c.py": "from a import Span"}
    (found,) = defined_twice(texts)
    assert found == "b.py:1: a.py has another Span; name them apart, or keep one and import it"


@pytest.mark.parametrize("text", ["class _Span: ...", "SPAN = 1", "span = 1"])
def test_only_public_types_need_a_name_of_their_own(text):
    assert list(defined_twice({"a.py": text, "b.py": text})) == []


def test_packages_and_contracts_are_compared_both_ways():
    assert list(unknown(["a", "b"], ["b", "a"])) == []
    new, gone = unknown(["a", "new"], ["a", "gone"])
    assert "gone is no package" in new
    assert "new is not among" in gone


def test_every_linter_is_a_hook():
    makefile = (ROOT / "Makefile").read_text()
    recipe = re.search(r"^lint:.*\n((?:\t.*\n)+)", makefile, re.M)
    assert recipe
    linters = set(re.findall(r"\$\(BIN\)/([\w-]+)|-m (tools\.\w+)", recipe[1]))
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    entries = " ".join(hook["entry"] for hook in hooks)
    assert {name or module for name, module in linters if (name or module) not in entries} == set()
    assert len(linters) >= 9
