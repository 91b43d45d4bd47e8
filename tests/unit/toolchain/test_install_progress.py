"""The progress of an installation, from what pip prints."""

import io

from tests.support.paths import ROOT
from toolchain.install_progress import show

PIP = [
    "Obtaining file:///somewhere\n",
    "  Installing build dependencies: started\n",
    *(f"Collecting package-{number}>=1 (from petrostream==0.1.0)\n" for number in range(45)),
    "  Downloading package.whl (1 kB)\n",
    "Installing collected packages: package-0, package-1\n",
    "Successfully installed package-0\n",
]


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_without_a_terminal_there_is_a_line_now_and_then():
    target, clock = io.StringIO(), iter(range(1000))
    show(PIP, target, lambda: float(next(clock)))
    lines = target.getvalue().splitlines()
    assert [line.split(",")[0] for line in lines] == [
        "  20 packages found",
        "  40 packages found",
        "  installing 45 packages",
    ]


def test_on_a_terminal_one_line_names_the_package():
    target = Terminal()
    show(PIP, target)
    assert "\n" not in target.getvalue()[:-1]
    assert "45 packages found" in target.getvalue()
    assert "package-44" in target.getvalue()


def test_nothing_to_install_prints_nothing():
    target = Terminal()
    show(["Requirement already satisfied: x\n"], target)
    assert target.getvalue() == ""


def test_make_setup_shows_it_and_still_fails_where_pip_fails():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert ".SHELLFLAGS := -euo pipefail -c" in makefile
    assert "install --quiet" not in makefile
    assert makefile.count("| $(PROGRESS)") == 2
