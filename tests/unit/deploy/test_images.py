"""Images of the services: a tag from their content, built once, pushed before what runs from them."""

import shutil

import boto3
import pytest

from deploy import containers, images
from deploy.context import Context
from deploy.engine import Answers
from deploy.names import Names
from deploy.output import Output
from deploy.place import Place
from infra.settings import load_settings
from tests.support.fake_builder import FakeBuilders
from tests.support.mocked import mock_aws
from toolchain.errors import ToolError
from toolchain.paths import ROOT
from toolchain.twin import twin

REGION, ACCOUNT = "eu-west-1", "123456789012"
MANIFEST = '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "layers": []}'
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"


def settings(*, enabled=True, dashboard=True):
    base = load_settings()
    services = base.services.model_copy(
        update={
            "enabled": enabled,
            "dashboard": base.services.dashboard.model_copy(update={"enabled": dashboard}),
        }
    )
    return base.model_copy(update={"services": services})


def names(**options):
    place = Place(ACCOUNT, REGION, "arn:aws:iam::123456789012:user/x", options.pop("emulator", None))
    return Names(settings(**options), place)


@pytest.fixture
def ecr(monkeypatch):
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    with mock_aws():
        found = boto3.client("ecr", REGION)
        monkeypatch.setattr(images, "client", lambda _: found)
        yield found


@pytest.fixture
def builders(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    found = FakeBuilders(tmp_path)
    found.add("docker")
    return found


def copy(folder):
    for file in images.DOCKERFILES.values():
        for path in set(images._inputs(ROOT, ROOT / file)):
            target = folder / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def test_the_tag_is_that_of_the_content_and_of_nothing_else(tmp_path):
    copy(tmp_path)
    before = images.tag(tmp_path)
    assert before == images.tag(ROOT)
    assert len(before) == 16
    (tmp_path / "lambdas" / "__pycache__").mkdir()
    (tmp_path / "lambdas" / "__pycache__" / "x.pyc").write_bytes(b"x")
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").write_text("x")
    assert images.tag(tmp_path) == before
    changed = set()
    for place in (
        "lambdas/scoring/service.py",
        "dashboard/app.py",
        "constraints.txt",
        "dashboard/Dockerfile",
    ):
        with (tmp_path / place).open("a") as file:
            file.write("\n# changed\n")
        changed.add(images.tag(tmp_path))
    (tmp_path / "petrostream" / "new.py").write_text("")
    changed.add(images.tag(tmp_path))
    assert len(changed - {before}) == 5


def test_images_are_built_for_the_settings_processor_and_pushed(ecr, builders):
    for repository in images.repositories(names()).values():
        ecr.create_repository(repositoryName=repository)
    lines = []
    images.publish(names(), "abc", lines.append)
    calls = [words for _, words, _ in builders.calls()]
    built = [words for words in calls if words[:2] == ["buildx", "build"]]
    pushed = [words[-1] for words in calls if words[0] == "push"]
    expected = [f"{REGISTRY}/{one}:abc" for one in ("petrostream-scoring", "petrostream-dashboard")]
    assert pushed == expected
    assert [word for words in built for word in words if word.startswith("--tag=")] == [
        f"--tag={name}" for name in expected
    ]
    assert all("--platform=linux/arm64" in words for words in built)
    assert {word for words in built for word in words if word.startswith("--file=")} == {
        f"--file={ROOT / file}" for file in images.DOCKERFILES.values()
    }
    (login,) = [call for call in builders.calls() if call[1][0] == "login"]
    assert "--username=AWS" in login[1]
    assert login[1][-1] == REGISTRY
    assert login[2]


def test_an_image_that_is_there_is_neither_built_nor_pushed_again(ecr, builders):
    for repository in images.repositories(names()).values():
        ecr.create_repository(repositoryName=repository)
        ecr.put_image(repositoryName=repository, imageManifest=MANIFEST, imageTag="abc")
    lines = []
    images.publish(names(), "abc", lines.append)
    assert builders.calls() == []
    assert "already" in lines[0]


def test_images_that_are_not_wanted_or_run_nowhere_are_refused():
    with pytest.raises(ToolError, match=r"services\.enabled"):
        images.check(names(enabled=False))
    with pytest.raises(ToolError, match="make service"):
        images.check(names(emulator=twin()))
    assert images.repositories(names(dashboard=False)) == {"scoring": "petrostream-scoring"}


def test_a_first_deployment_has_no_tag_and_the_next_one_that_of_the_code(ecr):
    lines = []
    context = Context(names().place, names(), Answers(), Output(lines.append))
    assert containers.with_images(context).answers.image_tag is None
    assert "repositories come first" in lines[0]
    for repository in images.repositories(names()).values():
        ecr.create_repository(repositoryName=repository)
    assert containers.with_images(context).answers.image_tag == images.tag()


def test_images_are_pushed_before_and_waited_for_after_the_deployment(monkeypatch):
    order = []
    monkeypatch.setattr(images, "publish", lambda _names, tag, _say: order.append(f"push {tag}"))
    monkeypatch.setattr(containers.up, "apply", lambda _: order.append("apply"))
    monkeypatch.setattr(containers, "wait_for_services", lambda _names, _say: order.append("wait"))
    for tag in ("abc", None):
        context = Context(names().place, names(), Answers(image_tag=tag), Output(print))
        containers.apply(containers.up.Prepared(context, None, {}, None))
    assert order == ["push abc", "apply", "wait", "apply"]
