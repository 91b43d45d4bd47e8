"""Deploy infra/terraform to the twin, and take it away again.

The configuration runs in a copy below the twin's folder, with its state in a file there: two twins can be
deployed at once, and nothing of the twin is ever mixed with the state or the lock file of an AWS account.
"""

import json
import platform
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from petrostream.aws.clients import client
from toolchain import terraform as terraform_tool
from toolchain.errors import ToolError
from toolchain.paths import ROOT
from toolchain.twin import Twin, subprocess_environment

PACKAGES = ROOT / "build" / "lambda-local"
_SECONDS = 900.0
_SOURCES = ("infra", "petrostream/schema", "sql")
_LEFT_OUT = shutil.ignore_patterns(
    "cdk", "__pycache__", ".terraform*", "*.tfstate*", "terraform.tfvars*", "*.auto.tfvars*", "backend.hcl"
)
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
"""What a second plan on the twin still wants to change, by resource type and attribute, and why."""

Say = Callable[[str], None]


def stage(folder: Path) -> Path:
    """Copy the configuration and all it reads below `folder`, with a local state.

    Files of an earlier copy are replaced; the state and what `terraform init` left there stay.

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
    return workspace


def variables(packages: Path = PACKAGES) -> list[str]:
    """The arguments that say: for the twin, on this machine's processor, in no account but the twin's."""
    arm = platform.machine().lower() in {"arm64", "aarch64"}
    values = {"target": "twin", "architecture": "arm64" if arm else "x86_64", "packages": str(packages)}
    return [f"-var={name}={value}" for name, value in values.items()]


def run(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], log: Path | None = None
) -> str:
    """Run Terraform to its end.

    Args:
        arguments: its subcommand and options.
        folder: where it runs.
        environment: see `terraform_tool.environment_for`.
        log: file that its output is added to.

    Returns:
        What it printed.

    Raises:
        ToolError: it failed or took too long; carries its error messages.
    """
    command = [str(terraform_tool.binary(environment)), *arguments]
    try:
        result = subprocess.run(  # noqa: S603
            command,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolError(f"terraform {arguments[0]} took longer than {_SECONDS:.0f} s.") from error
    if log is not None:
        with log.open("a", encoding="utf-8") as output:
            output.write(result.stdout + result.stderr)
    if result.returncode != 0:
        tail = "\n".join((result.stderr or result.stdout).strip().splitlines()[-40:])
        hint = f"The whole output is in {log}." if log else ""
        raise ToolError(f"terraform {arguments[0]} failed (exit code {result.returncode}):\n{tail}", hint)
    return result.stdout


def deploy(target: Twin, say: Say) -> None:
    """Create or change everything on the twin, and write the outputs where `cdk deploy` would.

    The function packages must have been built.

    Raises:
        ToolError: Terraform is missing, or a step failed.
    """
    environment = _environment(target)
    log = target.home / "deploy.log"
    workspace = stage(target.terraform)
    say("Preparing Terraform (terraform init) …")
    run(["init", "-no-color", "-reconfigure"], workspace, environment, log)
    say("Deploying the modules (terraform apply; about a minute) …")
    run(["apply", "-no-color", "-auto-approve", *variables()], workspace, environment, log)
    outputs = json.loads(run(["output", "-json"], workspace, environment))
    target.outputs.parent.mkdir(parents=True, exist_ok=True)
    named = {"PetroStream": {name: answer["value"] for name, answer in outputs.items()}}
    target.outputs.write_text(json.dumps(named, indent=2) + "\n", encoding="utf-8")


def destroy(target: Twin) -> None:
    """Take away everything that `deploy` created; buckets must be empty.

    Raises:
        ToolError: Terraform is missing, or could not remove something.
    """
    workspace = target.terraform / "infra" / "terraform"
    arguments = ["destroy", "-no-color", "-auto-approve", *variables()]
    run(arguments, workspace, _environment(target), target.home / "deploy.log")


def module_states(target: Twin) -> dict[str, str | None]:
    """How many resources the state lists by module; None for a module without any."""
    counts: dict[str, int] = dict.fromkeys(("lake", "stream", "scoring"), 0)
    for resource in _state(target).get("resources", []):
        module = str(resource.get("module", "")).split(".")
        if resource.get("mode") == "managed" and len(module) > 1:
            counts[module[1]] = counts.get(module[1], 0) + len(resource["instances"])
    return {name: f"{count} resources" if count else None for name, count in counts.items()}


def is_applied(target: Twin) -> bool:
    """Whether the twin still has what was applied last: the mapping, which is created last of all."""
    mappings = [
        instance["attributes"]["uuid"]
        for resource in _state(target).get("resources", [])
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


def _state(target: Twin) -> dict[str, Any]:
    path = target.terraform / "infra" / "terraform" / "terraform.tfstate"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _environment(target: Twin) -> dict[str, str]:
    return terraform_tool.environment_for(target.terraform, subprocess_environment(target))
