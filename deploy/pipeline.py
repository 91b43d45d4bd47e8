"""What a pipeline on GitHub wants to know of a plan: its digest for the next job, its content for people."""

import os
from collections.abc import Mapping
from pathlib import Path

from deploy.changes import Plan, in_words


def report(plan: Plan, price: str, environment: Mapping[str, str] = os.environ) -> None:
    """Write the plan where GitHub Actions looks for it; elsewhere do nothing.

    Args:
        plan: the plan.
        price: what a month costs, in a sentence.
        environment: names the files in GITHUB_OUTPUT and GITHUB_STEP_SUMMARY.
    """
    if output := environment.get("GITHUB_OUTPUT"):
        with Path(output).open("a", encoding="utf-8") as file:
            file.write(f"digest={plan.digest}\n")
    if page := environment.get("GITHUB_STEP_SUMMARY"):
        with Path(page).open("a", encoding="utf-8") as file:
            file.write(summary(plan, price))


def summary(plan: Plan, price: str) -> str:
    """The plan as Markdown, for whoever has to approve it."""
    lines = [f"## Plan `{plan.digest}`", "", f"{in_words(plan).capitalize()}. {price}", ""]
    if plan.changes:
        lines += ["| Part | Kind | Name | Action |", "|---|---|---|---|"]
        lines += [f"| {one.part} | {one.kind} | `{one.name}` | {one.action} |" for one in plan.changes]
    return "\n".join(lines) + "\n"
