"""The repository whose pipeline may deploy, as a person names it: `owner/name` or `owner@1/name@2`.

The numbers are GitHub's own and never given again; a subject of a token has them for repositories made,
renamed or moved since July 2026 (GitHub changelog, 2026-04-23, "Immutable subject claims for GitHub Actions
OIDC tokens"). `gh api repos/OWNER/NAME/actions/oidc/customization/sub` shows a repository's own form.
"""

import re
from dataclasses import dataclass

from toolchain.errors import ToolError

_FORM = re.compile(
    r"(?:repo:)?"
    r"(?P<owner>[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38})(?:@(?P<owner_id>[0-9]{1,20}))?"
    r"/(?P<name>[A-Za-z0-9._-]{1,100})(?:@(?P<repository_id>[0-9]{1,20}))?"
)


@dataclass(frozen=True, slots=True)
class GitHubRepository:
    """A repository of GitHub.

    Attributes:
        full_name: `owner/name`.
        owner_id: GitHub's number of the owner, if it was given.
        repository_id: GitHub's number of the repository, if it was given; either both or neither.
    """

    full_name: str
    owner_id: str | None = None
    repository_id: str | None = None


def repository(text: str) -> GitHubRepository:
    """The repository that a text names, in either form; a leading `repo:` is what GitHub shows.

    Raises:
        ToolError: it is neither form, or has one of the two numbers only.
    """
    found = _FORM.fullmatch(text)
    if found is None or (found["owner_id"] is None) != (found["repository_id"] is None):
        raise ToolError(
            f"--github {text}: must be owner/name or owner@number/name@number, without wildcards.",
            "See its form with: gh api repos/OWNER/NAME/actions/oidc/customization/sub",
        )
    return GitHubRepository(f"{found['owner']}/{found['name']}", found["owner_id"], found["repository_id"])


def of_trust(policy: str) -> str | None:
    """The repository that a role's trust policy names, with its numbers if it has them; None without one."""
    exact = re.search(r"repo:([\w.-]+@\d+/[\w.-]+@\d+):", policy)
    named = re.search(r"repo:([\w.-]+/[\w.-]+):", policy)
    found = exact or named
    return found[1] if found else None
