"""What the benches do with their figures."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


def save(figures: Mapping[str, Any], path: Path | None) -> None:
    """Write figures as JSON to the file that `--json` names, if it names one; makes its folder."""
    if path is None:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
