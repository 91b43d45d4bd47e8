"""Where the project is."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
"""The project's root: the folder that holds README.md."""

VIEWS = ROOT / "sql" / "views"
