"""A bill as a table for people and as JSON for scripts."""

from decimal import Decimal
from fractions import Fraction
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cost.bill import PATH_LIMIT, TOTAL_LIMIT, Bill, Line
from cost.lines import SERVICES


def dollars(amount: Fraction, places: int = 2) -> str:
    """The amount rounded half up, without binary floating point."""
    scaled = (amount * 10**places * 2 + 1) // 2
    return f"{Decimal(int(scaled)).scaleb(-places):.{places}f}"


def table(bill: Bill) -> Table:
    """The lines that cost a cent or more, with sums by part."""
    view = Table(title=title(bill), title_justify="left", show_footer=True, box=SIMPLE_HEAD)
    view.add_column("Service", footer="Total")
    view.add_column("What")
    view.add_column("A month", justify="right")
    view.add_column("$", justify="right", footer=dollars(bill.total))
    groups = list(dict.fromkeys(line.item.group for line in bill.lines))
    for group in groups:
        lines = [line for line in bill.lines if line.item.group == group]
        total = sum((line.usd for line in lines), Fraction(0))
        view.add_section()
        view.add_row(f"[bold]{group}[/bold]", "", "", f"[bold]{dollars(total)}[/bold]")
        small = Fraction(0)
        for line in lines:
            if line.usd >= Fraction(1, 100):
                view.add_row(*_cells(line))
            else:
                small += line.usd
        if small:
            view.add_row("", "lines under a cent", "", dollars(small))
    return view


def _cells(line: Line) -> tuple[str, ...]:
    units = f"{float(line.billed):,.0f}" if line.billed >= 100 else f"{float(line.billed):,.2f}"
    return line.item.service, line.item.what, f"{units} {line.price.unit}", dollars(line.usd)


def title(bill: Bill) -> str:
    """The load the bill is for, in one line."""
    work = bill.workload
    return (
        f"{work.wells} wells at {float(work.hz):g} Hz, {float(work.hours):g} h a day, "
        f"{len(work.wells_by_facility())} facilities, month {work.months}"
    )


def verdict(bill: Bill) -> list[str]:
    """The bill compared with its limits, and its largest parts."""
    containers = any(line.item.group == SERVICES for line in bill.lines)
    lines = [
        _against("Lambda path", bill.path, PATH_LIMIT),
        _against(
            "Everything" if containers else "Total",
            bill.total,
            TOTAL_LIMIT,
        ),
        f"After ./project_down.sh aws: ${dollars(bill.after_down().total)} a month",
    ]
    shares = [(name, usd) for name, usd in bill.by_service().items() if usd][:3]
    if shares:
        parts = ", ".join(f"{name} {round(100 * usd / bill.total)} %" for name, usd in shares)
        lines.append(f"Largest: {parts}")
    return lines


def _against(what: str, amount: Fraction, limit: Fraction) -> str:
    word = "within" if amount < limit else "[red]over[/red]"
    return f"{what}: ${dollars(amount)} a month, {word} the ${dollars(limit, 0)} set for 10 wells at 1 Hz"


def as_json(bill: Bill, advice: str) -> dict[str, Any]:
    """The bill with amounts as decimal text with six decimals; includes lines that cost nothing."""
    work = bill.workload
    return {
        "workload": {
            "wells": work.wells,
            "hz": float(work.hz),
            "hours_per_day": float(work.hours),
            "wells_by_facility": list(work.wells_by_facility()),
            "block_seconds": float(work.block_seconds),
            "month": work.months,
            "queries_per_day": work.queries_per_day,
            "fargate": work.fargate,
            "customer_key": work.customer_key,
        },
        "lines": [_json_line(line) for line in bill.lines],
        "total_usd": dollars(bill.total, 6),
        "lambda_path_usd": dollars(bill.path, 6),
        "after_down_usd": dollars(bill.after_down().total, 6),
        "after_down_with_data_usd": dollars(bill.after_down(keep_data=True).total, 6),
        "limits": {
            "lambda_path_usd": dollars(PATH_LIMIT),
            "lambda_path_met": bill.path < PATH_LIMIT,
            "total_usd": dollars(TOTAL_LIMIT),
            "total_met": bill.total < TOTAL_LIMIT,
        },
        "advice": advice,
    }


def _json_line(line: Line) -> dict[str, Any]:
    return {
        "group": line.item.group,
        "service": line.item.service,
        "what": line.item.what,
        "units": dollars(line.billed, 6),
        "unit": line.price.unit,
        "price": line.price.key,
        "price_as_of": line.price.as_of,
        "usd": dollars(line.usd, 6),
        "fixed": line.item.fixed,
    }
