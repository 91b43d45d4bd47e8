"""The model registry: versions of models in a bucket or folder, the live one among them.

Trained files go in whole and come out checked. It must not know how a model is trained or evaluated, nor
what a manifest says beyond its files.
"""

from ml.registry.stores import (
    FolderRegistry,
    Registry,
    RegistryError,
    S3Registry,
    open_registry,
    write_whole,
)
from ml.registry.versions import (
    Version,
    check_version,
    current_version,
    publish,
    read_live,
    rollback,
    versions,
)

__all__ = [
    "FolderRegistry", "Registry", "RegistryError", "S3Registry", "Version",
    "check_version", "current_version", "open_registry", "publish", "read_live", "rollback", "versions",
    "write_whole",
]  # fmt: skip
