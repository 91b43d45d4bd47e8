"""What `up` and `down` need of a tool that deploys: Terraform or the CDK."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from deploy.changes import Change


class Iac(StrEnum):
    """The two definitions of the lake."""

    terraform = "terraform"
    cdk = "cdk"


@dataclass(frozen=True, slots=True)
class Answers:
    """What only the person who deploys knows.

    Attributes:
        email: recipient of operations alarms and budget alerts.
        github: repository whose pipeline may deploy, as `owner/name` or `owner@1/name@2`.
        github_provider: ARN of GitHub's OIDC provider, if the account has one already.
        guardrails: whether budgets and outside roles are deployed too; the pipeline may not touch them.
        image_tag: tag of the services' images; the one deployed last if not given.
    """

    email: str | None = None
    github: str | None = None
    github_provider: str | None = None
    guardrails: bool = True
    image_tag: str | None = None


class Engine(Protocol):
    """One tool, bound to one account and region."""

    iac: Iac

    def prepare(self) -> None:
        """Find the tool and what it needs.

        Raises:
            ToolError: something is missing; says what to install or set.
        """

    def can_tell(self) -> bool:
        """Whether `deployed` can be answered on this machine; a state in S3 takes Terraform to read it."""

    def deployed(self) -> bool:
        """Whether this tool has deployed anything here; ask `can_tell` first.

        Raises:
            ToolError: the account does not answer.
        """

    def plan(self) -> list[Change]:
        """What `apply` would change; the function packages must be built.

        Raises:
            ToolError: the definition or the account does not allow it.
        """

    def apply(self) -> None:
        """Make the changes of `plan`.

        Raises:
            ToolError: it failed; running it again continues from there.
        """

    def complete(self) -> None:
        """Do what the definition cannot do here. It is quick, and follows every deployment.

        Raises:
            ToolError: it failed; running it again continues from there.
        """

    def outputs(self) -> Mapping[str, Mapping[str, str]]:
        """Names of what was deployed, by stack (CDK) or under one heading (Terraform).

        Raises:
            ToolError: they cannot be read.
        """

    def stop(self) -> None:
        """Remove everything but the lake: nothing arrives any more, and the data can still be queried.

        Raises:
            ToolError: it failed; running it again continues from there.
        """

    def finish(self) -> None:
        """Remove the lake, whose buckets must be empty.

        Raises:
            ToolError: it failed; running it again continues from there.
        """
