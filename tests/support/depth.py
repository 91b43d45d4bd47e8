"""How deep a run of the tests goes: EXPLORE, which `make test-deep` sets, leaves nothing out."""

import os

DEEP = bool(os.environ.get("EXPLORE"))
