"""Deploy with Terraform."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cost.limit import monthly_limit
from deploy import terraform_state, terraform_twin
from deploy.anomalies import service_monitor
from deploy.changes import Change, of_terraform
from deploy.engine import Answers, Iac
from deploy.github import of_trust, repository
from deploy.names import Names
from deploy.output import Output
from infra.settings import Settings
from petrostream.aws.clients import client
from toolchain import terraform as terraform_tool
from toolchain.errors import ToolError
from toolchain.package import Target, folder_of
from toolchain.paths import ROOT
from toolchain.run import run_quietly

CONFIGURATION = ROOT / "infra" / "terraform"
WORK = ROOT / "build" / "deploy" / "terraform"
_LAKE = "module.lake"
_OTHERS = ("module.stream", "module.scoring", "module.jobs", "module.services", "module.spark", "module.ops")
_GUARDRAILS = "module.guardrails"
_LOCKED = "-lockfile=readonly"
"""The provider of the lock file and no other; `make lock` is what changes the file."""

_AGAIN = (
    "Nothing is lost: run the same command again, it goes on from here. If it says that the "
    "state is locked and nobody else is deploying: terraform force-unlock <the ID it names>."
)


class TerraformEngine:
    """The modules of infra/terraform in one account and region.

    On AWS the state is in the bucket of the bootstrap, under a lock; on the emulator in the twin's folder.

    Args:
        names: names in the account and region.
        answers: values of the modules' variables.
        output: where to report.
    """

    iac = Iac.terraform

    def __init__(self, names: Names, answers: Answers, output: Output) -> None:
        self._names = names
        self._place = names.place
        self._answers = answers
        self._output = output
        self._work = self._place.twin.terraform if self._place.twin else WORK
        self._plan: Path | None = None
        self._monitor: str | None = None
        self._ready: Path | None = None
        self._terraform = "terraform"
        self._environment: dict[str, str] = {}

    @property
    def settings(self) -> Settings:
        """The settings that are deployed."""
        return self._names.settings

    def prepare(self) -> None:
        """Find Terraform and its provider.

        Raises:
            ToolError: Terraform is missing or too old.
        """
        self._environment = terraform_tool.environment_for(self._work)
        self._terraform = str(terraform_tool.binary(self._environment))

    def can_tell(self) -> bool:
        """Whether the state can be read: the emulator's is a file, that of AWS takes Terraform."""
        if self._place.twin:
            return True
        try:
            self.prepare()
        except ToolError:
            return False
        return True

    def deployed(self) -> bool:
        """Whether the state lists anything."""
        return self._has_state() and any(
            resource.get("mode") == "managed" for resource in self._state().get("resources", [])
        )

    def plan(self) -> list[Change]:
        """What Terraform would change.

        Before the bootstrap there is no state: the plan is then made in a copy, from nothing.

        Raises:
            ToolError: the configuration or an answer does not allow it.
        """
        if self._place.twin:
            self._output.left_out("guardrails")
            if self.settings.scoring.enhanced_fan_out:
                self._output.left_out("enhanced fan-out")
        elif self._answers.guardrails:
            self._monitor = service_monitor(self.settings, self._place)
        folder = self._folder()
        if self._has_state():
            self._init(folder)
            self._remember()
        else:
            folder = terraform_twin.stage(WORK / "first", locked=True)
            self._run(["init", "-reconfigure", _LOCKED], folder, "terraform init")
        path = self._work / "plan"
        path.parent.mkdir(parents=True, exist_ok=True)
        words = ["plan", f"-out={path}", "-lock-timeout=120s", *self._variables(), *self._targets()]
        self._run(words, folder, "terraform plan")
        self._plan = path if self._has_state() else None
        return list(
            of_terraform(json.loads(self._run(["show", "-json", str(path)], folder, "terraform show")))
        )

    def apply(self) -> None:
        """Apply the plan that was shown, or a new one after the bootstrap.

        Raises:
            ToolError: Terraform failed.
        """
        if self._plan is None:
            self._bootstrap()
            self.plan()
        folder = self._folder()
        words = ["apply", "-auto-approve", "-lock-timeout=120s", "-no-color", str(self._plan)]
        self._change(words, folder, "terraform apply")
        self._plan = None

    def complete(self) -> None:
        """Nothing: the modules do everything."""

    def outputs(self) -> Mapping[str, Mapping[str, str]]:
        """Outputs of the configuration, under the project's name.

        Raises:
            ToolError: Terraform failed.
        """
        folder = self._folder()
        self._init(folder)
        answer = json.loads(self._run(["output", "-json"], folder, "terraform output"))
        return {"PetroStream": {name: row["value"] for name, row in answer.items()}}

    def stop(self) -> None:
        """Remove every module but the lake.

        Raises:
            ToolError: something could not be removed.
        """
        self._destroy(stop_targets(guardrails=self._answers.guardrails))

    def finish(self) -> None:
        """Remove what is left.

        Raises:
            ToolError: something could not be removed.
        """
        self._destroy(finish_targets(guardrails=self._answers.guardrails))

    # --- Terraform --------------------------------------------------------------------------------------

    def _folder(self) -> Path:
        """Where Terraform runs: the configuration itself, or the twin's own copy of it."""
        return terraform_twin.stage(self._work) if self._place.twin else CONFIGURATION

    def _init(self, folder: Path) -> None:
        if self._ready == folder:
            return
        words = ["init", "-reconfigure"]
        if not self._place.twin:
            words.append(_LOCKED)
            backend = terraform_state.backend(self._names.state_bucket, self._place.region)
            words += [f"-backend-config={key}={value}" for key, value in backend.items()]
        self._run(words, folder, "terraform init")
        self._ready = folder

    def _variables(self) -> list[str]:
        if self._place.twin:
            return terraform_twin.variables()
        values = {
            "account_id": self._place.account,
            "region": self._place.region,
            # Named in full: the first plan is made in a copy of the configuration.
            "packages": str(folder_of(Target.aws)),
            "alert_email": self._answers.email,
            "image_tag": self._answers.image_tag,
            **self._guardrail_values(),
        }
        return [f"-var={name}={value}" for name, value in values.items() if value is not None]

    def _guardrail_values(self) -> dict[str, str | None]:
        """Variables of the guardrails, given without them too: no plan can be made without a limit."""
        named = repository(self._answers.github) if self._answers.github else None
        return {
            "monthly_limit_usd": str(monthly_limit(self.settings)),
            "github_repository": named.full_name if named else None,
            "github_owner_id": named.owner_id if named else None,
            "github_repository_id": named.repository_id if named else None,
            "github_provider_arn": self._answers.github_provider,
            "anomaly_monitor_arn": self._monitor,
        }

    def _targets(self) -> list[str]:
        """Everything, or all but the guardrails: the pipeline may not change its own role."""
        if self._answers.guardrails or self._place.twin:
            return []
        return _targets(_LAKE, *_OTHERS)

    def _destroy(self, targets: list[str]) -> None:
        if not self._has_state():
            return
        folder = self._folder()
        self._init(folder)
        self._remember()
        words = ["destroy", "-auto-approve", "-lock-timeout=120s", "-no-color", *self._variables(), *targets]
        self._change(words, folder, "terraform destroy")

    def _run(self, words: list[str], folder: Path, what: str) -> str:
        words = [words[0], *(["-no-color"] if words[0] != "state" else []), *words[1:]]
        return run_quietly([self._terraform, *words], folder, self._environment, what=what, hint=_AGAIN)

    def _change(self, words: list[str], folder: Path, what: str) -> None:
        self._output.run([self._terraform, *words], folder, self._environment, what=what, hint=_AGAIN)

    # --- the state --------------------------------------------------------------------------------------

    def _has_state(self) -> bool:
        """Whether there is a bucket for the state; the emulator's is a file, which needs none."""
        if self._place.twin:
            return True
        try:
            client("s3").head_bucket(Bucket=self._names.state_bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] == "404":
                return False
            raise ToolError(f"The state bucket {self._names.state_bucket} cannot be read: {error}") from error
        except BotoCoreError as error:
            raise ToolError(f"S3 does not answer: {error}", "Check the network.") from error
        return True

    def _state(self) -> Mapping[str, Any]:
        if self._place.twin:
            return terraform_twin.state(self._place.twin)
        folder = self._folder()
        self._init(folder)
        text = self._run(["state", "pull"], folder, "terraform state pull")
        return json.loads(text) if text.strip() else {}

    def _remember(self) -> None:
        """Take answers that were not given this time from the last deployment."""
        self._answers = remembered(self._answers, self._state())

    def _bootstrap(self) -> None:
        """Create the bucket of the state, once in an account and region."""
        bucket = self._names.state_bucket
        self._output.say(f"Creating the bucket of Terraform's state, {bucket} (once) …")
        terraform_state.prepare(client("s3"), bucket, self._place.region)


