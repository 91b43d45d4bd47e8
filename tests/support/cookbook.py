"""The queries of docs/guides/athena-cookbook.md, and the figures that stand there."""

import re
from dataclasses import dataclass

from tests.support.paths import ROOT

PAGE = ROOT / "docs" / "guides" / "athena-cookbook.md"


@dataclass(frozen=True)
class Recipe:
    """A query of the page: its number, question and SQL."""

    number: int
    question: str
    sql: str


def recipes() -> list[Recipe]:
    """Every query, in order."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"^## (\d+)\. (.+?)\n.*?^```sql\n(.*?)^```$", text, re.S | re.M)
    return [Recipe(int(number), question, sql) for number, question, sql in found]


def figures() -> dict[int, tuple[str, float, float, float, int]]:
    """What the table says of each query, by number: its words, bytes a reading, MB a day, dollars, days."""
    columns = (r"(\d+)\. (.+?)", r"([\d.]+)", r"([\d.]+) MB", r"\$([\d.]+) \((\d+) days?\)")
    row = re.compile(r"^\| " + r" \| ".join(columns) + r" \|$", re.M)
    return {
        int(number): (words, float(size), float(day), float(cost), int(days))
        for number, words, size, day, cost, days in row.findall(PAGE.read_text(encoding="utf-8"))
    }
