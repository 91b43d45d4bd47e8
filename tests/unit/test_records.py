"""Records: dataclasses that mypy keeps frozen, and that are cheap to make."""

import subprocess
import sys
import textwrap
from dataclasses import fields, replace

from petrostream.records import record


@record(frozen=True, slots=True)
class Point:
    x: int
    y: int = 0


@record(frozen=True, slots=True, eq=False)
class Thing:
    x: int


def test_records_are_values():
    assert Point(1, 2) == Point(1, 2) != Point(1)
    assert len({Point(1, 2), Point(1, 2), Point(1)}) == 2
    assert replace(Point(1, 2), y=3) == Point(1, 3)
    assert [one.name for one in fields(Point)] == ["x", "y"]
    assert not hasattr(Point(1), "__dict__")


def test_records_without_equality_are_known_by_identity():
    assert Thing(1) != Thing(1)
    assert len({Thing(1), Thing(1)}) == 2


def test_mypy_refuses_an_assignment(tmp_path):
    source = """
        from petrostream.records import record

        @record(frozen=True, slots=True)
        class Point:
            x: int

        Point(1).x = 2
        """
    file = tmp_path / "assigns.py"
    file.write_text(textwrap.dedent(source))
    command = [sys.executable, "-m", "mypy", "--no-incremental", "--follow-imports=silent", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert 'Property "x" defined in "Point" is read-only' in done.stdout
