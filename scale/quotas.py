"""AWS's published quotas of three regions, `quotas.json`: each with its page, and whether AWS raises it."""

import json
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

REGIONS = ("us-east-1", "eu-west-1", "sa-east-1")


@dataclass(frozen=True, slots=True)
class Quota:
    """One quota of a region.

    Attributes:
        name: its name in the file.
        value: the default of a new account.
        unit: what is counted.
        adjustable: whether AWS raises it on request.
        source: address of the page that says so.
    """

    name: str
    value: int
    unit: str
    adjustable: bool
    source: str


@cache
def quotas(region: str) -> Mapping[str, Quota]:
    """All quotas of a region, by name.

    Raises:
        KeyError: the region is not in the file.
    """
    content = _content()
    entries = {**content["everywhere"], **content["regions"][region]}
    return {
        name: Quota(name, one["value"], one["unit"], one["adjustable"], content["sources"][one["source"]])
        for name, one in entries.items()
    }


def as_of() -> str:
    """Month in which the pages were read, `YYYY-MM`."""
    return str(_content()["as_of"])


@cache
def _content() -> dict[str, Any]:
    data = pkgutil.get_data("scale", "quotas.json")
    assert data is not None
    content: dict[str, Any] = json.loads(data)
    return content
