"""Every file of the Power BI project, from the model, the pages and the settings."""

import json
from pathlib import Path
from typing import Any

from infra.settings import load_settings
from toolchain.paths import ROOT
from tools.powerbi import odbc, tmdl
from tools.powerbi.model import Model, identity
from tools.powerbi.pages import HEIGHT, WIDTH, Page, pages
from tools.powerbi.query import DSN, RANGE_END, RANGE_START
from tools.powerbi.tables import relationships, tables
from tools.powerbi.visuals import PAGE_SCHEMA, container

FOLDER = ROOT / "dashboard" / "powerbi"
NAME = "PetroStream"
THEME = f"{NAME}.json"

_FABRIC = "https://developer.microsoft.com/json-schemas/fabric"
_DEFINITION = f"{_FABRIC}/item/report/definition"
_GENERATED = (f"{NAME}.pbip", f"{NAME}.Report", f"{NAME}.SemanticModel", "odbc")
"""What the generator owns in the folder, and clears of what it no longer writes."""


def model() -> Model:
    """The semantic model."""
    return Model((DSN, RANGE_START, RANGE_END), tables(), relationships())


def rendered() -> dict[Path, str]:
    """Every file with its content."""
    whole = model()
    report = {f"{NAME}.Report/{path}": text for path, text in _report(pages(whole)).items()}
    semantic = {f"{NAME}.SemanticModel/{path}": text for path, text in _semantic_model(whole).items()}
    settings = load_settings()
    found = (
        {f"{NAME}.pbip": _json(_project())} | report | semantic | odbc.files(settings, DSN.value.strip('"'))
    )
    return {FOLDER / path: text for path, text in found.items()}


def owned() -> list[Path]:
    """Every file there is that the generator may have written; Power BI's own caches are left alone."""
    found = []
    for name in _GENERATED:
        path = FOLDER / name
        found += [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return [path for path in found if ".pbi" not in path.parts]


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _project() -> dict[str, Any]:
    return {
        "$schema": f"{_FABRIC}/pbip/pbipProperties/1.0.0/schema.json",
        "version": "1.0",
        "artifacts": [{"report": {"path": f"{NAME}.Report"}}],
        "settings": {"enableAutoRecovery": True},
    }


def _platform(kind: str) -> str:
    return _json(
        {
            "$schema": f"{_FABRIC}/gitIntegration/platformProperties/2.0.0/schema.json",
            "metadata": {"type": kind, "displayName": NAME},
            "config": {"version": "2.0", "logicalId": identity(kind)},
        }
    )


def _semantic_model(whole: Model) -> dict[str, str]:
    definition = {
        "$schema": f"{_FABRIC}/item/semanticModel/definitionProperties/1.0.0/schema.json",
        "version": "4.2",
        "settings": {"qnaEnabled": False},
    }
    return {
        ".platform": _platform("SemanticModel"),
        "definition.pbism": _json(definition),
        **{f"definition/{path}": text for path, text in tmdl.files(whole).items()},
    }


def _report(listed: tuple[Page, ...]) -> dict[str, str]:
    definition = {
        "$schema": f"{_FABRIC}/item/report/definitionProperties/2.0.0/schema.json",
        "version": "4.0",
        "datasetReference": {"byPath": {"path": f"../{NAME}.SemanticModel"}},
    }
    order = {
        "$schema": f"{_DEFINITION}/pagesMetadata/1.1.0/schema.json",
        "pageOrder": [page.name for page in listed],
        "activePageName": listed[0].name,
    }
    version = {"$schema": f"{_DEFINITION}/versionMetadata/1.0.0/schema.json", "version": "2.0.0"}
    files = {
        ".platform": _platform("Report"),
        "definition.pbir": _json(definition),
        "definition/version.json": _json(version),
        "definition/report.json": _json(_settings()),
        "definition/pages/pages.json": _json(order),
        f"StaticResources/RegisteredResources/{THEME}": _json(_theme()),
    }
    for page in listed:
        folder = f"definition/pages/{page.name}"
        files[f"{folder}/page.json"] = _json(_page(page))
        for order_on_page, visual in enumerate(page.visuals):
            content = container(visual, order_on_page * 100)
            files[f"{folder}/visuals/{visual.name}/visual.json"] = _json(content)
    return files


def _settings() -> dict[str, Any]:
    versions = {"visual": "2.9.0", "report": "3.3.0", "page": "2.1.0"}
    theme = {"name": THEME, "reportVersionAtImport": versions, "type": "RegisteredResources"}
    resource = {"name": THEME, "path": THEME, "type": "CustomTheme"}
    return {
        "$schema": f"{_DEFINITION}/report/3.3.0/schema.json",
        "themeCollection": {"customTheme": theme},
        "resourcePackages": [
            {"name": "RegisteredResources", "type": "RegisteredResources", "items": [resource]}
        ],
        "settings": {"useStylableVisualContainerHeader": True, "defaultDrillFilterOtherVisuals": True},
    }


def _page(page: Page) -> dict[str, Any]:
    return {
        "$schema": PAGE_SCHEMA,
        "name": page.name,
        "displayName": page.title,
        "displayOption": "FitToPage",
        "height": HEIGHT,
        "width": WIDTH,
    }


def _theme() -> dict[str, Any]:
    """Quiet colours on light grey, told apart without seeing red and green (Okabe and Ito, 2008)."""
    return {
        "name": NAME,
        "dataColors": [
            "#0072B2", "#D55E00", "#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#666666", "#000000",
        ],
        "background": "#FFFFFF",
        "foreground": "#333333",
        "tableAccent": "#0072B2",
    }  # fmt: skip
