"""What a start after a crash has restored, in words."""

from collections.abc import Mapping
from typing import Any


def restored(health: Mapping[str, Any] | None) -> str:
    """What the running emulator restored after a crash, for people; "" after a proper stop.

    Args:
        health: what the emulator says about itself.
    """
    found = (health or {}).get("recovered") or {}
    if found.get("damaged"):
        return (
            f"The journal was damaged, and is set aside as {found['damaged']}. Stream and live table are as "
            "of the last proper stop: what was sent since, and was not scored yet, is missing in well_data. "
            "The raw bucket has it."
        )
    if not found or found["clean"]:
        return ""
    return (
        f"The emulator had been killed. Restored from its journal: {found['records']:,} stream records, "
        f"{found['waiting']:,} of them still to be scored, and {found['items']:,} items of the tables."
    )
