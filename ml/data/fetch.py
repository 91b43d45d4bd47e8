"""Fetches files over HTTP: interrupted downloads resume by range, and every file is checked by digest."""

import hashlib
import json
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from petrostream.backoff import Backoff

CHUNK_BYTES = 1 << 20
TIMEOUT = urllib3.Timeout(connect=10.0, read=60.0)
_GONE = (400, 401, 403, 404, 410)
"""Statuses that a retry does not change."""


class DownloadError(RuntimeError):
    """A download can't be completed; the text names the address and says what to do."""


class Fetcher:
    """An HTTP client with time-outs, bounded jittered retries and the environment's proxy.

    Args:
        backoff: how often to retry, and how long to wait.
    """

    def __init__(self, backoff: Backoff | None = None) -> None:
        self._backoff = backoff or Backoff(limit=8, base=0.5, cap=30.0)
        self._pools: dict[str | None, urllib3.PoolManager] = {}

    def json(self, url: str) -> Any:  # noqa: ANN401  (parsed JSON)
        """The JSON document at an address.

        Raises:
            DownloadError: it can't be fetched, or it is not JSON.
        """
        cause = ""
        for _ in self._backoff.attempts():
            try:
                response = self._pool(url).request("GET", url, timeout=TIMEOUT, retries=False, redirect=True)
            except HTTPError as error:
                cause = _plain(error)
                continue
            if response.status == 200:
                try:
                    return json.loads(response.data)
                except ValueError as error:
                    raise DownloadError(f"{url} did not answer with JSON ({error}); try later") from error
            cause = f"HTTP {response.status}"
            if response.status in _GONE:
                break
        raise DownloadError(f"{url} can't be read ({cause}); check the network, or the proxy, and run again")

    def file(
        self,
        url: str,
        target: Path,
        *,
        size: int,
        md5: str,
        progress: Callable[[int], object] = lambda _: None,
    ) -> None:
        """Downloads a file, resuming from `<target>.part` where an earlier attempt ended.

        Args:
            url: where from.
            target: written only when complete and checked.
            size: its size in bytes.
            md5: its digest, hexadecimal.
            progress: called with the bytes downloaded so far.

        Raises:
            DownloadError: the retries are used up (the partial file is kept for the next run), the server has
                no such file, or the digest differs (the partial file is deleted).
            OSError: the file can't be written.
        """
        part = target.with_name(f"{target.name}.part")
        cause = "nothing was tried"
        for _ in self._backoff.attempts():
            if _length(part) >= size:
                break
            try:
                self._continue(url, part, size, progress)
            except (HTTPError, _TryAgain) as error:
                cause = _plain(error)
        if _length(part) < size:
            raise DownloadError(
                f"{url} broke off at {_length(part):,} of {size:,} bytes ({cause}); run again to resume"
            )
        _check(part, target.name, size, md5)
        part.replace(target)

    def _continue(self, url: str, part: Path, size: int, progress: Callable[[int], object]) -> None:
        """One attempt: appends what the server sends after the end of the partial file."""
        start = _length(part)
        headers = {"Range": f"bytes={start}-"} if start else {}
        response = self._pool(url).request(
            "GET", url, headers=headers, timeout=TIMEOUT, retries=False, redirect=True, preload_content=False
        )
        try:
            if response.status in _GONE:
                raise DownloadError(f"{url} answers HTTP {response.status}: the file no longer exists there")
            if response.status == 206 and not response.headers.get("Content-Range", "").startswith(
                f"bytes {start}-"
            ):
                raise _TryAgain(f"asked from byte {start}, got {response.headers.get('Content-Range')}")
            if response.status not in (200, 206):
                raise _TryAgain(f"HTTP {response.status}")
            # 200 to a ranged request: the server sends everything, so start over.
            at = start if response.status == 206 else 0
            with part.open("ab" if at else "wb") as out:
                # read1 returns what has arrived: bytes before an interruption are kept.
                while chunk := response.read1(CHUNK_BYTES):
                    out.write(chunk)
                    at += len(chunk)
                    progress(at)
                    if at > size:
                        return
        finally:
            response.close()

    def _pool(self, url: str) -> urllib3.PoolManager:
        parts = urlsplit(url)
        proxy = urllib.request.getproxies().get(parts.scheme)
        if parts.hostname and urllib.request.proxy_bypass(parts.hostname):
            proxy = None
        if proxy not in self._pools:
            self._pools[proxy] = urllib3.ProxyManager(proxy) if proxy else urllib3.PoolManager()
        return self._pools[proxy]


class _TryAgain(Exception):  # noqa: N818  (control flow inside this module)
    """A response that a retry may improve."""


def _plain(error: Exception) -> str:
    """The cause without urllib3's wrapping."""
    reason = getattr(error, "reason", None)
    return f"{type(error).__name__}: {reason or error}"


def _check(part: Path, name: str, size: int, md5: str) -> None:
    there, found = _length(part), _md5(part)
    if there != size or found != md5.lower():
        part.unlink()
        raise DownloadError(
            f"{name}: {there:,} bytes with MD5 {found}, expected {size:,} with {md5}; "
            "it was damaged in transit and has been deleted; run again"
        )


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
