"""How deep a run of the tests goes: EXPLORE, which `make test-deep` sets, leaves nothing out."""

import os

DEEP = bool(os.environ.get("EXPLORE"))


def examples(deep: int) -> int:
    """How many examples of a property a run draws: two fifths of those of a deep run."""
    return deep if DEEP else -(-deep * 2 // 5)
