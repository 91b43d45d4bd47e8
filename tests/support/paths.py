"""Where the tests find the project, and real 3W instances if the machine has them."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

REAL_3W = Path(os.environ.get("PETROSTREAM_3W", ROOT.parent / "shared" / "3w"))
"""Folder of real 3W instances; tests that need it skip, with the reason, where it is absent."""

POWERBI_SCHEMAS = Path(
    os.environ.get("PETROSTREAM_POWERBI_SCHEMAS", ROOT.parent / "shared" / "powerbi-schemas")
)
"""Folder of Microsoft's JSON schemas (their repository json-schemas); tests skip where it is absent."""
