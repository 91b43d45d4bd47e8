"""What a deployment will change, in the same form for Terraform and the CDK: a list, a table, a digest."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from rich.table import Table

PlannedAction = Literal["create", "update", "replace", "delete"]
ACTIONS: tuple[PlannedAction, ...] = ("create", "update", "replace", "delete")


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One resource that will change.

    Attributes:
        part: stack or module it belongs to.
        kind: its type, as the tool calls it.
        name: its name in the definition.
        action: what happens to it.
    """

    part: str
    kind: str
    name: str
    action: PlannedAction


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a deployment would do.

    Attributes:
        changes: the resources that change, sorted.
        code: SHA-256 of each function's package, by function.
    """

    changes: tuple[Change, ...]
    code: Mapping[str, str]

    @property
    def digest(self) -> str:
        """Short digest: equal for the same changes of the same resources, with the same code."""
        text = "\n".join(
            [*(f"{c.part} {c.kind} {c.name} {c.action}" for c in self.changes)]
            + [f"{name}={digest}" for name, digest in sorted(self.code.items())]
        )
        return hashlib.sha256(text.encode()).hexdigest()[:12]

    def losses(self) -> list[Change]:
        """Changes that delete or replace a resource."""
        return [change for change in self.changes if change.action in {"replace", "delete"}]


def summary(plan: Plan) -> Table:
    """The plan as a table: per part and kind, how many are created, updated, replaced, deleted."""
    table = Table(title="What will change", title_justify="left")
    table.add_column("Part")
    table.add_column("Kind")
    for action in ACTIONS:
        table.add_column(action, justify="right")
    counts: dict[tuple[str, str], Counter[str]] = {}
    for change in plan.changes:
        counts.setdefault((change.part, change.kind), Counter())[change.action] += 1
    last = None
    for (part, kind), count in counts.items():
        table.add_row("" if part == last else part, kind, *(str(count[action] or "") for action in ACTIONS))
        last = part
    return table


def in_words(plan: Plan) -> str:
    """The plan in one line."""
    counts = Counter(change.action for change in plan.changes)
    parts = [f"{counts[action]} to {action}" for action in ACTIONS if counts[action]]
    return ", ".join(parts) or "nothing to change"


def between_templates(
    part: str, wanted: Mapping[str, Any], deployed: Mapping[str, Any] | None
) -> Iterable[Change]:
    """Changes from a deployed CloudFormation template to the wanted one.

    Only CloudFormation knows whether an update replaces a resource: here it counts as an update. A resource
    whose type changes under the same name is replaced.
    """
    new: Mapping[str, Any] = wanted.get("Resources", {})
    old: Mapping[str, Any] = (deployed or {}).get("Resources", {})
    for name in sorted(new.keys() | old.keys()):
        if name not in old:
            yield Change(part, new[name]["Type"], name, "create")
        elif name not in new:
            yield Change(part, old[name]["Type"], name, "delete")
        elif new[name]["Type"] != old[name]["Type"]:
            yield Change(part, new[name]["Type"], name, "replace")
        elif _relevant(new[name]) != _relevant(old[name]):
            yield Change(part, new[name]["Type"], name, "update")


def _relevant(resource: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parts of a resource that CloudFormation acts on, without notes for people and tools."""
    return {key: value for key, value in resource.items() if key != "Metadata"}


def of_terraform(document: Mapping[str, Any]) -> Iterable[Change]:
    """Changes of a Terraform plan, as printed by `terraform show -json`."""
    for change in document.get("resource_changes", []):
        actions = set(change["change"]["actions"])
        if change.get("mode") == "data" or not actions & {"create", "update", "delete"}:
            continue
        action: PlannedAction = "replace" if actions == {"create", "delete"} else next(iter(actions))
        module = str(change.get("module_address", "module.root"))
        part = module.split(".")[1].partition("[")[0]
        yield Change(part, change["type"], str(change["address"]), action)
