"""Every statement of every role is held by a test: without it, or with less in it, something complains."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support import rights
from tests.support.rights import EXPECTED, NOT_REHEARSED, ONLY_PINNED, PIPELINE, REHEARSED

Stacks = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def lake(aws) -> Stacks:
    return aws.stacks


def _policies(stacks: Stacks) -> Iterator[dict[str, Any]]:
    for template in stacks.values():
        for row in template["Resources"].values():
            if row["Type"] == "AWS::IAM::Role":
                yield from row["Properties"]["Policies"]


def _narrower(stacks: Stacks) -> Iterator[tuple[str, Stacks]]:
    """The templates, each time without one statement, one action, or one resource."""
    for number, policy in enumerate(_policies(stacks)):
        rows = policy["PolicyDocument"]["Statement"]
        for place, row in enumerate(rows):
            less: list[dict[str, Any] | None] = [None]
            for key in ("Action", "Resource"):
                if isinstance(row[key], list):
                    less += [row | {key: row[key][:i] + row[key][i + 1 :]} for i in range(len(row[key]))]
            for change in less:
                changed = copy.deepcopy(stacks)
                document = list(_policies(changed))[number]["PolicyDocument"]
                document["Statement"][place : place + 1] = [] if change is None else [change]
                yield f"{policy['PolicyName']} {row['Action']} -> {change}", changed


def test_the_roles_have_the_rights_written_down_and_no_others(lake):
    assert rights.differences(rights.rights_of(lake)) == []


def test_no_statement_action_or_resource_can_be_lost_unnoticed(lake):
    cases = list(_narrower(lake))
    assert len(cases) > sum(len(found) for policies in EXPECTED.values() for found in policies.values())
    unnoticed = [what for what, changed in cases if not rights.differences(rights.rights_of(changed))]
    assert not unnoticed


def test_a_right_too_many_is_named(lake):
    changed = copy.deepcopy(lake)
    document = next(_policies(changed))["PolicyDocument"]
    document["Statement"].append(
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::1:role/x"}
    )
    (line,) = rights.differences(rights.rights_of(changed))
    assert "has besides iam:PassRole" in line


def test_every_statement_is_tried_on_the_twin_or_its_reason_is_known():
    everything = dict(rights.every_statement())
    pinned = {statement for statement in everything if statement[1] in ONLY_PINNED}
    assert PIPELINE | REHEARSED.keys() | pinned == everything.keys()
    assert all(len(reason) > 20 for reason in (*ONLY_PINNED.values(), *NOT_REHEARSED.values()))
    # An action that can't be rehearsed never leaves its statement without one that can.
    assert all(actions - NOT_REHEARSED.keys() for actions, _ in REHEARSED.values())
