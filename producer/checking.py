"""Checks the files of a replay before anything is sent."""

from collections.abc import Sequence

from rich.console import Console

from ml.data.dataset import DatasetError, InstanceFile, check_instance, find_instances, read_instance
from petrostream.names import shown
from producer.errors import BadFiles
from producer.request import Request


def usable_files(request: Request, console: Console) -> list[InstanceFile]:
    """The instances a replay plays.

    Every file's footer, times and classes are checked; with `--dry-run` or `--skip-bad` every file is read
    whole, which also finds damage in its other columns.

    Raises:
        DatasetError: there is no such folder, or nothing in it matches the filters.
        BadFiles: files are not in the 3W layout, and are not to be skipped; or no other file is left.
    """
    bad: list[DatasetError] = []
    found = find_instances(
        request.data, wells=request.wells or None, instances=request.instances or None, bad=bad
    )
    check = read_instance if request.dry_run or request.skip_bad else check_instance
    good = []
    for file in found:
        try:
            check(file)
        except DatasetError as error:
            bad.append(error)
        else:
            good.append(file)
    if bad and (not request.skip_bad or not good):
        raise BadFiles(bad, len(good))
    _say_skipped(bad, console)
    return good


def _say_skipped(bad: Sequence[DatasetError], console: Console) -> None:
    for error in bad:
        text = f"Skipped {shown(str(error))}"
        console.print(text, style="yellow", markup=False, highlight=False, soft_wrap=True)
