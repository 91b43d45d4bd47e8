"""Write the Power BI project: `python -m tools.powerbi`, or `make powerbi`."""

import sys

from toolchain import commands
from toolchain.paths import ROOT
from tools.powerbi.project import FOLDER, owned, rendered


def main() -> None:
    """Write every file, and remove those of earlier models."""
    files = rendered()
    for path in owned():
        if path not in files:
            path.unlink()
            sys.stdout.write(f"removed {path.relative_to(ROOT)}\n")
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
    sys.stdout.write(f"wrote {len(files)} files to {FOLDER.relative_to(ROOT)}\n")


if __name__ == "__main__":
    commands.run(main)
