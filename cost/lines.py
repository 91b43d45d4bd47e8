"""A line of the bill before it has a price."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Group = Literal["Lambda path", "Jobs", "Watching it", "Asking it", "Services"]

PATH: Group = "Lambda path"
JOBS: Group = "Jobs"
WATCHING: Group = "Watching it"
ASKING: Group = "Asking it"
SERVICES: Group = "Services"


@dataclass(frozen=True, slots=True)
class LineItem:
    """Quantity of something used in a month.

    Attributes:
        group: part of the bill.
        service: AWS service.
        what: description for people.
        price: key of its price.
        quantity: units a month.
        fixed: whether it is charged even if no well sends.
        stored: whether it is data that remains when buckets are kept.
    """

    group: Group
    service: str
    what: str
    price: str
    quantity: Fraction
    fixed: bool = False
    stored: bool = False
