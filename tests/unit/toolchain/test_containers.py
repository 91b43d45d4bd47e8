"""Any builder builds, pushes and keeps no password; without one it is said what to install."""

import platform

import pytest

from tests.support.fake_builder import FakeBuilders
from toolchain.containers import TOOLS, VARIABLE, find_builder
from toolchain.errors import ToolError

NAME = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/petrostream-scoring:abc"
REGISTRY = NAME.partition("/")[0]


@pytest.fixture
def builders(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(VARIABLE, raising=False)
    return FakeBuilders(tmp_path)


@pytest.mark.parametrize("kind", TOOLS)
def test_each_builds_for_the_other_processor_and_pushes_with_the_password_on_standard_input(
    builders, tmp_path, kind
):
    builders.add(kind)
    builder = find_builder()
    assert builder.kind == kind
    builder.build(tmp_path, tmp_path / "Dockerfile", NAME, "linux/arm64")
    with builder.signed_in(REGISTRY, "AWS", "s3cret") as signed_in:
        signed_in.push(NAME)
    asked, build, login, push, *rest = builders.calls()
    assert asked[1] == (["version"] if kind == "buildah" else ["info"])
    assert "build" in build[1][:2]
    assert set(build[1]) >= {"--platform=linux/arm64", f"--file={tmp_path}/Dockerfile", f"--tag={NAME}"}
    assert build[1][-1] == str(tmp_path)
    assert login[1][0] == "login"
    assert login[1][-3:] == ["--username=AWS", "--password-stdin", REGISTRY]
    assert login[2] == "s3cret"
    assert (push[1][0], push[1][-1]) == ("push", NAME)
    assert not any("s3cret" in word for call in builders.calls() for word in call[1])
    if kind in {"docker", "finch"}:
        assert [call[1] for call in rest] == [["logout", REGISTRY]]
    else:
        (file,) = {word for call in (login, push) for word in call[1] if word.startswith("--authfile=")}
        assert not tmp_path.joinpath(file.partition("=")[2]).exists()
        assert rest == []


def test_docker_is_taken_first_and_one_whose_daemon_is_off_is_passed_over(builders):
    for kind in TOOLS:
        builders.add(kind)
    assert find_builder().kind == "docker"
    builders.add("docker", failing=("info",))
    assert find_builder().kind == "podman"


def test_a_builder_can_be_chosen(builders, monkeypatch):
    for kind in TOOLS:
        builders.add(kind)
    monkeypatch.setenv(VARIABLE, "buildah")
    assert find_builder().kind == "buildah"
    monkeypatch.setenv(VARIABLE, "kaniko")
    with pytest.raises(ToolError, match="docker, podman, finch, buildah"):
        find_builder()


def test_without_a_builder_it_is_said_what_to_install(builders):
    with pytest.raises(ToolError, match="no docker, podman, finch or buildah on the path") as found:
        find_builder()
    assert all(name in found.value.hint for name in ("Docker", "Podman", "Finch", "Buildah"))


def test_a_builder_that_is_off_is_named(builders):
    builders.add("docker", failing=("info",))
    with pytest.raises(ToolError, match="docker does not answer"):
        find_builder()


def test_a_build_that_fails_tells_of_emulation_only_where_it_is_emulated(builders, tmp_path, monkeypatch):
    builders.add("podman", failing=("build",))
    builder = find_builder()
    for machine, told in (("x86_64", True), ("aarch64", False)):
        monkeypatch.setattr(platform, "machine", lambda machine=machine: machine)
        with pytest.raises(ToolError, match="podman build of") as found:
            builder.build(tmp_path, tmp_path / "Dockerfile", NAME, "linux/arm64")
        assert ("exec format error" in found.value.hint) == told


def test_a_login_that_is_refused_shows_no_password(builders):
    builders.add("docker", failing=("login",))
    with (
        pytest.raises(ToolError, match="no space left") as found,
        find_builder().signed_in(REGISTRY, "AWS", "s3"),
    ):
        pass
    assert "s3" not in str(found.value)


def test_after_a_push_that_fails_it_is_signed_out(builders):
    builders.add("docker", failing=("push",))
    with pytest.raises(ToolError, match="push"), find_builder().signed_in(REGISTRY, "AWS", "s3") as signed_in:
        signed_in.push(NAME)
    assert builders.calls()[-1][1] == ["logout", REGISTRY]
