"""How deep a run of the tests goes: EXPLORE, which `make test-deep` sets, leaves nothing out."""

import os

import pytest

DEEP = bool(os.environ.get("EXPLORE"))

deep_only = pytest.mark.skipif(not DEEP, reason="a deeper repetition: make test-deep runs it")
"""Marks what repeats, on another form or further, what another test of `make test` shows."""


def examples(deep: int) -> int:
    """How many examples of a property a run draws: a quarter of those of a deep run."""
    return deep if DEEP else -(-deep // 4)
