"""The visuals of a report page, in PBIR: Power BI's enhanced report format."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SCHEMAS = "https://developer.microsoft.com/json-schemas/fabric/item/report/definition"
VISUAL_SCHEMA = f"{_SCHEMAS}/visualContainer/2.9.0/schema.json"
PAGE_SCHEMA = f"{_SCHEMAS}/page/2.1.0/schema.json"

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reference:
    """A column or measure a visual shows."""

    table: str
    name: str
    is_measure: bool


@dataclass(frozen=True, slots=True)
class Box:
    """Where a visual stands on its page, in pixels from the upper left corner."""

    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Visual:
    """A visual.

    Attributes:
        name: unique on its page.
        kind: Power BI's name of the visual.
        title: shown above it, and read out.
        fields: what it shows, by role.
        box: where it stands.
        sort: what orders its rows, descending; None for the visual's own order.
        objects: properties of the visual, by object.
        group: slicers of one group agree on every page.
    """

    name: str
    kind: str
    title: str
    fields: Mapping[str, Sequence[Reference]]
    box: Box
    sort: Reference | None = None
    objects: Mapping[str, Mapping[str, Json]] | None = None
    group: str | None = None


def text(value: str) -> Json:
    """A text as the value of a property."""
    return {"expr": {"Literal": {"Value": "'" + value.replace("'", "''") + "'"}}}


def truth(value: bool) -> Json:
    """A truth value as the value of a property."""
    return {"expr": {"Literal": {"Value": str(value).lower()}}}


def _field(reference: Reference) -> Json:
    kind = "Measure" if reference.is_measure else "Column"
    return {kind: {"Expression": {"SourceRef": {"Entity": reference.table}}, "Property": reference.name}}


def _projection(reference: Reference) -> Json:
    return {
        "field": _field(reference),
        "queryRef": f"{reference.table}.{reference.name}",
        "nativeQueryRef": reference.name,
    }


def container(visual: Visual, order: int) -> Json:
    """The content of a visual's file.

    Args:
        visual: the visual.
        order: its place among those of the page, for the tab key and for what lies on top.
    """
    query: Json = {
        "queryState": {
            role: {"projections": [_projection(reference) for reference in references]}
            for role, references in visual.fields.items()
        }
    }
    if visual.sort is not None:
        query["sortDefinition"] = {"sort": [{"field": _field(visual.sort), "direction": "Descending"}]}
    shown: Json = {
        "visualType": visual.kind,
        "query": query,
        "visualContainerObjects": {
            "title": [{"properties": {"show": truth(True), "text": text(visual.title)}}],
            "general": [{"properties": {"altText": text(visual.title)}}],
        },
        "drillFilterOtherVisuals": True,
    }
    if visual.objects is not None:
        shown["objects"] = {
            name: [{"properties": dict(properties)}] for name, properties in visual.objects.items()
        }
    if visual.group is not None:
        shown["syncGroup"] = {"groupName": visual.group, "fieldChanges": True, "filterChanges": True}
    box = visual.box
    return {
        "$schema": VISUAL_SCHEMA,
        "name": visual.name,
        "position": {
            "x": box.x, "y": box.y, "z": order, "height": box.height, "width": box.width, "tabOrder": order
        },
        "visual": shown,
    }  # fmt: skip
