"""Downloads the real 3W dataset, release 2.0.0, from figshare.

    python -m ml.download --out data/3w

The dataset is licensed CC BY 4.0; cite R. E. V. Vargas et al., J. Petroleum Science and Engineering 181
(2019) 106223. figshare's public API names the files with size and MD5. An interrupted download
resumes where it stopped; once the dataset is complete, another run makes no request.
"""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import urlsplit

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from ml.data.archive import unpack
from ml.data.dataset import DatasetError, find_instances
from ml.data.fetch import DownloadError, Fetcher
from toolchain import commands
from toolchain.terminal import print_error

API = "https://api.figshare.com/v2"
ARTICLE = 29205836
MARKER = ".downloaded.json"

app = typer.Typer(add_completion=False, rich_markup_mode=None)
console = Console()


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a figshare article."""

    name: str
    url: str
    size: int
    md5: str


def list_files(fetcher: Fetcher, api: str = API, article: int = ARTICLE) -> list[RemoteFile]:
    """Files of a figshare article.

    Raises:
        DownloadError: the API can't be reached, or its response is not understood.
    """
    url = f"{api}/articles/{article}/files"
    listing = fetcher.json(url)
    try:
        files = [_remote(url, entry) for entry in listing if not entry.get("is_link_only")]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DownloadError(
            f"{url} lists its files in an unknown format ({error!r}); update PetroStream"
        ) from error
    if not files:
        raise DownloadError(f"{url} lists no files; the article may have moved, see https://doi.org/10.6084")
    return files


def _remote(url: str, entry: dict[str, Any]) -> RemoteFile:
    md5 = entry["computed_md5"] or entry["supplied_md5"]
    file = RemoteFile(str(entry["name"]), str(entry["download_url"]), int(entry["size"]), str(md5))
    if Path(file.name).name != file.name or file.name.startswith("."):
        raise ValueError(f"file name {file.name!r}")
    if urlsplit(file.url).scheme != urlsplit(url).scheme:
        raise ValueError(f"address {file.url!r}")
    return file


def download(
    folder: Path, *, api: str = API, fetcher: Fetcher | None = None, keep_archive: bool = False
) -> int:
    """Downloads and unpacks the dataset, unless it is already there.

    Args:
        folder: the target folder; created if missing.
        api: address of figshare's API.
        fetcher: HTTP client.
        keep_archive: keep the archives after unpacking.

    Returns:
        How many instances are there.

    Raises:
        DownloadError: it can't be downloaded, checked or unpacked.
        DatasetError: what was unpacked is not a 3W dataset.
        OSError: the folder can't be written.
    """
    marker = folder / MARKER
    if not marker.exists():
        fetcher = fetcher or Fetcher()
        files = list_files(fetcher, api)
        folder.mkdir(parents=True, exist_ok=True)
        _check_room(folder, sum(file.size for file in files))
        for file in files:
            _fetch(fetcher, file, folder / file.name)
        for file in files:
            if file.name.lower().endswith(".zip"):
                _unpack(folder / file.name, folder)
        find_instances(folder)
        marker.write_text(json.dumps({file.name: file.md5 for file in files}), encoding="utf-8")
        for file in files:
            if file.name.lower().endswith(".zip") and not keep_archive:
                (folder / file.name).unlink()
    return len(find_instances(folder))


def _check_room(folder: Path, size: int) -> None:
    there = sum(path.stat().st_size for path in folder.glob("*") if path.is_file())
    free = shutil.disk_usage(folder).free
    # Parquet is compressed already: the archive and its content are about the same size.
    needed = 2 * size - there
    if needed > free:
        raise DownloadError(
            f"{folder}: {free / 1e9:.1f} GB are free, about {needed / 1e9:.1f} GB are needed to unpack; "
            "make room or choose another --out"
        )


def _fetch(fetcher: Fetcher, file: RemoteFile, target: Path) -> None:
    if target.exists() and target.stat().st_size == file.size:
        return
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task(file.name, total=file.size)
        fetcher.file(
            file.url,
            target,
            size=file.size,
            md5=file.md5,
            progress=lambda done: progress.update(task, completed=done),
        )


def _unpack(archive: Path, folder: Path) -> None:
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task(f"Unpacking {archive.name}", total=None)
        unpack(archive, folder, lambda done, total: progress.update(task, completed=done, total=total))


@app.command()
def main(
    out: Annotated[Path, typer.Option(help="Folder for the dataset.")] = Path("data/3w"),
    keep_archive: Annotated[bool, typer.Option(help="Keep the zip file after unpacking.")] = False,
    api: Annotated[str, typer.Option(help="Address of figshare's API.", hidden=True)] = API,
) -> None:
    """Download the real 3W dataset (about 1.7 GB); run again to resume an interrupted download."""
    try:
        count = download(out, api=api, keep_archive=keep_archive)
    except (DownloadError, DatasetError, OSError) as error:
        print_error(str(error))
        raise typer.Exit(1) from error
    console.print(f"{count:,} instances of 3W under {out}", markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    commands.run(app)
