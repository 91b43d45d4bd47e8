"""The CDK's assembly on disk, and the inputs it was made from: the same inputs need no second synthesis.

An assembly may hold nothing but the templates of its inputs, so one is reused only if its record names those
very inputs and its files are as the synthesis left them.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from toolchain import sources
from toolchain.package import Target, folder_of

_RECORD = "petrostream-inputs.json"
# All that the app imports and reads, and what starts it.
_SOURCES = ("infra", "petrostream", "sql", "toolchain", "deploy")
_SKIPPED = ("node_modules", "cdk.out", "terraform", "__pycache__")
_LIBRARIES = ("aws-cdk-lib", "cdk-nag", "constructs", "jsii", "pydantic")
_OF_THE_USER = Path(".cdk.json")
"""Context and options for every app of a user, in the home folder."""


def inputs(command: Sequence[str], environment: Mapping[str, str], target: Target) -> str:
    """Digest of everything that a synthesis depends on.

    Args:
        command: its command, with the context.
        environment: its environment, of which account, region and the CDK's own variables count.
        target: whose packages the functions get.
    """
    whole = hashlib.sha256(sources.digest(_SOURCES, _SKIPPED).encode())
    own = {key: value for key, value in environment.items() if key.startswith("CDK_")}
    libraries = {name: version(name) for name in _LIBRARIES}
    whole.update(json.dumps([list(command), own, libraries], sort_keys=True).encode())
    for path in (Path.home() / _OF_THE_USER, *sorted(folder_of(target).glob("*.zip"))):
        if path.exists():
            whole.update(f"{path.name}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def is_made_from(assembly: Path, wanted: str) -> bool:
    """Whether the assembly is what a synthesis from these inputs left."""
    try:
        record = json.loads((assembly / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return bool(record == {"inputs": wanted, "content": _content(assembly)})


def forget(assembly: Path) -> None:
    """Forget what the assembly was made from: a synthesis begins."""
    (assembly / _RECORD).unlink(missing_ok=True)


def record(assembly: Path, made_from: str) -> None:
    """Note what the assembly was made from."""
    document = {"inputs": made_from, "content": _content(assembly)}
    (assembly / _RECORD).write_text(json.dumps(document), encoding="utf-8")


def _content(assembly: Path) -> str:
    """Digest of the templates and manifests, and of the names of the assets, which their content names."""
    whole = hashlib.sha256()
    for path in sorted(assembly.iterdir()):
        if path.suffix == ".json" and path.name != _RECORD:
            whole.update(f"{path.name}\n".encode() + hashlib.sha256(path.read_bytes()).digest())
        elif path.name.startswith("asset."):
            whole.update(f"{path.name}\n".encode())
    return whole.hexdigest()
