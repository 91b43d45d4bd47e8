"""Report a plan to a GitHub workflow: its digest for the next job, its content for the reviewer."""

import os
from collections.abc import Mapping
from pathlib import Path

from deploy.changes import Plan, in_words


def report(plan: Plan, price: str, environment: Mapping[str, str] = os.environ) -> None:
    """Write the plan where GitHub Actions expects it; outside a workflow do nothing.

    Args:
        plan: the plan.
        price: the monthly cost, in a sentence.
        environment: GITHUB_OUTPUT and GITHUB_STEP_SUMMARY name the files.
    """
    if output := environment.get("GITHUB_OUTPUT"):
        with Path(output).open("a", encoding="utf-8") as file:
            file.write(f"digest={plan.digest}\n")
    if page := environment.get("GITHUB_STEP_SUMMARY"):
        with Path(page).open("a", encoding="utf-8") as file:
            file.write(summary(plan, price))


def summary(plan: Plan, price: str) -> str:
    """The plan as Markdown, for the reviewer."""
    lines = [f"## Plan `{plan.digest}`", "", f"{in_words(plan).capitalize()}. {price}", ""]
    if plan.changes:
        lines += ["| Part | Kind | Name | Action |", "|---|---|---|---|"]
        lines += [f"| {one.part} | {one.kind} | `{one.name}` | {one.action} |" for one in plan.changes]
    return "\n".join(lines) + "\n"
