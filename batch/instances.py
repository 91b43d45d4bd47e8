"""Instances of 3W in any folder: Parquet of release 2.0.0, and CSV, the format of release 1."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pv

from ml.data.dataset import CLASS, NO_LABEL, STATE, TIMESTAMP, DatasetError, InstanceFile, read_instance
from petrostream.arrays import FloatArray, IntArray
from petrostream.readings import Rows
from petrostream.schema import SENSORS

SUFFIXES = (".parquet", ".csv")

_WELL = re.compile(r"(WELL-\d{5})(?:_.*)?")
_DRAWN = re.compile(r"(SIMULATED|DRAWN)_(\d{5})")
_PREFIX = {"SIMULATED": "SIM", "DRAWN": "DRAWN"}


@dataclass(frozen=True, slots=True)
class FoundInstance:
    """An instance file in a folder.

    Attributes:
        path: where it is.
        name: its path below the folder, with `/`.
        well_id: its well: from a name such as `WELL-00011_20140515110134`, else the name itself.
        source: `<folder>/<name>`, as the lake has it of 3W's instances.
    """

    path: Path
    name: str
    well_id: str
    source: str


def find(folder: Path) -> list[FoundInstance]:
    """Files below a folder that may be instances, by name.

    Raises:
        DatasetError: there is no such folder, or it holds none.
    """
    if not folder.is_dir():
        raise DatasetError(folder, "there is no such folder")
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise DatasetError(folder, "holds no .parquet or .csv file")
    return [_found(path, folder) for path in paths]


def _found(path: Path, folder: Path) -> FoundInstance:
    name, parent = path.relative_to(folder).as_posix(), path.resolve().parent.name
    match, drawn = _WELL.fullmatch(path.stem), _DRAWN.fullmatch(path.stem)
    if match is not None:
        well = match[1]
    elif drawn is not None:
        # A well of its own, as its number repeats across classes.
        well = f"{_PREFIX[drawn[1]]}-{parent}-{drawn[2]}"
    else:
        well = path.stem
    return FoundInstance(path, name, well, f"{parent}/{path.stem}")


def rows_of(file: FoundInstance) -> tuple[Rows, list[str]]:
    """The observations of an instance, and the columns that no variable is named like.

    A CSV may lack variables, `class` and `state`; they are null.

    Raises:
        DatasetError: the file can't be read, or time is missing or does not increase.
    """
    if file.path.suffix.lower() == ".csv":
        return _of_csv(file.path)
    found = read_instance(InstanceFile(file.path, 0, file.well_id))
    return Rows(found.ts_ms, found.values, found.label, found.state), []


def _of_csv(path: Path) -> tuple[Rows, list[str]]:
    options = pv.ConvertOptions(column_types={TIMESTAMP: pa.timestamp("us")}, strings_can_be_null=True)
    try:
        table = pv.read_csv(path, convert_options=options)
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(path, f"can't be read as CSV ({error})") from error
    if TIMESTAMP not in table.column_names:
        raise DatasetError(path, "is missing; a CSV needs it, and variables by their 3W names", TIMESTAMP)
    if not table.num_rows:
        raise DatasetError(path, "has no observations")
    known = {TIMESTAMP, CLASS, STATE, *(str(sensor.three_w) for sensor in SENSORS)}
    values = np.column_stack([_numbers(table, path, str(sensor.three_w)) for sensor in SENSORS])
    codes = [_codes(table, path, name) for name in (CLASS, STATE)]
    ignored = [name for name in table.column_names if name not in known]
    return Rows(_times(table, path), values, *codes), ignored


def _times(table: pa.Table, path: Path) -> IntArray:
    column = table.column(TIMESTAMP)
    if column.null_count:
        raise DatasetError(path, f"is null in {column.null_count} rows", TIMESTAMP)
    times: IntArray = column.to_numpy().astype("datetime64[ms]").astype(np.int64)
    late = np.flatnonzero(np.diff(times) <= 0)
    if len(late):
        raise DatasetError(path, f"does not increase at row {int(late[0]) + 1}", TIMESTAMP)
    return times


def _numbers(table: pa.Table, path: Path, name: str) -> FloatArray:
    if name not in table.column_names:
        return np.full(table.num_rows, np.nan)
    try:
        values: FloatArray = table.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowException as error:
        raise DatasetError(path, f"holds what is not a number ({error})", name) from error
    return values


def _codes(table: pa.Table, path: Path, name: str) -> IntArray:
    values = _numbers(table, path, name)
    return np.where(np.isnan(values), NO_LABEL, values).astype(np.int64)


def blocks(rows: int, size: int) -> Iterator[slice]:
    """Runs of up to `size` rows."""
    for start in range(0, rows, size):
        yield slice(start, min(start + size, rows))
