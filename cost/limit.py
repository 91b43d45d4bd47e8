"""The default of the monthly budget: the computed bill, with room for what a month may differ.

`python -m cost.limit` prints it, for a deployment by hand.
"""

import sys
from fractions import Fraction
from math import ceil

from cost.bill import bill
from cost.workload import Workload, block_seconds
from infra.settings import Settings, load_settings

ROOM = Fraction(2, 5)
"""What is added to the bill. An ordinary month stays below; one that costs half as much again does not."""


def monthly_limit(settings: Settings) -> int:
    """Whole dollars of the monthly budget where the settings leave it open: ten wells at 1 Hz, with room."""
    workload = Workload(block_seconds=block_seconds(settings), customer_key=settings.encryption == "kms")
    return ceil(bill(workload, settings).total * (1 + ROOM))


def main() -> None:
    """Print the limit of the present settings."""
    sys.stdout.write(f"{monthly_limit(load_settings())}\n")


if __name__ == "__main__":
    main()