def stop_targets(*, guardrails: bool) -> list[str]:
    """Arguments that limit a removal to everything but the lake, with or without the guardrails."""
    return _targets(*_OTHERS, *([_GUARDRAILS] if guardrails else []))


def finish_targets(*, guardrails: bool) -> list[str]:
    """Arguments that limit a removal to the lake; none with the guardrails, so that all that is left goes."""
    return [] if guardrails else _targets(_LAKE)


def _targets(*modules: str) -> list[str]:
    return [f"-target={module}" for module in modules]


def remembered(answers: Answers, state: Mapping[str, Any]) -> Answers:
    """Fill in missing answers from the state.

    Otherwise a second deployment without `--github` would remove the pipeline's roles, and one without an
    image tag the services.
    """
    tag = state.get("outputs", {}).get("ServicesImageTag", {}).get("value")
    answers = replace(answers, image_tag=answers.image_tag or tag or None)
    for resource in state.get("resources", []):
        for instance in resource.get("instances", []):
            values = instance.get("attributes", {})
            if resource["type"] == "aws_sns_topic_subscription" and values.get("protocol") == "email":
                answers = replace(answers, email=answers.email or values["endpoint"])
            if resource["type"] == "aws_iam_role" and resource.get("mode") == "managed":
                found = of_trust(str(values.get("assume_role_policy", "")))
                answers = replace(answers, github=answers.github or found)
    return answers
