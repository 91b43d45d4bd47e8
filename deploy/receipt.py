"""The receipt of a removal: what remains, by tag and by name, and what a month of it costs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from rich.console import Console
from rich.table import Table

from cost.report import dollars
from deploy import remains
from deploy.names import Names
from deploy.remains import Remain

# Services whose resources with the tag cost nothing standing still.
_FREE = ("iam", "glue", "cloudformation", "sns", "budgets", "ce", "lambda", "athena", "events")


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is left.

    Attributes:
        left: what is of the lake.
        stale: ARNs that the tagging API lists and that are gone.
        shared: what is of the bootstrap.
    """

    left: tuple[Remain, ...]
    stale: tuple[str, ...]
    shared: tuple[Remain, ...]

    @property
    def monthly(self) -> Fraction | None:
        """Dollars a month of what is left of the lake; None where the price of something is not known."""
        costs = [one.monthly for one in self.left]
        return None if None in costs else sum((cost for cost in costs if cost is not None), Fraction(0))

    @property
    def clear(self) -> bool:
        """Whether nothing is left that costs anything."""
        return self.monthly == 0


def receipt(names: Names) -> Receipt:
    """Look at what is left.

    Raises:
        remains.Unseen: a service refuses to say.
    """
    tagged = remains.by_tag(names)
    return assemble(names, remains.by_name(names), tagged, remains.shared(names))


def assemble(
    names: Names, found: Sequence[Remain], tagged: Iterable[str], shared: Sequence[Remain]
) -> Receipt:
    """Bring together what was found by name and by tag.

    What carries the tag and has no name of the lake is left too: its price is not known here, unless it is
    of a service that charges nothing for it. What a name would have found, and did not, is gone.
    """
    known = {one.arn for one in found} | {one.arn for one in shared}
    left, stale = list(found), []
    for arn in sorted(set(tagged) - known):
        service = arn.split(":")[2]
        if remains.named(names, arn):
            stale.append(arn)
        else:
            left.append(Remain(arn, f"{service}, by its tag", Fraction(0) if service in _FREE else None))
    return Receipt(tuple(left), tuple(stale), tuple(shared))


def show(found: Receipt, console: Console, *, place: str) -> None:
    """Print the receipt."""
    table = Table(title=f"Receipt: what remains in {place}", title_justify="left")
    table.add_column("What", overflow="fold")
    table.add_column("Kind", overflow="fold")
    table.add_column("$ a month", justify="right")
    for one in [*found.left, *found.shared]:
        cost = "not known" if one.monthly is None else _cents(one.monthly)
        table.add_row(one.arn, one.what, cost)
    if found.left or found.shared:
        console.print(table)
    for arn in found.stale:
        console.print(f"Gone, though its tag is still listed for some hours: {arn}", soft_wrap=True)
    if not found.left:
        console.print("Nothing of the lake remains: $0.00 a month.")
    elif found.monthly is None:
        console.print("What costs an unknown amount is named above; see Cost Explorer, tag project.")
    else:
        console.print(f"What remains of the lake costs ${_cents(found.monthly)} a month.")
    if found.shared:
        extra = sum((one.monthly or Fraction(0) for one in found.shared), Fraction(0))
        console.print(f"The bootstrap stays for the next deployment: ${_cents(extra)} a month.")


def _cents(amount: Fraction) -> str:
    """Dollars with two places; what is less than a cent and more than nothing says so."""
    return "under 0.01" if 0 < amount < Fraction(1, 100) else dollars(amount)
