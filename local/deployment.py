"""Deploy the lake to the twin, by the CDK or by Terraform, when something changed since the last time."""

import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deploy import cdk_twin as cdk_app
from deploy import terraform_twin as terraform
from petrostream.aws.clients import client
from toolchain import node as toolchain
from toolchain.errors import ToolError
from toolchain.paths import ROOT
from toolchain.twin import Twin, subprocess_environment

STACKS = ("PetroStreamLake", "PetroStreamStream", "PetroStreamScoring")
_DEPLOYED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
_DEPLOY_SECONDS = 900.0

IAC_VARIABLE = "PETROSTREAM_IAC"
"""Environment variable that names the definition to deploy, `cdk` or `terraform`."""

# What the stacks and the functions are made of, and of it what each definition has no use for.
_TOOLS = ("deploy/cdk_twin.py", "deploy/terraform_twin.py", "toolchain/package.py")
_SOURCES = ("infra", "petrostream", "lambdas", "sql", *_TOOLS)
_SKIPPED = {
    "cdk": {"node_modules", "cdk.out", "terraform", "__pycache__"},
    "terraform": {"cdk", ".terraform", "__pycache__"},
}

Say = Callable[[str], None]


def iac_of(target: Twin, wanted: str | None = None) -> str:
    """Which definition deploys this twin: the one wanted, or PETROSTREAM_IAC, or the last one, or the CDK.

    Raises:
        ToolError: there is no such definition, or the twin was deployed by the other one.
    """
    recorded = _recorded(target)
    deployed = recorded.get("iac", "cdk") if recorded else None
    iac = wanted or os.environ.get(IAC_VARIABLE) or deployed or "cdk"
    if iac not in _SKIPPED:
        raise ToolError(f"{iac!r} is no definition of the lake.", "Choose cdk or terraform.")
    if deployed not in (None, iac):
        raise ToolError(
            f"The lake in {target.home} was deployed by {deployed}; {iac} knows nothing of its resources.",
            f"Stay with --iac {deployed}, or delete it first: python -m local down --purge",
        )
    return str(iac)


def fingerprint(iac: str = "cdk") -> str:
    """A digest of everything a deployment depends on: sources, settings, and the CDK's version."""
    digest = hashlib.sha256(iac.encode())
    for name in ("aws-cdk-lib", "ministack"):
        digest.update(f"{name}={importlib.metadata.version(name)}\n".encode())
    for path in _files(_SKIPPED[iac]):
        digest.update(f"{path.relative_to(ROOT)}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _files(skipped: set[str]) -> Iterator[Path]:
    for source in _SOURCES:
        path = ROOT / source
        candidates = sorted(path.rglob("*")) if path.is_dir() else [path]
        for candidate in candidates:
            if candidate.is_file() and not skipped.intersection(candidate.parts):
                yield candidate


def is_current(target: Twin, iac: str = "cdk") -> bool:
    """Whether the twin runs exactly what the sources say: nothing to deploy."""
    if not target.outputs.exists() or _recorded(target) != _record(target, iac) | {"complete": True}:
        return False
    if iac == "terraform":
        return terraform.is_applied(target)
    return all(state in _DEPLOYED for state in stack_states().values())


def _recorded(target: Twin) -> dict[str, Any]:
    try:
        document = json.loads(target.deployed.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _record(target: Twin, iac: str) -> dict[str, Any]:
    return {"iac": iac, "fingerprint": fingerprint(iac), "endpoint": target.endpoint}


def states(target: Twin) -> dict[str, str | None]:
    """What is deployed, by stack or by module, and in which state; None where it is not deployed.

    Raises:
        ToolError: the twin does not answer.
    """
    if _recorded(target).get("iac") == "terraform":
        return terraform.module_states(target)
    return stack_states()


def stack_states() -> dict[str, str | None]:
    """CloudFormation's status of each stack; None where it is not deployed.

    Raises:
        ToolError: CloudFormation does not answer.
    """
    return {name: _stack_state(name) for name in STACKS}


def _stack_state(name: str) -> str | None:
    try:
        answer = client("cloudformation").describe_stacks(StackName=name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationError":
            return None
        raise ToolError(f"CloudFormation could not describe {name}: {error}") from error
    except BotoCoreError as error:
        raise ToolError(f"The twin does not answer: {error}", "Is it running? ./project_up.sh") from error
    return str(answer["Stacks"][0]["StackStatus"])


def deploy(target: Twin, say: Say, iac: str = "cdk") -> None:
    """Package the functions and deploy everything, with the real `cdk deploy` or `terraform apply`.

    Raises:
        ToolError: a step failed; carries the end of its output.
    """
    record = _record(target, iac)
    # Known before anything is created, so that after a failure the same definition goes on.
    target.deployed.write_text(json.dumps(record), encoding="utf-8")
    say("Packaging the functions …")
    environment = subprocess_environment(target)
    _run([sys.executable, "-m", "toolchain.package", "--target", "twin"], ROOT, environment, target)
    if iac == "terraform":
        terraform.deploy(target, say)
    else:
        _deploy_stacks(target, environment, say)
    target.deployed.write_text(json.dumps(record | {"complete": True}), encoding="utf-8")


def _deploy_stacks(target: Twin, environment: dict[str, str], say: Say) -> None:
    node = toolchain.find_node(say)
    environment = node.environment(environment)
    cdk = toolchain.cdk_command(node, environment, say)
    say("Deploying the stacks (cdk deploy) …")
    target.outputs.parent.mkdir(parents=True, exist_ok=True)
    # Its own folder, so that two twins can be deployed at once.
    assembly = ["--output", str(target.assembly)]
    try:
        cdk_app.prepare_account(client("s3"))
        _run(
            [*cdk_app.deploy_command(cdk, STACKS, target.outputs), *assembly],
            toolchain.CDK,
            environment,
            target,
        )
        cdk_app.save_queries(client("athena"))
    except (BotoCoreError, ClientError) as error:
        raise ToolError(
            f"The twin refused a step of the deployment: {error}", f"See {target.log}."
        ) from error


def _run(command: list[str], folder: Path, environment: dict[str, str], target: Twin) -> None:
    """Run a step with its output in deploy.log; on failure, show the end of it."""
    log = target.home / "deploy.log"
    environment = {**environment, "PYTHONPATH": str(ROOT), **cdk_app.QUIET}
    with log.open("a+b") as output:
        start = output.seek(0, 2)
        try:
            result = subprocess.run(  # noqa: S603
                command,
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                timeout=_DEPLOY_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise ToolError(
                f"Deploying took longer than {_DEPLOY_SECONDS:.0f} s.", f"Its output is in {log}."
            ) from error
        if result.returncode != 0:
            output.seek(start)
            tail = "\n".join(output.read().decode("utf-8", "replace").splitlines()[-20:])
            raise ToolError(
                f"Deploying failed (exit code {result.returncode}):\n{tail}",
                f"The whole output is in {log}; the emulator's own log is {target.log}.",
            )


def output(target: Twin, name: str) -> str:
    """A name the deployment of a twin chose, for example of a bucket.

    Raises:
        ToolError: nothing is deployed, or it has no such output.
    """
    try:
        stacks = json.loads(target.outputs.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ToolError("Nothing is deployed yet.", "Run ./project_up.sh first.") from error
    for outputs in stacks.values():
        if name in outputs:
            return str(outputs[name])
    raise ToolError(f"The deployment has no output {name!r}.", "Deploy again: python -m local deploy --force")
