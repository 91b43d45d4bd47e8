"""The repository that may deploy, in both forms that GitHub has for it."""

import pytest

from deploy.github import GitHubRepository, of_trust, repository
from toolchain.errors import ToolError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("owner/lake", GitHubRepository("owner/lake")),
        ("Owner-1/lake.py_2", GitHubRepository("Owner-1/lake.py_2")),
        ("owner@123/lake@456", GitHubRepository("owner/lake", "123", "456")),
        ("repo:owner@123/lake@456", GitHubRepository("owner/lake", "123", "456")),
    ],
)
def test_both_forms_are_understood(text, expected):
    assert repository(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "owner", "owner/*", "*/lake", "owner/lake:*", "owner/lake/x", "-owner/lake", "owner/la ke", "",
        "owner@123/lake", "owner/lake@456", "owner@*/lake@*", "owner@x/lake@y", "owner-123/lake@456/x",
    ],
)  # fmt: skip
def test_anything_else_is_refused_and_says_where_to_look(text):
    with pytest.raises(ToolError, match="must be owner/name or owner@number/name@number") as refused:
        repository(text)
    assert "customization/sub" in refused.value.hint


def test_a_trust_policy_says_its_repository_with_the_numbers_if_it_has_them():
    named = '{"sub": ["repo:owner/lake:ref:x", "repo:owner@*/lake@*:ref:x"]}'
    pinned = '{"sub": ["repo:owner/lake:ref:x", "repo:owner@1/lake@2:ref:x"]}'
    assert of_trust(named) == "owner/lake"
    assert of_trust(pinned) == "owner@1/lake@2"
    assert of_trust('{"Service": "lambda.amazonaws.com"}') is None
