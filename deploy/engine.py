"""What `up` and `down` need of a tool that deploys: Terraform and the CDK are the two."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from deploy.changes import Change

Say = Callable[[str], None]


class Iac(StrEnum):
    """The two definitions of the lake."""

    terraform = "terraform"
    cdk = "cdk"


@dataclass(frozen=True, slots=True)
class Answers:
    """What only the person who deploys knows.

    Attributes:
        email: where alarms and budget alerts go.
        github: repository whose pipeline may deploy, as `owner/name`.
        github_provider: ARN of GitHub's OIDC provider, where the account has it already.
        guardrails: whether budgets and outside roles are deployed too; the pipeline may not touch them.
    """

    email: str | None = None
    github: str | None = None
    github_provider: str | None = None
    guardrails: bool = True


class Engine(Protocol):
    """One tool, bound to one account and region."""

    iac: Iac

    def prepare(self) -> None:
        """See that the tool is there and can work.

        Raises:
            DeployError: it is not; says what to install or set.
        """

    def deployed(self) -> bool:
        """Whether this tool has deployed anything here."""

    def plan(self) -> list[Change]:
        """What `apply` would change; the function packages must be built.

        Raises:
            DeployError: the definition or the account does not allow it.
        """

    def apply(self) -> None:
        """Do what `plan` said.

        Raises:
            DeployError: it failed; running it again goes on from there.
        """

    def stop(self) -> None:
        """Remove everything but the lake: no reading moves any more, and the data stay queryable.

        Raises:
            DeployError: it failed; running it again goes on from there.
        """

    def finish(self) -> None:
        """Remove the lake, whose buckets must be empty.

        Raises:
            DeployError: it failed; running it again goes on from there.
        """
