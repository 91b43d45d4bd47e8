"""Checks whether schemas are compatible with released ones, for readers and writers of either release.

Producers, consumers, files in the lake and queries are never all of one release. `breaks` compares the schema
files of two releases and names every field whose change would break one of them;
docs/reference/schema-evolution.md has the rules and why.
"""

from collections.abc import Mapping
from typing import Any

Raw = Mapping[str, Any]
"""A parsed schema file."""

_OF_TABLE = ("zone", "prefix", "format")
_OF_FIELD = {
    "type": "existing files and older readers have the old type",
    "unit": "the same number would have two meanings",
    "quantity": "the same number would have two meanings",
    "three_w": "the dataset's name for it is fixed",
}


def breaks(released: Mapping[str, Raw], current: Mapping[str, Raw]) -> list[str]:
    """List the changes that would break a reader or writer of the other release.

    Args:
        released: schemas of a release, by name.
        current: current schemas, by name.

    Returns:
        One message per change, naming schema and field; empty if the schemas are compatible.
    """
    found = []
    for name, before in sorted(released.items()):
        after = current.get(name)
        if after is None:
            found.append(f"{name}: the schema is missing; keep it, records and files with it exist")
        else:
            found += _schema(name, before, after)
    return found


def _schema(name: str, before: Raw, after: Raw) -> list[str]:
    found = [
        f"{name}: {key} was {before[key]!r} and is {after.get(key)!r}; existing files cannot move"
        for key in _OF_TABLE
        if key in before and after.get(key) != before[key]
    ]
    if before.get("partitions", []) != after.get("partitions", []):
        found.append(f"{name}: its partitions changed; create a new table instead")
    old, new = _fields(before), _fields(after)
    for field, was in old.items():
        found += _field(f"{name}.{field}", was, new.get(field))
    # Only readings on the stream have required fields; a table's column is null where a file lacks it.
    found += [
        f"{name}.{field}: new and required, so records of older writers would be rejected; make it optional"
        for field, now in new.items()
        if field not in old and now.get("required")
    ]
    if name == "sensors" and list(new)[: len(old)] != list(old):
        found.append(
            f"{name}: their order changed; states store sensors by index, so add new ones at the end"
        )
    return found


def _field(name: str, was: Raw, now: Raw | None) -> list[str]:
    if now is None:
        return [f"{name}: missing; keep it and leave it empty, queries and older readers name it"]
    found = [
        f"{name}: {key} was {was.get(key)!r} and is {now.get(key)!r}; {why}; add a new field instead"
        for key, why in _OF_FIELD.items()
        if was.get(key) != now.get(key)
    ]
    if bool(was.get("required")) != bool(now.get("required")):
        victim = (
            "older readers reject records without it" if was.get("required") else "older writers leave it out"
        )
        found.append(f"{name}: required was {was.get('required')} and is {now.get('required')}; {victim}")
    return found


def _fields(schema: Raw) -> dict[str, Raw]:
    return {str(entry.get("name") or f"include {entry['include']}"): entry for entry in schema["fields"]}
