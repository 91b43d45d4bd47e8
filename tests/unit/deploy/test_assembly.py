"""An assembly is reused for the inputs it was made from, as it was made, and for no others."""

import ast
import json
from pathlib import Path

import pytest

from deploy import assembly, cdk
from deploy.engine import Answers
from deploy.output import Output
from deploy.place import Place
from tests.support.paths import ROOT
from toolchain import sources
from toolchain.package import Target
from toolchain.twin import ACCOUNT, REGION, Twin

COMMAND = ("cdk", "synth", "--context", "target=twin")
ENVIRONMENT = {"CDK_DEFAULT_REGION": REGION, "PATH": "/bin"}


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of one source, with a package, and the home of a user."""
    for name in ("infra/app.py", "packages/scoring.zip", "home/unused"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    monkeypatch.setattr(sources, "ROOT", tmp_path)
    monkeypatch.setattr(assembly, "_SOURCES", ("infra",))
    monkeypatch.setattr(assembly, "folder_of", lambda target: tmp_path / "packages")
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    return tmp_path


def inputs(command=COMMAND, **variables):
    return assembly.inputs(command, ENVIRONMENT | variables, Target.twin)


def test_each_input_counts_and_nothing_else(project, monkeypatch):
    seen = [inputs()]
    assert inputs(PATH="/usr/bin", AWS_ENDPOINT_URL="http://127.0.0.1:1") == seen[0]
    seen.append(inputs((*COMMAND, "--context", "image_tag=1.2.3")))
    seen.append(inputs(CDK_DEFAULT_REGION="eu-west-1"))
    seen.append(inputs(CDK_CONTEXT_JSON="{}"))
    for name in ("infra/app.py", "infra/more.json", "packages/scoring.zip", "home/.cdk.json"):
        (project / name).write_text("changed")
        seen.append(inputs())
    monkeypatch.setattr(assembly, "version", lambda name: "99")
    seen.append(inputs())
    assert len(set(seen)) == len(seen)


@pytest.fixture
def made(tmp_path):
    """An assembly, with the record of what it was made from."""
    folder = tmp_path / "cdk.out"
    folder.mkdir()
    for name in ("manifest.json", "Stack.template.json", "asset.1.zip", "cdk.out"):
        (folder / name).write_text("{}")
    assembly.record(folder, "one")
    return folder


def test_an_assembly_is_made_from_what_its_record_says(made, tmp_path):
    assert assembly.is_made_from(made, "one")
    assert not assembly.is_made_from(made, "two")
    assert not assembly.is_made_from(tmp_path / "nowhere", "one")
    assembly.forget(made)
    assert not assembly.is_made_from(made, "one")
    assembly.forget(made)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "Stack.template.json").write_text("{ }"),
        lambda folder: (folder / "manifest.json").unlink(),
        lambda folder: (folder / "Other.template.json").write_text("{}"),
        lambda folder: (folder / "asset.1.zip").unlink(),
        lambda folder: (folder / assembly._RECORD).write_text("[1"),
    ],
)
def test_an_assembly_that_was_changed_is_not_reused(made, change):
    change(made)
    assert not assembly.is_made_from(made, "one")


@pytest.fixture
def engine(project, monkeypatch):
    """The CDK on a twin, whose synthesis writes one template, or fails."""
    ran = []

    def synthesise(command, *_, **__):
        ran.append(command)
        folder = Path(command[command.index("--output") + 1])
        folder.mkdir(exist_ok=True)
        (folder / "Stack.template.json").write_text(json.dumps({"run": len(ran)}))
        if "fails" in (project / "infra" / "app.py").read_text():
            raise RuntimeError("it does not synthesise")

    monkeypatch.setattr(cdk, "run_quietly", synthesise)
    monkeypatch.setattr(cdk.stacks, "outputs", lambda name: {})
    place = Place(ACCOUNT, REGION, "me", Twin(port=4599, home=project / "twin"))
    place.twin.home.mkdir()
    return cdk.CdkEngine(place, Answers(), Output(lambda _: None)), ran


def test_the_app_is_synthesised_again_only_when_an_input_changed(engine, project):
    cdk_engine, ran = engine
    for expected in (1, 1):
        cdk_engine._synthesise()
        assert len(ran) == expected
    (project / "infra" / "app.py").write_text("other")
    for expected in (2, 2):
        cdk_engine._synthesise()
        assert len(ran) == expected


def test_a_synthesis_that_failed_leaves_nothing_to_reuse(engine, project):
    cdk_engine, ran = engine
    cdk_engine._synthesise()
    before = (project / "infra" / "app.py").read_text()
    (project / "infra" / "app.py").write_text("fails")
    with pytest.raises(RuntimeError):
        cdk_engine._synthesise()
    (project / "infra" / "app.py").write_text(before)
    cdk_engine._synthesise()
    assert len(ran) == 3


def test_all_that_the_app_imports_of_the_project_is_among_the_inputs():
    covered = set(sources.files(assembly._SOURCES, assembly._SKIPPED))
    found, waiting = set(), ["infra.cdk.app"]
    while waiting:
        path = file_of(waiting.pop())
        if path is not None and path not in found:
            found.add(path)
            waiting += imported(path)
    assert ROOT / "infra" / "settings.py" in found
    assert found <= covered
    assert {ROOT / name for name in ("infra/settings.json", "infra/cdk/cdk.json")} <= covered


def file_of(module):
    """The file of a module of the project; None of a library, or of a name in a module."""
    path = ROOT.joinpath(*module.split("."))
    options = (path.with_suffix(".py"), path / "__init__.py")
    return next((option for option in options if option.exists()), None)


def imported(path):
    """The modules that a file may import: those it names, and their packages."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[:count]) for count in range(1, len(parts) + 1))
