"""Which instances of a folder are evaluated."""

from collections.abc import Collection, Sequence
from pathlib import Path

from ml.data.dataset import DatasetError, InstanceFile
from ml.evaluation.terminal import count, say


def choose_files(
    files: Sequence[InstanceFile], data: Path, wells: Collection[str] | None, classes: Collection[int] | None
) -> list[InstanceFile]:
    """The real instances asked for, or all of them where none is real.

    Args:
        files: the instances of the folder.
        data: the folder, for the error.
        wells: keep these only; all if there are none.
        classes: keep these only; all if there are none.

    Raises:
        DatasetError: there is no such instance.
    """
    kept = [
        file
        for file in files
        if (not wells or file.well_id in wells) and (not classes or file.event_class in classes)
    ]
    if not kept:
        there = ", ".join(sorted({f"{file.event_class}/{file.well_id}" for file in files}))
        raise DatasetError(data, f"holds no such instance; classes and wells there are {there}")
    real = [file for file in kept if file.is_real]
    if not real:
        say(f"None is real; evaluating {count(kept)}, simulated or drawn.", "yellow")
    return real or kept
