"""What a line of the bill is before it has a price."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

Group = Literal["Lambda path", "Watching it", "Asking it", "Services"]

PATH: Group = "Lambda path"
WATCHING: Group = "Watching it"
ASKING: Group = "Asking it"
SERVICES: Group = "Services"


@dataclass(frozen=True, slots=True)
class Item:
    """How much of something a month takes.

    Attributes:
        group: part of the bill.
        service: AWS service.
        what: for people.
        price: key of its price.
        quantity: units a month.
        fixed: whether it is charged though no well sends.
        stored: whether it is data that stay where buckets are kept.
    """

    group: Group
    service: str
    what: str
    price: str
    quantity: Fraction
    fixed: bool = False
    stored: bool = False
