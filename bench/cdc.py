"""Rows of a historian into a lake of its own, by three writers, while the poller is killed.

`python bench/cdc.py [--rows 100000] [--kills 5] [--json FILE]`. Exits with 1 unless every
row is in `well_data` once.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.support import historian  # noqa: E402
from tests.support.lake import Lake  # noqa: E402
from tests.support.postgres import postgres  # noqa: E402
from toolchain.version_option import add_version  # noqa: E402


def main() -> int:
    """Run it, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000, help="rows to write")
    parser.add_argument("--kills", type=int, default=5, help="times the poller is killed")
    parser.add_argument("--seed", type=int, default=7, help="of the writers' transactions and the kills")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    add_version(parser)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="petrostream-cdc-") as name:
        folder = Path(name)
        with Lake.at(folder / "home").on() as lake, postgres() as server:
            outcome = historian.run(
                server, lake, folder, rows=options.rows, kills=options.kills, seed=options.seed
            )
    print(f"load {os.getloadavg()[0]:.1f}  {outcome.as_json}")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(outcome.as_json + "\n")
    right = outcome.landed == outcome.distinct == outcome.rows == options.rows
    return 0 if right and not outcome.missing and not outcome.foreign else 1


if __name__ == "__main__":
    sys.exit(main())
