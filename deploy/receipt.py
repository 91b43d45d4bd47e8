"""The receipt of a removal: what remains, found by tag and by name, and its monthly cost."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from rich.console import Console
from rich.table import Table

from cost.report import dollars
from deploy import remains
from deploy.names import Names
from deploy.remains import Remain

# Services whose tagged resources cost nothing when idle.
_FREE = (
    "iam",
    "glue",
    "cloudformation",
    "sns",
    "budgets",
    "ce",
    "lambda",
    "athena",
    "events",
    "states",
    "scheduler",
)
_FREE_KINDS = {
    "ec2": ("internet-gateway", "route-table", "security-group", "security-group-rule", "subnet", "vpc"),
    "ecs": ("cluster", "task-definition"),
    "elasticloadbalancing": ("listener", "listener-rule", "targetgroup"),
    "application-autoscaling": ("scalable-target",),
}
"""Kinds of resources that cost nothing, of services whose others do."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is left.

    Attributes:
        left: resources of the lake.
        stale: ARNs that the tagging API still lists although they are gone.
        shared: resources of the bootstrap.
    """

    left: tuple[Remain, ...]
    stale: tuple[str, ...]
    shared: tuple[Remain, ...]

    @property
    def monthly(self) -> Fraction | None:
        """Dollars a month for what is left of the lake; None if the price of something is unknown."""
        costs = [one.monthly for one in self.left]
        return None if None in costs else sum((cost for cost in costs if cost is not None), Fraction(0))

    @property
    def clear(self) -> bool:
        """Whether what is left costs nothing."""
        return self.monthly == 0


def receipt(names: Names) -> Receipt:
    """Look up what is left.

    Raises:
        remains.Unseen: a service refuses to answer.
    """
    tagged = remains.by_tag(names)
    return assemble(names, remains.by_name(names), tagged, remains.shared(names))


def assemble(
    names: Names, found: Sequence[Remain], tagged: Iterable[str], shared: Sequence[Remain]
) -> Receipt:
    """Combine what was found by name and by tag.

    A tagged resource without a name of the lake counts as left: its price is unknown here, unless its service
    charges nothing for it. A tagged resource with a name of the lake that was not found by that name is gone.
    """
    known = {one.arn for one in found} | {one.arn for one in shared}
    left, stale = list(found), []
    for arn in sorted(set(tagged) - known):
        service = arn.split(":")[2]
        if remains.named(names, arn):
            stale.append(arn)
        else:
            left.append(Remain(arn, f"{service}, by its tag", Fraction(0) if _is_free(arn) else None))
    return Receipt(tuple(left), tuple(stale), tuple(shared))


def _is_free(arn: str) -> bool:
    service, resource = arn.split(":")[2], arn.split(":", 5)[5]
    return service in _FREE or resource.split("/")[0] in _FREE_KINDS.get(service, ())


def show(found: Receipt, console: Console, *, place: str) -> None:
    """Print the receipt."""
    table = Table(title=f"Receipt: what remains in {place}", title_justify="left")
    table.add_column("What", overflow="fold")
    table.add_column("Kind", overflow="fold")
    table.add_column("$ a month", justify="right")
    for one in [*found.left, *found.shared]:
        cost = "unknown" if one.monthly is None else _cents(one.monthly)
        table.add_row(one.arn, one.what, cost)
    if found.left or found.shared:
        console.print(table)
    for arn in found.stale:
        console.print(f"Gone, although its tag stays listed for some hours: {arn}", soft_wrap=True)
    if not found.left:
        console.print("Nothing of the lake remains: $0.00 a month.")
    elif found.monthly is None:
        console.print("The cost of some of these is unknown; see Cost Explorer, tag project.")
    else:
        console.print(f"What remains of the lake costs ${_cents(found.monthly)} a month.")
    if found.shared:
        extra = sum((one.monthly or Fraction(0) for one in found.shared), Fraction(0))
        console.print(f"The bootstrap stays for the next deployment: ${_cents(extra)} a month.")


def _cents(amount: Fraction) -> str:
    """Dollars with two decimals; an amount below a cent is called that, not 0.00."""
    return "under 0.01" if 0 < amount < Fraction(1, 100) else dollars(amount)
