"""Writes trained models as the files of one registry version."""

import hashlib
import io
from datetime import datetime
from pathlib import Path
from typing import Any

import joblib
import orjson

from ml.registry import check_version, write_whole
from ml.training.forest import Fitted
from ml.training.models import Training
from ml.training.report import markdown
from petrostream.aws.model_registry import FORMAT, MANIFEST, POINTER
from petrostream.gauges import WINDOWS_S


def write_version(folder: Path, version: str, training: Training, *, created_at: datetime) -> dict[str, Any]:
    """Writes one version below `folder` and points `folder/current.json` at it.

    Args:
        folder: the models folder.
        version: name of the version, and of its folder.
        training: what was trained.
        created_at: UTC time to record.

    Returns:
        The manifest.

    Raises:
        RegistryError: the version's name can't be a folder name.
        OSError: the folder can't be written.
    """
    check_version(version)
    target = folder / version
    shared, files = forest_files("shared", training.forest)
    fleet, more = forest_files("fleet", training.fleet_forest)
    for path, content in {**files, **more}.items():
        write_whole(target / path, content)
    manifest: dict[str, Any] = {
        "format": FORMAT,
        "version": version,
        "created_at": created_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "features": {"windows_s": list(WINDOWS_S), "statistics": ["mean", "std", "change", "diff"]},
        "wells": {well: {**entry, **shared} for well, entry in training.wells.items()},
        "fleet": {**training.fleet, **fleet} if training.fleet else None,
        "refused": training.refused,
        "skipped": training.skipped,
    }
    write_whole(target / "report.md", markdown(manifest).encode())
    # The manifest is written after what it lists, and the pointer after the manifest.
    write_whole(target / MANIFEST, orjson.dumps(manifest, option=orjson.OPT_INDENT_2))
    write_whole(folder / POINTER, orjson.dumps({"version": version}))
    return manifest


def forest_files(name: str, forest: Fitted | None) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A forest as files.

    Args:
        name: the folder they go into.
        forest: the forest.

    Returns:
        Fields of every manifest entry that uses it (path, digest and size of each file), and the files by
        path.
    """
    if forest is None:
        return {}, {}
    pickled = io.BytesIO()
    joblib.dump(forest.forest, pickled, compress=3)
    listed, files = {}, {}
    for kind, content in (("onnx", forest.onnx), ("joblib", pickled.getvalue())):
        path = f"{name}/model.{kind}"
        files[path] = content
        digest = hashlib.sha256(content).hexdigest()
        listed[kind] = {"path": path, "sha256": digest, "bytes": len(content)}
    return listed, files
