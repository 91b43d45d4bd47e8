"""Whether a schema can follow a released one: what writers and readers of both releases need of each other.

Producers, consumers, files in the lake and queries are never all of one release. `breaks` compares two schema
files and names every field whose change one of them could not live with;
docs/reference/schema-evolution.md has the rules and why.
"""

from collections.abc import Mapping
from typing import Any

Raw = Mapping[str, Any]
"""A schema file as it is read."""

_OF_TABLE = ("zone", "prefix", "format")
_OF_FIELD = {
    "type": "files already in the lake and older readers have the old type",
    "unit": "a number would mean two things",
    "quantity": "a number would mean two things",
    "three_w": "the dataset's name of it does not change",
}


def breaks(released: Mapping[str, Raw], current: Mapping[str, Raw]) -> list[str]:
    """What in the current schemas an older or newer neighbour could not live with.

    Args:
        released: schemas of a release by name.
        current: schemas as they are, by name.

    Returns:
        A sentence for each, with schema and field; none if all is well.
    """
    found = []
    for name, before in sorted(released.items()):
        after = current.get(name)
        if after is None:
            found.append(f"{name}: the schema is gone; keep it, records and files of it exist")
        else:
            found += _schema(name, before, after)
    return found


def _schema(name: str, before: Raw, after: Raw) -> list[str]:
    found = [
        f"{name}: {key} was {before[key]!r} and is {after.get(key)!r}; files already lie under the old one"
        for key in _OF_TABLE
        if key in before and after.get(key) != before[key]
    ]
    if before.get("partitions", []) != after.get("partitions", []):
        found.append(f"{name}: its partitions changed; make a new table instead")
    old, new = _fields(before), _fields(after)
    for field, was in old.items():
        found += _field(f"{name}.{field}", was, new.get(field))
    # A stream's record has required fields; a table's columns are null where a file lacks them.
    found += [
        f"{name}.{field}: new and required, so records of older writers would be rejected; make it optional"
        for field, now in new.items()
        if field not in old and now.get("required")
    ]
    if name == "sensors" and list(new)[: len(old)] != list(old):
        found.append(f"{name}: they changed places; states keep them by number, so add new ones at the end")
    return found


def _field(name: str, was: Raw, now: Raw | None) -> list[str]:
    if now is None:
        return [f"{name}: gone; keep it and leave it empty, queries and older readers name it"]
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
