"""The named queries of the work group, from `sql/queries`: a file each, described by its leading comment."""

from dataclasses import dataclass
from pathlib import Path

QUERIES = Path(__file__).resolve().parents[1] / "sql" / "queries"

MAX_DESCRIPTION = 1024
"""Characters Athena keeps of a description (API reference, CreateNamedQuery)."""


@dataclass(frozen=True, slots=True)
class NamedQuery:
    """A query an analyst finds in the work group."""

    name: str
    description: str
    sql: str


def named_queries(folder: Path = QUERIES) -> list[NamedQuery]:
    """The queries of a folder, by name."""
    return [_read(path) for path in sorted(folder.glob("*.sql"))]


def _read(path: Path) -> NamedQuery:
    sql = path.read_text(encoding="utf-8")
    return NamedQuery(name=path.stem, description=description(sql), sql=sql)


def description(sql: str) -> str:
    """The `--` comment lines a query begins with, as one line."""
    lines: list[str] = []
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        lines.append(line.removeprefix("--"))
    return " ".join(" ".join(lines).split())[:MAX_DESCRIPTION]
