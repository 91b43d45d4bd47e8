"""The panels of the Grafana dashboard, and the SQL that its Athena plugin sends."""

import json
import re
from datetime import datetime
from typing import Any

from tools.grafana import FOLDER


def panels() -> list[dict[str, Any]]:
    """Every panel of the checked-in dashboard, rows included."""
    return json.loads((FOLDER / "petrostream.json").read_text(encoding="utf-8"))["panels"]


def athena_targets() -> dict[str, dict[str, Any]]:
    """The target of each panel that asks Athena, by the panel's title."""
    return {
        panel["title"]: panel["targets"][0]
        for panel in panels()
        if panel.get("datasource", {}).get("type") == "grafana-athena-datasource"
    }


def sent(sql: str, first: datetime, last: datetime) -> str:
    """SQL with the macros expanded, as the plugin's page has it.

    https://grafana.com/docs/plugins/grafana-athena-datasource/latest/query-editor/
    """
    days = f"BETWEEN date '{first:%Y-%m-%d}' AND date '{last:%Y-%m-%d}'"
    times = f"BETWEEN TIMESTAMP '{first:%Y-%m-%d %H:%M:%S}' AND TIMESTAMP '{last:%Y-%m-%d %H:%M:%S}'"
    expanded = re.sub(r"\$__dateFilter\(([^)]+)\)", rf"\1 {days}", sql)
    expanded = re.sub(r"\$__timeFilter\(([^)]+)\)", rf"\1 {times}", expanded)
    assert "$__" not in expanded, f"an unknown macro: {expanded}"
    return expanded
