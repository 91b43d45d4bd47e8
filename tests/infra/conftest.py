"""One synthesis of each target for all infra tests: starting the CDK's runtime is what takes time."""

import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.names import SERVICES_STACK, SPARK_STACK, STACKS
from infra.settings import SETTINGS_FILE, load_settings
from tests.support.paths import ROOT
from tests.support.terraform import (
    MONTHLY_LIMIT,
    account,
    account_applying,
    account_server,
    aws_plan,
    deployed,
    deploying,
    module_tests,
    terraform_attached,
    terraform_copy,
    terraform_ready,
    twin_lake,
    who_am_i,
)

# Fixtures, defined where they do not crowd this file.
__all__ = [
    "account", "account_applying", "account_server", "aws_plan", "deployed", "deploying", "module_tests",
    "terraform_attached", "terraform_copy", "terraform_ready", "twin_lake", "who_am_i",
]  # fmt: skip


@dataclass(frozen=True)
class Templates:
    """Synthesised templates by stack name, and the folder they lie in."""

    folder: Path
    stacks: dict[str, dict[str, Any]]

    def resources(self, kind: str) -> dict[str, dict[str, Any]]:
        """Resources of one type over all stacks, by logical id."""
        return {
            name: resource
            for template in self.stacks.values()
            for name, resource in template["Resources"].items()
            if resource["Type"] == kind
        }

    def one(self, kind: str, **properties: Any) -> dict[str, Any]:
        """Properties of the only resource of that type whose properties include `properties`."""
        found = [
            resource["Properties"]
            for resource in self.resources(kind).values()
            if properties.items()
            <= {k: v for k, v in resource["Properties"].items() if k in properties}.items()
        ]
        assert len(found) == 1, f"{len(found)} resources of type {kind} with {properties}"
        return found[0]

    def outputs(self) -> set[str]:
        """Names of all outputs."""
        return {name for template in self.stacks.values() for name in template.get("Outputs", {})}


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Stand-ins for the function packages: the templates only carry their digests."""
    folder = tmp_path_factory.mktemp("packages")
    for name in ("scoring", "raw_copy", "firehose_transform", "batch"):
        with zipfile.ZipFile(folder / f"{name}.zip", "w") as archive:
            archive.writestr("name.txt", name)
    return folder


@pytest.fixture(scope="session")
def synth(packages: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Templates]:
    """Synthesise the app for a target, with settings changed by `change`, in this process."""
    pytest.importorskip("aws_cdk", reason="needs the CDK library: pip install -e '.[local]'")

    def run(
        target: str,
        change: Callable[[dict[str, Any]], None] | None = None,
        *,
        reviewed: bool = False,
        image_tag: str | None = None,
    ) -> Templates:
        from aws_cdk import App

        from infra.cdk.app import build
        from infra.cdk.common import Deployment
        from infra.cdk.review import review

        raw = json.loads(SETTINGS_FILE.read_text())
        if change:
            change(raw)
        folder = tmp_path_factory.mktemp(f"synth-{target}")
        settings_file = folder / "settings.json"
        settings_file.write_text(json.dumps(raw))
        context = json.loads((ROOT / "infra" / "cdk" / "cdk.json").read_text())["context"]
        out = folder / "out"
        # The report of what is not reviewed is read by nobody.
        app = App(
            outdir=str(out),
            context=context,
            analytics_reporting=False,
            builtin_cloud_formation_validation=reviewed,
        )
        settings = load_settings(settings_file).with_monthly_limit(MONTHLY_LIMIT)
        build(app, Deployment(settings, target, packages, image_tag))  # type: ignore[arg-type]
        if reviewed:
            review(app)
        app.synth()
        files = {name: out / f"{name}.template.json" for name in (*STACKS, SERVICES_STACK, SPARK_STACK)}
        return Templates(
            out, {name: json.loads(path.read_text()) for name, path in files.items() if path.exists()}
        )

    return run


@pytest.fixture(scope="session")
def aws(synth: Callable[..., Templates]) -> Templates:
    """The app as it goes to AWS, under the rule pack."""
    return synth("aws", reviewed=True)


@pytest.fixture(scope="session")
def twin(synth: Callable[..., Templates]) -> Templates:
    """The app as it goes to the local twin."""
    return synth("twin")


def _stack(templates: Templates, name: str) -> Templates:
    template = json.loads((templates.folder / f"{name}.template.json").read_text())
    return Templates(templates.folder, {name: template})


@pytest.fixture(scope="session")
def ops(aws: Templates) -> Templates:
    """The stack of alarms and dashboard, which only AWS has."""
    return _stack(aws, "PetroStreamOps")


@pytest.fixture(scope="session")
def guardrails(aws: Templates) -> Templates:
    """The stack of budgets and roles for people and pipelines, which only AWS has."""
    return _stack(aws, "PetroStreamGuardrails")
