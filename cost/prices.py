"""The price table `prices.json`: exact prices, each with its date and the page to check it against."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

PRICES_FILE = Path(__file__).parent / "prices.json"

_FIELDS = {"usd", "per", "unit", "as_of", "source"}


class PricesError(ValueError):
    """The price table cannot be used; the message names the file, the entry, and what is wrong."""


@dataclass(frozen=True, slots=True)
class Price:
    """One list price.

    Attributes:
        key: its name in the table, `service.unit`.
        usd: dollars for `per` units.
        per: number of units for `usd`.
        unit: what is counted.
        as_of: month of the price, `YYYY-MM`.
        source: address of the price page.
        free: units a month in AWS's permanent free tier.
    """

    key: str
    usd: Fraction
    per: int
    unit: str
    as_of: str
    source: str
    free: Fraction = Fraction(0)

    def of(self, quantity: Fraction) -> Fraction:
        """Dollars for that many units, unrounded."""
        return quantity * self.usd / self.per


@cache
def load_prices(path: Path = PRICES_FILE) -> Mapping[str, Price]:
    """All prices by key.

    Raises:
        PricesError: the file is missing or not JSON, or an entry is incomplete or not a price.
    """
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["prices"]
        return {key: _price(key, entry) for key, entry in entries.items()}
    except FileNotFoundError as error:
        raise PricesError(f"{path}: no such price table") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise PricesError(f"{path}: not valid JSON ({error})") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise PricesError(f'{path}: expected {{"prices": {{"service.unit": {{...}}}}}}') from error
    except PricesError as error:
        raise PricesError(f"{path}: {error}") from error


def _price(key: str, entry: Mapping[str, Any]) -> Price:
    if missing := sorted(_FIELDS - set(entry)):
        raise PricesError(f"{key}: {missing[0]} is missing; add it")
    usd, free = entry["usd"], entry.get("free", "0")
    for name, text in (("usd", usd), ("free", free)):
        # A JSON number would become binary floating point: 0.1 would no longer be a tenth.
        if not isinstance(text, str) or not re.fullmatch(r"\d+(\.\d+)?", text):
            raise PricesError(f'{key}: {name} = {text!r}, expected a decimal in quotes such as "0.015"')
    if not isinstance(entry["per"], int) or entry["per"] < 1:
        raise PricesError(f"{key}: per = {entry['per']!r}, expected a whole number of at least 1")
    if not re.fullmatch(r"20\d\d-(0[1-9]|1[0-2])", str(entry["as_of"])):
        raise PricesError(f"{key}: as_of = {entry['as_of']!r}, expected YYYY-MM")
    if not str(entry["source"]).startswith("https://"):
        raise PricesError(f"{key}: source = {entry['source']!r}, expected an https address")
    return Price(
        key, Fraction(usd), entry["per"], entry["unit"], entry["as_of"], entry["source"], Fraction(free)
    )
