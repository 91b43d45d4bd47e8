"""Function packages: complete, the same from the same input, and without what a function never imports."""

import subprocess
import sys
import zipfile

import pytest

from tests.support.paths import ROOT
from toolchain import bytecode, package
from toolchain.errors import ToolError
from toolchain.package import FUNCTIONS, Target, build
from toolchain.wheels import Platform, prune


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    return build(Target.twin, folder=tmp_path_factory.mktemp("twin"))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_handler_imports_from_its_package_alone(built, name, tmp_path):
    code = (
        f"import sys; sys.path.insert(0, {str(built[name].path)!r}); "
        f"from lambdas.{name} import handler; print(handler.__file__, callable(handler.handler))"
    )
    # -P keeps the working directory, and with it this repository, off the path.
    result = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split() == [f"{built[name].path}/lambdas/{name}/handler.py", "True"]


def test_scoring_carries_the_schema(built):
    names = zipfile.ZipFile(built["scoring"].path).namelist()
    assert {
        f"petrostream/schema/{path.name}" for path in (ROOT / "petrostream/schema").glob("*.json")
    } <= set(names)
    assert not any("__pycache__" in name or name.endswith(".pyc") for name in names)


def test_the_transform_does_not_change_when_the_scoring_code_does(built):
    names = zipfile.ZipFile(built["firehose_transform"].path).namelist()
    assert not any(name.startswith("petrostream/") for name in names)


def test_the_same_input_gives_the_same_bytes(built, tmp_path):
    again = build(Target.twin, folder=tmp_path)
    assert {name: p.sha256 for name, p in again.items()} == {name: p.sha256 for name, p in built.items()}


def test_a_package_over_its_bound_is_refused_and_the_last_one_kept(tmp_path, monkeypatch):
    good = build(Target.twin, folder=tmp_path)["scoring"]
    monkeypatch.setattr(package, "MAX_UNPACKED_BYTES", 1000)
    with pytest.raises(ToolError, match=r"scoring is .* MB unpacked[\s\S]*lambdas/scoring/requirements\.txt"):
        build(Target.twin, folder=tmp_path)
    assert good.path.stat().st_size == good.packed_bytes


def test_pruning_keeps_code_and_licences_and_drops_the_rest(tmp_path):
    kept = [
        "numpy/__init__.py",
        "numpy/_core/umath.so",
        "x-1.dist-info/METADATA",
        "x-1.dist-info/licenses/LICENSE",
    ]
    dropped = [
        "numpy/__init__.pyi", "numpy/tests/test_a.py", "numpy/f2py/main.py", "onnxruntime/tools/convert.py",
        "x-1.dist-info/RECORD", "bin/tool", "numpy/_core/include/numpy/arrayobject.h",
    ]  # fmt: skip
    for name in kept + dropped:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    prune(tmp_path)
    left = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file())
    assert left == sorted(kept)


def test_wheels_are_asked_for_by_processor():
    assert Platform("3.13", "arm64").tags[0] == "manylinux_2_28_aarch64"
    with pytest.raises(ToolError, match="riscv64"):
        _ = Platform("3.13", "riscv64").tags


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_library_of_a_function_is_pinned(name):
    def normal(text: str) -> str:
        return text.lower().replace("_", "-")

    lines = (ROOT / "lambdas" / name / "requirements.txt").read_text().splitlines()
    wanted = {normal(line) for line in lines if line and not line.startswith("#")}
    pinned = {normal(line.split("==")[0]) for line in (ROOT / "constraints.txt").read_text().splitlines()}
    assert wanted <= pinned
    assert not wanted & {"boto3", "botocore", "scikit-learn", "pandas"}


def test_byte_code_is_the_same_each_time_and_is_what_runs(tmp_path):
    python = bytecode.interpreter(f"{sys.version_info.major}.{sys.version_info.minor}")
    assert python == sys.executable
    compiled = []
    for run in ("first", "second"):
        folder = tmp_path / run
        folder.mkdir()
        (folder / "module.py").write_text("NAMES = 'a' in {'a', 'b', 'c', 'd'}\n")
        bytecode.compile_folder(folder, python)
        compiled.append(next(folder.rglob("*.pyc")).read_bytes())
    assert compiled[0] == compiled[1]
    (tmp_path / "second" / "module.py").write_text("NAMES = 'changed'\n")  # never looked at again
    code = "import sys; sys.path.insert(0, 'second'); import module; print(module.NAMES)"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )
    assert result.stdout.split() == ["True"]


def test_a_module_that_does_not_compile_is_named(tmp_path):
    (tmp_path / "broken.py").write_text("def f(:\n")
    with pytest.raises(ToolError, match=r"broken\.py"):
        bytecode.compile_folder(tmp_path, sys.executable)


def test_no_interpreter_of_the_runtimes_version_is_no_error():
    assert bytecode.interpreter("3.99") is None
