"""Rooms of the domain are entered by the front door: `from petrostream.room import name`."""

import ast
import importlib

import pytest

from tests.support.paths import ROOT

ROOMS = sorted(
    path.parent.name for path in (ROOT / "petrostream").glob("*/__init__.py") if path.parent.name != "aws"
)
FRONT_DOORS = (
    *(
        "lambdas",
        "batch",
        "dashboard",
        "producer",
        "local",
        "deploy",
        "ops",
        "ml",
        "scale",
        "cost",
        "tools",
        "toolchain",
    ),
    "infra",
)


def _imports(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module


def _side_entrances(path):
    """Modules of rooms that a file imports from past the room's face."""
    parts = path.relative_to(ROOT).parts
    own = parts[1] if parts[0] == "petrostream" and len(parts) > 2 else None
    for module in _imports(path):
        match module.split("."):
            case ["petrostream", room, inside, *_] if room in ROOMS and room != own:
                # A codec is used by its module's name, as `codec.encode`: the face would hide of what.
                if not inside.endswith("codec"):
                    yield module


def test_there_are_rooms():
    assert {"schema", "readings", "scoring", "pipeline"} <= set(ROOMS)


@pytest.mark.parametrize("folder", ["petrostream", *FRONT_DOORS])
def test_a_room_is_entered_by_its_face(folder):
    found = {
        str(path.relative_to(ROOT)): sorted(set(_side_entrances(path)))
        for path in sorted((ROOT / folder).rglob("*.py"))
        if "node_modules" not in path.parts
    }
    assert {path: modules for path, modules in found.items() if modules} == {}


@pytest.mark.parametrize("room", ROOMS)
def test_a_face_names_what_it_offers_and_what_the_room_must_not_know(room):
    face = importlib.import_module(f"petrostream.{room}")
    assert face.__all__ == sorted(set(face.__all__), key=lambda n: (not n.isupper(), not n[0].isupper(), n))
    assert all(hasattr(face, name) for name in face.__all__)
    assert "Must not" in " ".join(str(face.__doc__).split())


@pytest.mark.parametrize("room", [*ROOMS, "aws"])
def test_no_file_repeats_the_name_of_its_room(room):
    names = [path.stem for path in (ROOT / "petrostream" / room).glob("*.py")]
    assert [name for name in names if name != room and room in name.split("_")] == []
