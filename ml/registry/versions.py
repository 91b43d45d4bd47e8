"""Versions of models in a registry, and the pointer to the live one.

    models/<version>/manifest.json      what the version holds, with the SHA-256 of every file
    models/<version>/shared/model.onnx  served: the forest of all wells
    models/current.json                 {"version": "..."}: the live version

Publishing writes the files, then the manifest, then the pointer, so that a reader never sees an incomplete
version; an interrupted publication can be repeated. A published version never changes.
Rolling back writes the pointer.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from ml.registry.stores import Registry, RegistryError
from petrostream.aws.model_registry import MANIFEST, POINTER, PREFIX

_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Version:
    """A version in the registry."""

    version: str
    created_at: str
    wells: int
    fleet: bool
    live: bool


def check_version(version: str) -> str:
    """The version's name, if it can be a folder name and a key.

    Raises:
        RegistryError: it can't.
    """
    if not _VERSION.fullmatch(version):
        raise RegistryError(
            f"version {version!r} must be up to 64 letters, digits, '.', '_' or '-', and begin with a letter "
            "or digit"
        )
    return version


def publish(folder: Path, registry: Registry) -> str:
    """Publishes a trained version and makes it the live one.

    Args:
        folder: a version's folder (with a manifest), or a models folder: then its newest version.
        registry: where to.

    Returns:
        The version.

    Raises:
        RegistryError: the folder holds no complete version, or the registry has other content for it.
    """
    source = _version_folder(folder)
    raw = (source / MANIFEST).read_bytes()
    manifest = _manifest(str(source / MANIFEST), raw)
    version = check_version(str(manifest.get("version")))
    files = {path: _read(source, path, digest) for path, digest in _files(manifest)}
    there = registry.get(f"{PREFIX}/{version}/{MANIFEST}")
    if there is not None and there != raw:
        raise RegistryError(f"version {version} is published with other content; train under another name")
    if there is None:
        for path, content in files.items():
            registry.put(f"{PREFIX}/{version}/{path}", content)
        report = source / "report.md"
        if report.is_file():
            registry.put(f"{PREFIX}/{version}/report.md", report.read_bytes())
        registry.put(f"{PREFIX}/{version}/{MANIFEST}", raw)
    _point(registry, version)
    return version


def current_version(registry: Registry) -> str | None:
    """The live version, None before the first publication.

    Raises:
        RegistryError: the pointer can't be read.
    """
    raw = registry.get(f"{PREFIX}/{POINTER}")
    if raw is None:
        return None
    try:
        return str(orjson.loads(raw)["version"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise RegistryError(
            f"{PREFIX}/{POINTER} can't be read ({error}); publish or roll back again"
        ) from error


def versions(registry: Registry) -> list[Version]:
    """All complete versions, oldest first.

    Raises:
        RegistryError: a manifest or the pointer can't be read.
    """
    live = current_version(registry)
    found = []
    for key in registry.manifests():
        raw = registry.get(key)
        if raw is None:
            continue  # An interrupted publication: its manifest was never written.
        manifest = _manifest(key, raw)
        name = str(manifest.get("version"))
        found.append(
            Version(
                version=name,
                created_at=str(manifest.get("created_at")),
                wells=len(manifest.get("wells", {})),
                fleet=manifest.get("fleet") is not None,
                live=name == live,
            )
        )
    return sorted(found, key=lambda one: (one.created_at, one.version))


def rollback(registry: Registry, version: str | None = None) -> str:
    """Makes an earlier version the live one, after checking that it is complete.

    Args:
        registry: where.
        version: the version; by default the one before the live one.

    Returns:
        The version that is now live.

    Raises:
        RegistryError: there is no such version, none before, or it is damaged.
    """
    known = [one.version for one in versions(registry)]
    if version is None:
        live = current_version(registry)
        if live not in known or known.index(live) == 0:
            raise RegistryError(f"there is no version before {live}; known: {', '.join(known) or 'none'}")
        version = known[known.index(live) - 1]
    if version not in known:
        raise RegistryError(f"there is no version {version}; known: {', '.join(known) or 'none'}")
    _whole(registry, version)
    _point(registry, version)
    return version


def read_live(registry: Registry) -> tuple[dict[str, Any], dict[str, bytes]] | None:
    """Manifest of the live version and the content of its files by path; None before the first publication.

    Raises:
        RegistryError: the pointer or the version can't be read, or the version is damaged.
    """
    version = current_version(registry)
    return None if version is None else _whole(registry, version)


def _whole(registry: Registry, version: str) -> tuple[dict[str, Any], dict[str, bytes]]:
    """A version's manifest and files, checked by their digests."""
    key = f"{PREFIX}/{version}/{MANIFEST}"
    manifest, files = _manifest(key, registry.get(key) or b""), {}
    for path, digest in _files(manifest):
        content = registry.get(f"{PREFIX}/{version}/{path}")
        if content is None or hashlib.sha256(content).hexdigest() != digest:
            raise RegistryError(f"version {version} is damaged: {path} is missing or altered; choose another")
        files[path] = content
    return manifest, files


def _point(registry: Registry, version: str) -> None:
    registry.put(f"{PREFIX}/{POINTER}", orjson.dumps({"version": version}))


def _version_folder(folder: Path) -> Path:
    if folder.is_file():
        raise RegistryError(f"{folder} is a file; name the folder that training wrote")
    if (folder / MANIFEST).is_file():
        return folder
    try:
        version = check_version(str(orjson.loads((folder / POINTER).read_bytes())["version"]))
    except FileNotFoundError:
        raise RegistryError(f"{folder} holds neither {MANIFEST} nor {POINTER}; train first") from None
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise RegistryError(f"{folder / POINTER} can't be read ({error}); train again") from error
    if not (folder / version / MANIFEST).is_file():
        raise RegistryError(f"{folder / version} has no {MANIFEST}; train again")
    return folder / version


def _manifest(where: str, raw: bytes) -> dict[str, Any]:
    try:
        manifest = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise RegistryError(f"{where} is not JSON ({error}); train and publish again") from error
    if not isinstance(manifest, dict) or manifest.get("format") != 1:
        raise RegistryError(f"{where} is not a manifest of format 1; train and publish again")
    return manifest


def _files(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    """Path and SHA-256 of every file of a version."""
    entries = [*manifest.get("wells", {}).values(), *([manifest["fleet"]] if manifest.get("fleet") else [])]
    every = [(str(e[kind]["path"]), str(e[kind]["sha256"])) for e in entries for kind in ("onnx", "joblib")]
    # Wells share a forest: each of its files is listed once.
    listed = list(dict.fromkeys(every))
    for path, _ in listed:
        if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
            raise RegistryError(
                f"manifest of {manifest.get('version')}: path {path!r} points outside the version"
            )
    return listed


def _read(source: Path, path: str, digest: str) -> bytes:
    try:
        content = (source / path).read_bytes()
    except FileNotFoundError:
        raise RegistryError(f"{source / path} is missing; train again") from None
    if hashlib.sha256(content).hexdigest() != digest:
        raise RegistryError(f"{source / path} is not what the manifest lists (SHA-256 differs); train again")
    return content
