"""The CDK as the tool of a deployment."""

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deploy import cdk_twin as cdk_app
from deploy import gaps, stacks
from deploy.changes import Change, between_templates
from deploy.engine import Answers, Iac, Say
from deploy.errors import DeployError
from deploy.names import GUARDRAILS_STACK, LAKE_STACK
from deploy.place import Place
from local import deployment
from petrostream.aws.clients import client
from toolchain import node as toolchain
from toolchain.paths import ROOT
from toolchain.run import run_quietly, run_visibly
from toolchain.twin import twin

ASSEMBLY = ROOT / "build" / "deploy" / "cdk.out"
BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
"""The parameter `cdk bootstrap` leaves in Parameter Store; `hnb659fds` is its default qualifier."""

_OWN_PARAMETER = "BootstrapVersion"
_AGAIN = "Nothing is lost: run the same command again, it goes on from where this one stopped."


class CdkEngine:
    """The stacks of infra/cdk in one account and region.

    Args:
        place: account and region.
        answers: what the stacks ask for.
        say: prints a line of progress.
    """

    iac = Iac.cdk

    def __init__(self, place: Place, answers: Answers, say: Say) -> None:
        self._place = place
        self._answers = answers
        self._say = say
        # Two emulators may be deployed to at once, an account may not.
        self._assembly = twin().assembly if place.twin else ASSEMBLY
        self._command: list[str] = []
        self._environment: dict[str, str] = {}

    def prepare(self) -> None:
        """Find Node.js and the pinned CDK, fetched when they are missing.

        Raises:
            ToolError: they are not there and cannot be fetched.
        """
        place = self._place
        base = dict(os.environ) | cdk_app.QUIET | {"PYTHONPATH": str(ROOT)}
        base |= {"CDK_DEFAULT_ACCOUNT": place.account, "CDK_DEFAULT_REGION": place.region}
        node = toolchain.find_node(self._say)
        self._environment = node.environment(base)
        self._command = toolchain.cdk_command(node, self._environment, self._say)

    def deployed(self) -> bool:
        """Whether there is a stack of the lake."""
        return any(stacks.state(name) for name in (LAKE_STACK, *deployment.STACKS))

    def plan(self) -> list[Change]:
        """Synthesise, and compare each template with the deployed one.

        Raises:
            DeployError: the app does not synthesise, or a stack lacks an answer.
        """
        self._synthesise()
        if self._place.twin:
            self._say(gaps.left_out("guardrails"))
        changes: list[Change] = []
        for name, wanted in self._templates().items():
            self._parameters(name, wanted)
            changes.extend(between_templates(name, wanted, stacks.template(name)))
        return changes

    def apply(self) -> None:
        """Deploy every stack, after what an earlier run may have left unfinished.

        Raises:
            DeployError: a stack is in a state that does not allow it, or its deployment failed.
        """
        templates = self._templates()
        for name, now in stacks.settle(list(templates), self._say).items():
            if now == "DELETE_FAILED":
                raise DeployError(
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
        method = ["--method", "direct"] if self._place.twin else []
        how = ["--require-approval", "never", "--concurrency", "1", "--no-notices", "--ci", *method]
        command = [*self._command, "deploy", *templates, "--app", str(self._assembly), *how, *given]
        run_visibly(command, toolchain.CDK, self._environment, what="cdk deploy", hint=_AGAIN)
        self._save_queries()

    def stop(self) -> None:
        """Remove every stack but the lake's.

        Raises:
            DeployError: a stack could not be removed.
        """
        for name in reversed([name for name in self._known() if name != LAKE_STACK]):
            stacks.remove(name, self._say)

    def finish(self) -> None:
        """Remove the lake's stack.

        Raises:
            DeployError: it could not be removed.
        """
        stacks.remove(LAKE_STACK, self._say)

    # --- the app ----------------------------------------------------------------------------------------

    def _synthesise(self) -> None:
        target = "twin" if self._place.twin else "aws"
        app = ["--app", f'"{sys.executable}" app.py', "--context", f"target={target}"]
        command = [*self._command, "synth", "--quiet", *app, "--output", str(self._assembly), "--no-notices"]
        what = "Synthesising the CDK app"
        run_quietly(command, toolchain.CDK, self._environment, what=what, hint="Correct it and try again.")

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
        return [*dict.fromkeys([LAKE_STACK, *deployment.STACKS, "PetroStreamOps", *extra])]

    def _parameters(self, name: str, wanted: Mapping[str, Any]) -> Mapping[str, str]:
        """Values for a stack's parameters: those given now; CloudFormation remembers the others."""
        answers = {
            "AlertEmail": (self._answers.email, "--email you@example.com"),
            "GitHubRepository": (self._answers.github, "--github owner/name (or --no-guardrails)"),
            "GitHubProviderArn": (self._answers.github_provider, "--github-provider ARN"),
        }
        known = stacks.parameters(name)
        values = {}
        for key, row in wanted.get("Parameters", {}).items():
            value, option = answers.get(key, (None, f"a value for {key}"))
            if value is not None:
                values[key] = value
            elif key not in known and "Default" not in row and key != _OWN_PARAMETER:
                raise DeployError(f"{name} asks for {key}: {row.get('Description', '')}", f"Add {option}")
        return values

    # --- around it --------------------------------------------------------------------------------------

    def _bootstrap(self) -> None:
        """What the CDK needs once in an account and region: a bucket for packages, roles to deploy with."""
        if self._place.twin:
            self._say(gaps.left_out("bootstrap"))
            cdk_app.prepare_account(client("s3"))
            return
        try:
            client("ssm").get_parameter(Name=BOOTSTRAP)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ParameterNotFound":
                raise DeployError(f"Whether the CDK is bootstrapped is not known: {error}") from error
            self._say("Bootstrapping the CDK in this account and region (once) …")
            where = f"aws://{self._place.account}/{self._place.region}"
            command = [*self._command, "bootstrap", where, "--no-notices", "--ci"]
            run_visibly(command, toolchain.CDK, self._environment, what="cdk bootstrap", hint=_AGAIN)

    def _save_queries(self) -> None:
        if not self._place.twin:
            return
        try:
            cdk_app.save_queries(client("athena"))
        except (BotoCoreError, ClientError) as error:
            raise DeployError(f"The named queries were not saved: {error}", _AGAIN) from error


def _in_order(dependencies: Mapping[str, list[str]]) -> list[str]:
    """Names so that each comes after what it depends on."""
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
