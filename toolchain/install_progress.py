"""Shows how far an installation is: `pip install … | python toolchain/install_progress.py`.

On a terminal one line follows what pip is at; elsewhere there is a line every `EVERY` packages. Imports the
standard library only: nothing else is installed yet.
"""

import re
import sys
import time
from collections.abc import Callable, Iterable
from typing import TextIO

EVERY = 20
_COLLECTING = re.compile(r"Collecting ([\w.-]+)")
_INSTALLING = "Installing collected packages"


def show(lines: Iterable[str], target: TextIO, seconds: Callable[[], float] = time.monotonic) -> None:
    """Print progress for pip's output until it ends.

    Args:
        lines: what pip prints.
        target: where to print.
        seconds: monotonic clock.
    """
    began, found, live = seconds(), 0, target.isatty()
    for line in lines:
        package = _COLLECTING.match(line)
        installing = line.startswith(_INSTALLING)
        if package:
            found += 1
            text = f"  {found} packages found, {seconds() - began:.0f} s"
        elif installing:
            text = f"  installing {found} packages, {seconds() - began:.0f} s"
        else:
            continue
        if live:
            name = package[1] if package else ""
            target.write(f"\r{f'{text}: {name}'[:78]:<78}" if name else f"\r{text:<78}")
        elif installing or found % EVERY == 0:
            target.write(f"{text}\n")
        target.flush()
    target.write("\n" if live and found else "")


if __name__ == "__main__":
    show(sys.stdin, sys.stdout)
