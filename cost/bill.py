"""The monthly bill: one line for each thing AWS charges for, in exact arithmetic."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from cost import lines_jobs, lines_lake, lines_path, lines_rest, lines_services
from cost.basis import MEASURED, Basis
from cost.flow import Flow
from cost.lines import PATH, LineItem
from cost.prices import Price, PricesError, load_prices
from cost.workload import Workload
from infra.settings import Settings

PATH_LIMIT = Fraction(20)
"""Dollars a month the Lambda path may cost with 10 wells at 1 Hz all day."""

TOTAL_LIMIT = Fraction(60)
"""Dollars a month that everything may cost under the same load, services included."""

SECTIONS: Sequence[Callable[[Flow], Iterator[LineItem]]] = (
    lines_path.kinesis,
    lines_path.firehose,
    lines_path.functions,
    lines_path.table,
    lines_lake.objects,
    lines_lake.storage,
    lines_path.logs,
    lines_jobs.jobs,
    lines_jobs.gold,
    lines_jobs.spark,
    lines_rest.watching,
    lines_rest.asking,
    lines_services.services,
)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill.

    Attributes:
        item: what is counted and how much of it.
        price: its price.
        billed: units charged: the quantity, less the free tier if that is subtracted.
    """

    item: LineItem
    price: Price
    billed: Fraction

    @property
    def usd(self) -> Fraction:
        """Dollars a month, unrounded."""
        return self.price.of(self.billed)


@dataclass(frozen=True, slots=True)
class Bill:
    """A month's bill.

    Attributes:
        workload: the load it is for.
        lines: its lines, in the order of the flow.
    """

    workload: Workload
    lines: tuple[Line, ...]

    @property
    def total(self) -> Fraction:
        """Dollars a month, unrounded."""
        return sum((line.usd for line in self.lines), Fraction(0))

    @property
    def path(self) -> Fraction:
        """Dollars a month of the Lambda path: stream, functions, delivery, state, storage, logs, metrics."""
        return sum((line.usd for line in self.lines if line.item.group == PATH), Fraction(0))

    def by_service(self) -> dict[str, Fraction]:
        """Dollars a month by service, most expensive first."""
        sums: dict[str, Fraction] = {}
        for line in self.lines:
            sums[line.item.service] = sums.get(line.item.service, Fraction(0)) + line.usd
        return dict(sorted(sums.items(), key=lambda pair: -pair[1]))

    def after_down(self, *, keep_data: bool = False) -> "Bill":
        """What a month costs after `project_down.sh aws`.

        Everything is gone then, unless the buckets were kept: their content is charged until it is deleted.
        """
        kept = tuple(line for line in self.lines if keep_data and line.item.stored)
        return replace(self, lines=kept)


def bill(
    workload: Workload,
    settings: Settings,
    prices: Mapping[str, Price] | None = None,
    *,
    free_tier: bool = False,
    basis: Basis = MEASURED,
) -> Bill:
    """The bill of a month under these settings at list prices.

    Args:
        workload: the load on the lake.
        settings: the settings it is built with.
        prices: prices by key; those of `prices.json` if None.
        free_tier: whether to subtract AWS's permanent free tier, which all projects of the account share.
        basis: what was measured of readings and of scoring.

    Raises:
        PricesError: a price is missing.
    """
    table = load_prices() if prices is None else prices
    left = {key: price.free if free_tier else Fraction(0) for key, price in table.items()}
    flow = Flow(settings, workload, basis)
    lines = []
    for item in (item for section in SECTIONS for item in section(flow)):
        if item.price not in table:
            raise PricesError(f"no price {item.price}, which '{item.what}' needs; add it to prices.json")
        given = min(left[item.price], item.quantity)
        left[item.price] -= given
        lines.append(Line(item, table[item.price], item.quantity - given))
    return Bill(workload, tuple(lines))
