"""A program that stands for docker, podman, finch or buildah: it notes how it was called."""

import json
import sys
from pathlib import Path

_PROGRAM = """#!{python}
import json, sys
words = sys.argv[1:]
given = sys.stdin.read() if "--password-stdin" in words else None
with open({log!r}, "a") as log:
    log.write(json.dumps([{kind!r}, words, given]) + "\\n")
if words and words[0] in {failing!r}:
    print("no space left", file=sys.stderr)
    sys.exit(1)
"""


class FakeBuilders:
    """A folder with builders in it, to be the path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"

    def add(self, kind: str, failing: tuple[str, ...] = ()) -> None:
        """Install a builder, of which some subcommands fail."""
        path = self.folder / kind
        path.write_text(_PROGRAM.format(python=sys.executable, log=str(self.log), kind=kind, failing=failing))
        path.chmod(0o755)

    def calls(self) -> list[tuple[str, list[str], str | None]]:
        """Builder, arguments and standard input of each call."""
        if not self.log.exists():
            return []
        return [tuple(json.loads(line)) for line in self.log.read_text().splitlines()]
