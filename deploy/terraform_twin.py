"""What a deployment by Terraform needs on the twin: a copy of infra/terraform, with its state in a file.

The copy lies below the twin's folder: two twins can be deployed at once, and nothing of a twin is mixed with
the state or the lock file of an AWS account.
"""

import json
import platform
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from petrostream.aws.clients import client
from toolchain.errors import ToolError
from toolchain.package import Target, folder_of
from toolchain.paths import ROOT
from toolchain.twin import Twin

_SOURCES = ("infra", "petrostream/schema", "sql")
_LEFT_OUT = shutil.ignore_patterns(
    "cdk", "__pycache__", ".terraform*", "*.tfstate*", "terraform.tfvars*", "*.auto.tfvars*", "backend.hcl"
)
LOCK = ROOT / "infra" / "terraform" / ".terraform.lock.hcl"
"""The provider that deployments to an account are bound to, with its checksums."""

# The state of a twin lives and dies with the twin, on this machine.
_LOCAL_STATE = 'terraform {\n  backend "local" {}\n}\n'

KNOWN_GAPS: Mapping[tuple[str, str], str] = {
    ("aws_kinesis_firehose_delivery_stream", "extended_s3_configuration.custom_time_zone"): (
        "The emulator does not keep a time zone; AWS answers UTC, which is what the provider expects."
    ),
    ("aws_kinesis_stream", "tags_all"): (
        "The emulator drops the tags of CreateStream; a second apply adds them by AddTagsToStream."
    ),
}
"""What a second plan on the twin still wants to change, by resource type and attribute, with the reason."""


def stage(folder: Path, *, locked: bool = False) -> Path:
    """Copy the configuration and everything it reads below `folder`, with a local state.

    Files of an earlier copy are replaced; the state and what `terraform init` wrote stay.

    Args:
        folder: where the copy goes.
        locked: whether it is bound to the provider of the lock file, as an account is. Otherwise it takes the
            newest that is at hand and allowed.

    Returns:
        The folder in which Terraform is to run.
    """
    workspace = folder / "infra" / "terraform"
    for source in _SOURCES:
        destination = folder / source
        for old in [path for path in destination.rglob("*") if path.suffix in {".tf", ".json", ".sql"}]:
            if ".terraform" not in old.parts:
                old.unlink()
        shutil.copytree(ROOT / source, destination, ignore=_LEFT_OUT, dirs_exist_ok=True)
    (workspace / "backend_override.tf").write_text(_LOCAL_STATE, encoding="utf-8")
    if locked:
        shutil.copy2(LOCK, workspace / LOCK.name)
    return workspace


def variables() -> list[str]:
    """Arguments that select the twin, this machine's processor, and packages without libraries."""
    arm = platform.machine().lower() in {"arm64", "aarch64"}
    values = {
        "target": "twin",
        "architecture": "arm64" if arm else "x86_64",
        "packages": str(folder_of(Target.twin)),
    }
    return [f"-var={name}={value}" for name, value in values.items()]


def module_states(target: Twin) -> dict[str, str | None]:
    """Number of resources in the state by module; None for a module without any."""
    counts: dict[str, int] = dict.fromkeys(("lake", "stream", "scoring", "jobs"), 0)
    for resource in state(target).get("resources", []):
        module = str(resource.get("module", "")).split(".")
        if resource.get("mode") == "managed" and len(module) > 1:
            counts[module[1]] = counts.get(module[1], 0) + len(resource["instances"])
    return {name: f"{count} resources" if count else None for name, count in counts.items()}


def is_applied(target: Twin) -> bool:
    """Whether the twin still has what was applied last: the event source mapping, created last of all.

    Raises:
        ToolError: the twin does not answer.
    """
    mappings = [
        instance["attributes"]["uuid"]
        for resource in state(target).get("resources", [])
        if resource.get("type") == "aws_lambda_event_source_mapping"
        for instance in resource["instances"]
    ]
    try:
        for uuid in mappings:
            client("lambda").get_event_source_mapping(UUID=uuid)
    except ClientError:
        return False
    except BotoCoreError as error:
        raise ToolError(f"The twin does not answer: {error}", "Is it running? ./project_up.sh") from error
    return bool(mappings)


def state(target: Twin) -> dict[str, Any]:
    """Terraform's state of the twin; empty where nothing was deployed by Terraform."""
    path = target.terraform / "infra" / "terraform" / "terraform.tfstate"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}
