"""A run's tests are divided by what they share, and the longest begin first."""

import re

import pytest

from tests.support.paths import ROOT
from tests.support.schedule import LONGEST, SHARED, ByWhatIsShared, scheduler


class Node:
    """A process of a run, as the scheduler knows it."""

    shutting_down = False

    def __init__(self, name):
        self.gateway = type("Gateway", (), {"id": name})
        self.sent = []

    def send_runtest_some(self, indices):
        self.sent.append(indices)

    def shutdown(self):
        self.shutting_down = True


class Options:
    """As much of pytest's configuration as the scheduler asks."""

    def __init__(self, dist="loadfile"):
        self.option = type("Option", (), {"loadscopereorder": True})
        self.dist = dist

    def getvalue(self, name):
        return {"dist": self.dist, "tx": ["popen", "popen"]}[name]


class Log:
    """A log that nobody reads."""

    def __call__(self, *words):
        pass

    def __getattr__(self, name):
        return self


def begun(tests):
    """The files that two processes are given first, in order."""
    division = ByWhatIsShared(Options(), Log())
    nodes = [Node("one"), Node("two")]
    for node in nodes:
        division.add_node(node)
    for node in nodes:
        division.add_node_collection(node, tests)
    division.schedule()
    return [[{tests[index].split("::")[0] for index in indices} for indices in node.sent] for node in nodes]


def test_the_longest_begin_first_and_files_that_share_go_to_one_process():
    shared = list(SHARED)[:2]
    tests = [f"tests/unit/test_{name}.py::test_{n}" for name in "abcd" for n in range(9)]
    tests += [f"{file}::test_{n}" for file in (*shared, "tests/infra/test_account.py") for n in range(3)]
    one, two = begun(tests)
    assert one[0] == {"tests/infra/test_account.py"}
    assert two[0] == set(shared)
    # The rest as pytest-xdist orders it.
    assert all(
        name.startswith("tests/unit/") for files in (one[1:], two[1:]) for row in files for name in row
    )


def test_every_file_named_is_there_and_named_once():
    files = [*SHARED, *(name for name in LONGEST if name.endswith(".py"))]
    assert [name for name in files if not (ROOT / name).is_file()] == []
    assert len(set(files)) == len(files)
    assert set(SHARED.values()) <= set(LONGEST)


def test_the_files_that_share_a_plan_are_named():
    """Another process would plan anew, and begin what nobody in it waits for."""
    shared = re.compile(r"\b(aws_plan|terraform_attached|terraform_copy|module_tests|twin_lake)\b")
    users = {
        path.name for path in (ROOT / "tests/infra").glob("test_*.py") if shared.search(path.read_text())
    }
    # The scanners run by themselves.
    assert {f"tests/infra/{name}" for name in users - {"test_scan.py"}} == set(SHARED)


@pytest.mark.parametrize(("dist", "ours"), [("loadfile", True), ("load", False), ("worksteal", False)])
def test_another_division_is_left_to_xdist(dist, ours):
    assert (scheduler(Options(dist), Log()) is not None) is ours
