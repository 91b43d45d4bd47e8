"""Deploy with the CDK."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cost.limit import monthly_limit
from deploy import assembly, cdk_twin, stacks
from deploy.anomalies import service_monitor
from deploy.changes import Change, between_templates
from deploy.engine import Answers, Iac
from deploy.github import repository
from deploy.names import GUARDRAILS_STACK, LAKE_STACK, OPS_STACK, SERVICES_STACK, SPARK_STACK, STACKS
from deploy.output import Output
from deploy.place import Place
from infra.settings import load_settings
from petrostream.aws.clients import client
from toolchain import node as nodejs
from toolchain.errors import ToolError
from toolchain.package import Target
from toolchain.paths import ROOT
from toolchain.run import run_quietly

ASSEMBLY = ROOT / "build" / "deploy" / "cdk.out"
BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
"""The parameter `cdk bootstrap` leaves in Parameter Store; `hnb659fds` is its default qualifier."""

_OWN_PARAMETER = "BootstrapVersion"
QUIET = {
    "CDK_DISABLE_CLI_TELEMETRY": "true",
    "CDK_DISABLE_VERSION_CHECK": "1",
    "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
    "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
}
"""Environment without telemetry, update checks and warnings about the version of Node.js."""

_AGAIN = "Nothing is lost: run the same command again, it goes on from where this one stopped."


class CdkEngine:
    """The stacks of infra/cdk in one account and region.

    Args:
        place: account and region.
        answers: values of the stacks' parameters.
        output: where to report.
    """

    iac = Iac.cdk

    def __init__(self, place: Place, answers: Answers, output: Output) -> None:
        self._place = place
        self._answers = answers
        self._output = output
        self._say = output.say
        # Two emulators may be deployed to at once, an account may not.
        self._assembly = place.twin.assembly if place.twin else ASSEMBLY
        self._command: list[str] = []
        self._monitor: str | None = None
        self._environment: dict[str, str] = {}

    def prepare(self) -> None:
        """Find Node.js and the pinned CDK, downloaded when they are missing.

        Raises:
            ToolError: they are missing and cannot be downloaded.
        """
        place = self._place
        base = dict(os.environ) | QUIET | {"PYTHONPATH": str(ROOT)}
        base |= {"CDK_DEFAULT_ACCOUNT": place.account, "CDK_DEFAULT_REGION": place.region}
        node = nodejs.find_node(self._say)
        self._environment = node.environment(base)
        self._command = nodejs.cdk_command(node, self._environment, self._say)

    def can_tell(self) -> bool:
        """Always: CloudFormation itself knows the stacks."""
        return True

    def deployed(self) -> bool:
        """Whether there is a stack of the lake."""
        return any(stacks.state(name) for name in STACKS)

    def plan(self) -> list[Change]:
        """Synthesise, unless that has been done from the same inputs, and compare with what is deployed.

        Raises:
            ToolError: the app does not synthesise, or a stack lacks an answer.
        """
        self._synthesise()
        if self._place.twin:
            self._output.left_out("guardrails")
            if load_settings().scoring.enhanced_fan_out:
                self._output.left_out("enhanced fan-out")
        elif self._answers.guardrails:
            self._monitor = service_monitor(load_settings(), self._place)
        changes: list[Change] = []
        for name, wanted in self._templates().items():
            self._parameters(name, wanted)
            changes.extend(between_templates(name, wanted, stacks.template(name)))
        return changes

    def apply(self) -> None:
        """Deploy every stack, after removing what an earlier run left unfinished.

        Raises:
            ToolError: a stack is in a state that does not allow it, or its deployment failed.
        """
        templates = self._templates()
        for name, now in stacks.settle(list(templates), self._say).items():
            if now == "DELETE_FAILED":
                raise ToolError(
                    f"{name} is half removed (DELETE_FAILED).",
                    "Finish that first: ./project_down.sh aws --iac cdk",
                )
            if now in stacks.UNMADE:
                self._say(f"{name} is {now}: an earlier run failed; what it left is removed first.")
                stacks.remove(name, self._say)
        self._bootstrap()
        given = [
            word
            for name, wanted in templates.items()
            for key, value in self._parameters(name, wanted).items()
            for word in ("--parameters", f"{name}:{key}={value}")
        ]
        # For a change set the CDK polls every five seconds; on an emulator nobody reviews it.
        method = ["--method", "direct"] if self._place.twin else []
        how = ["--require-approval", "never", "--concurrency", "1", "--no-notices", "--ci", *method]
        command = [*self._command, "deploy", *templates, "--app", str(self._assembly), *how, *given]
        self._run(command, "cdk deploy")

    def complete(self) -> None:
        """Save the named queries on the emulator, whose CloudFormation lacks their type.

        Raises:
            ToolError: Athena refuses one.
        """
        if self._place.twin is None:
            return
        try:
            cdk_twin.save_queries(client("athena"))
        except (BotoCoreError, ClientError) as error:
            raise ToolError(f"The named queries were not saved: {error}", _AGAIN) from error

    def outputs(self) -> Mapping[str, Mapping[str, str]]:
        """Outputs of every stack that is there, by stack."""
        return {name: found for name in self._known() if (found := stacks.outputs(name))}

    def stop(self) -> None:
        """Remove every stack but the lake's.

        Raises:
            ToolError: a stack could not be removed.
        """
        for name in reversed([name for name in self._known() if name != LAKE_STACK]):
            stacks.remove(name, self._say)

    def finish(self) -> None:
        """Remove the lake's stack.

        Raises:
            ToolError: it could not be removed.
        """
        stacks.remove(LAKE_STACK, self._say)

    # --- the app ----------------------------------------------------------------------------------------

    def _synthesise(self) -> None:
        target = "twin" if self._place.twin else "aws"
        # The CDK would run the app with the `python3` on the path, which may not have the library.
        app = ["--app", f'"{sys.executable}" app.py', "--context", f"target={target}"]
        app += ["--context", f"monthlyLimitUsd={monthly_limit(load_settings())}"]
        # Without it the services would go, and the function would read the stream again.
        tag = self._answers.image_tag or stacks.outputs(SERVICES_STACK).get("ServicesImageTag")
        app += ["--context", f"image_tag={tag}"] if tag else []
        # The emulator refuses what it cannot deploy; the rules about templates are those of an account.
        app += ["--no-validation"] if self._place.twin else []
        command = [*self._command, "synth", "--quiet", *app, "--output", str(self._assembly), "--no-notices"]
        made_from = assembly.inputs(command, self._environment, Target(target))
        if assembly.is_made_from(self._assembly, made_from):
            return
        assembly.forget(self._assembly)
        what = "Synthesising the CDK app"
        run_quietly(command, nodejs.CDK, self._environment, what=what, hint="Correct it and try again.")
        assembly.record(self._assembly, made_from)

    def _run(self, command: list[str], what: str) -> None:
        self._output.run(command, nodejs.CDK, self._environment, what=what, hint=_AGAIN)

    def _templates(self) -> Mapping[str, Mapping[str, Any]]:
        """Template of each stack to deploy, in the order of their dependencies."""
        manifest = self._read("manifest.json")["artifacts"]
        names = [name for name, row in manifest.items() if row["type"] == "aws:cloudformation:stack"]
        ordered = _in_order({name: manifest[name].get("dependencies", []) for name in names})
        return {
            name: self._read(manifest[name]["properties"]["templateFile"])
            for name in ordered
            if self._wanted(name)
        }

    def _read(self, file: str) -> Any:  # noqa: ANN401 - a JSON document
        return json.loads((self._assembly / file).read_text(encoding="utf-8"))

    def _wanted(self, name: str) -> bool:
        return self._answers.guardrails or name != GUARDRAILS_STACK

    def _known(self) -> list[str]:
        """Stacks that may exist, lake first; the app need not synthesise for their removal."""
        extra = [GUARDRAILS_STACK] if self._answers.guardrails else []
        return [*STACKS, SERVICES_STACK, SPARK_STACK, OPS_STACK, *extra]

    def _parameters(self, name: str, wanted: Mapping[str, Any]) -> Mapping[str, str]:
        """Values for a stack's parameters: those given now; CloudFormation remembers the others."""
        named = repository(self._answers.github) if self._answers.github else None
        answers = {
            "AlertEmail": (self._answers.email, "--email you@example.com"),
            "GitHubRepository": (
                named.full_name if named else None,
                "--github owner/name (or --no-guardrails)",
            ),
            # Named without numbers, a repository loses those it had: they were another one's.
            "GitHubOwnerId": (named.owner_id or "" if named else None, "--github owner@1/name@2"),
            "GitHubRepositoryId": (named.repository_id or "" if named else None, "--github owner@1/name@2"),
            "GitHubProviderArn": (self._answers.github_provider, "--github-provider ARN"),
            "AnomalyMonitorArn": (self._monitor, ""),
        }
        known = stacks.parameters(name)
        values = {}
        for key, row in wanted.get("Parameters", {}).items():
            value, option = answers.get(key, (None, f"a value for {key}"))
            if value is not None:
                values[key] = value
            elif key not in known and "Default" not in row and key != _OWN_PARAMETER:
                raise ToolError(f"{name} asks for {key}: {row.get('Description', '')}", f"Add {option}")
        return values

    # --- around it --------------------------------------------------------------------------------------

    def _bootstrap(self) -> None:
        """Create what the CDK needs once in an account and region: a bucket for packages, and its roles."""
        if self._place.twin:
            self._output.left_out("bootstrap")
            cdk_twin.prepare_account(client("s3"))
            return
        try:
            client("ssm").get_parameter(Name=BOOTSTRAP)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterNotFound":
                raise ToolError(f"The CDK's bootstrap could not be looked up: {error}") from error
            self._say("Bootstrapping the CDK in this account and region (once) …")
            where = f"aws://{self._place.account}/{self._place.region}"
            command = [*self._command, "bootstrap", where, "--no-notices", "--ci"]
            self._run(command, "cdk bootstrap")


def _in_order(dependencies: Mapping[str, list[str]]) -> list[str]:
    """Names in an order in which each comes after its dependencies."""
    ordered: list[str] = []

    def visit(name: str) -> None:
        for before in dependencies[name]:
            if before in dependencies:
                visit(before)
        if name not in ordered:
            ordered.append(name)

    for name in dependencies:
        visit(name)
    return ordered
