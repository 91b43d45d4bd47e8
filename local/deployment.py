"""Deploy the lake to the twin, by the CDK or by Terraform, when something has changed since the last time."""

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Mapping
from typing import Any

from deploy import stacks, terraform_twin, up
from deploy.context import Context
from deploy.engine import Iac
from deploy.names import STACKS
from deploy.output import Output
from toolchain import sources
from toolchain.commands import Say
from toolchain.errors import ToolError, UsageError
from toolchain.twin import Twin

_DEPLOYED = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")

IAC_VARIABLE = "PETROSTREAM_IAC"
"""Environment variable that names the definition to deploy, `cdk` or `terraform`."""

# What the stacks and the functions are made of, and what puts them together.
_SOURCES = ("infra", "petrostream", "lambdas", "sql", "deploy", "toolchain/package.py")
# Folders of it that a definition does not use.
_SKIPPED: Mapping[Iac, set[str]] = {
    Iac.cdk: {"node_modules", "cdk.out", "terraform", "__pycache__"},
    Iac.terraform: {"cdk", ".terraform", "__pycache__"},
}


def iac_of(target: Twin, wanted: str | None = None) -> Iac:
    """The definition that deploys this twin: the one wanted, or PETROSTREAM_IAC, or the last one, or the CDK.

    Raises:
        ToolError: there is no such definition, or the twin was deployed by the other one.
    """
    recorded = _recorded(target)
    deployed = recorded.get("iac", "cdk") if recorded else None
    chosen = wanted or os.environ.get(IAC_VARIABLE) or deployed or "cdk"
    try:
        iac = Iac(chosen)
    except ValueError as error:
        raise UsageError(f"{chosen!r} is not a definition of the lake.", "Use cdk or terraform.") from error
    if deployed not in (None, iac):
        raise ToolError(
            f"The lake in {target.home} was deployed by {deployed}; {iac} does not know its resources.",
            f"Stay with --iac {deployed}, or delete it first: python -m local down --purge",
        )
    return iac


def fingerprint(iac: Iac = Iac.cdk) -> str:
    """Digest of everything a deployment depends on: sources, settings, and the CDK's version."""
    digest = hashlib.sha256(iac.encode())
    for name in ("aws-cdk-lib", "ministack"):
        digest.update(f"{name}={importlib.metadata.version(name)}\n".encode())
    digest.update(sources.digest(_SOURCES, _SKIPPED[iac]).encode())
    return digest.hexdigest()


def is_current(target: Twin, iac: Iac = Iac.cdk) -> bool:
    """Whether the twin runs exactly what the sources define, so that there is nothing to deploy."""
    if not target.outputs.exists() or _recorded(target) != _record(target, iac) | {"complete": True}:
        return False
    if iac is Iac.terraform:
        return terraform_twin.is_applied(target)
    return all(state in _DEPLOYED for state in stack_states().values())


def _recorded(target: Twin) -> dict[str, Any]:
    try:
        document = json.loads(target.deployed.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return document if isinstance(document, dict) else {}


def _record(target: Twin, iac: Iac) -> dict[str, Any]:
    return {"iac": iac, "fingerprint": fingerprint(iac), "endpoint": target.endpoint}


def states(target: Twin) -> dict[str, str | None]:
    """State of each stack or module; None where it is not deployed.

    Raises:
        ToolError: the twin does not answer.
    """
    if _recorded(target).get("iac") == Iac.terraform:
        return terraform_twin.module_states(target)
    return stack_states()


def stack_states() -> dict[str, str | None]:
    """CloudFormation's status of each stack; None where it is not deployed.

    Raises:
        ToolError: CloudFormation does not answer.
    """
    try:
        return {name: stacks.state(name) for name in STACKS}
    except ToolError as error:
        raise ToolError(error.args[0], "Is the twin running? ./project_up.sh") from error


def deploy(target: Twin, say: Say, iac: Iac = Iac.cdk) -> None:
    """Package the functions and deploy everything, by the real `cdk deploy` or `terraform apply`.

    AWS clients must point at the twin. What the tools print goes to deploy.log.

    Raises:
        ToolError: a step failed; carries the end of its output.
    """
    record = _record(target, iac)
    # Written before anything is created, so that after a failure the same definition goes on.
    target.deployed.write_text(json.dumps(record), encoding="utf-8")
    try:
        context = Context.find(Output(say, target.home / "deploy.log"))
        prepared = up.prepare(context, iac)
        up.apply(prepared)
        outputs = prepared.engine.outputs()
    except ToolError as error:
        hint = f"{error.hint} The emulator's own log is {target.log}.".strip()
        raise ToolError(error.args[0], hint) from error
    target.outputs.parent.mkdir(parents=True, exist_ok=True)
    target.outputs.write_text(json.dumps(outputs, indent=2) + "\n", encoding="utf-8")
    target.deployed.write_text(json.dumps(record | {"complete": True}), encoding="utf-8")


def output(target: Twin, name: str) -> str:
    """Look up a name in the outputs of the deployment, for example of a bucket.

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
