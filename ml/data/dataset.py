"""Reads and writes instances in the file layout of the Petrobras 3W dataset, release 2.0.0.

A dataset is a folder with one folder per event class (`0` to `9`), and in it one Parquet file per instance:
`WELL-00001_20170201010207.parquet` is real, `SIMULATED_00001.parquet` simulated, `DRAWN_00001.parquet`
drawn by an expert. A file has a column or index `timestamp`, the 27 variables of `petrostream.schema.sensors`
under their 3W names, and two integer columns: `class` (ground truth, null where unlabelled) and `state`
(operating state, null where unknown). Source: R. E. V. Vargas et al., J. Petroleum Science and Engineering
181 (2019) 106223, and the dataset's own documentation.
"""

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from petrostream import risk
from petrostream.arrays import BoolArray, FloatArray, IntArray
from petrostream.schema import SENSORS

TIMESTAMP = "timestamp"
CLASS = "class"
STATE = "state"

NO_LABEL = -1
"""Stands for null in the integer arrays `label` and `state`."""

TRANSIENT = 100
"""`class` is the event's number plus this while the event is still building up."""

EVENT_NAMES: dict[int, str] = {0: "normal operation", **risk.EVENT_NAMES}

_KNOWN = {CLASS: {*range(10), *range(101, 110)}, STATE: set(range(9))}
_NAME = re.compile(r"(?:(WELL-\d{5})_(\d{14})|(SIMULATED|DRAWN)_(\d{5}))")
_PREFIX = {"SIMULATED": "SIM", "DRAWN": "DRAWN"}


class DatasetError(ValueError):
    """A file or folder is not in the 3W 2.0.0 layout; `path`, `column` and `problem` say where and how."""

    def __init__(self, path: Path, problem: str, column: str | None = None) -> None:
        self.path = path
        self.column = column
        self.problem = problem
        where = f"{path}: column {column!r}" if column else str(path)
        super().__init__(f"{where}: {problem}")


@dataclass(frozen=True, slots=True)
class InstanceFile:
    """One instance file, not yet read.

    `source` is `<class folder>/<file stem>`. A real instance belongs to its well (`WELL-00011`); a
    simulated or drawn one is a well of its own (`SIM-2-00001`, `DRAWN-1-00003`), as its number repeats
    across classes.
    """

    path: Path
    event_class: int
    well_id: str

    @property
    def source(self) -> str:
        """`<class folder>/<file stem>`, unique in the dataset."""
        return f"{self.event_class}/{self.path.stem}"

    @property
    def is_real(self) -> bool:
        """Whether a real well produced it."""
        return self.well_id.startswith("WELL-")


@dataclass(frozen=True, slots=True, eq=False)
class Instance(InstanceFile):
    """The content of one instance, n observations, oldest first.

    Attributes:
        ts_ms: epoch milliseconds UTC, strictly increasing, shape (n,).
        values: the 27 variables in the order of `SENSORS`, as the file has them (implausible values
            included), NaN where missing, shape (n, 27).
        label: `class`, `NO_LABEL` where unlabelled, shape (n,).
        state: operating state, `NO_LABEL` where unknown, shape (n,).
    """

    ts_ms: IntArray
    values: FloatArray
    label: IntArray
    state: IntArray

    def __len__(self) -> int:
        return len(self.ts_ms)

    @property
    def in_event(self) -> BoolArray:
        """Whether each observation is labelled as an event, transient or steady, shape (n,)."""
        return self.label > 0


def find_instances(
    folder: Path,
    *,
    wells: Collection[str] | None = None,
    classes: Collection[int] | None = None,
    instances: Collection[str] | None = None,
    bad: list[DatasetError] | None = None,
) -> list[InstanceFile]:
    """Instances under a folder, ordered by class, then by file name.

    Args:
        folder: the dataset, or any folder around or inside it (a class folder too).
        wells: keep these wells only.
        classes: keep these class folders only.
        instances: keep these only, named by `source`, file stem or file name.
        bad: receives files that are not named as 3W names instances; None: such a file is an error.

    Returns:
        At least one instance. Files outside folders named 0 to 9 are ignored.

    Raises:
        DatasetError: the folder does not exist or holds no instance, a file in a class folder is not named as
            3W names instances, or a filter names something that is not there.
    """
    if not folder.is_dir():
        is_file = "is a file; name the folder that holds <class>/<instance>.parquet"
        raise DatasetError(folder, is_file if folder.exists() else "there is no such folder")
    found = []
    for path in folder.resolve().rglob("*.parquet"):
        if path.parent.name.isdigit() and int(path.parent.name) in EVENT_NAMES:
            try:
                found.append(identify(path))
            except DatasetError as error:
                if bad is None:
                    raise
                bad.append(error)
    if not found and not bad:
        raise DatasetError(folder, "holds no <class>/<instance>.parquet file with a class from 0 to 9")
    found.sort(key=lambda file: (file.event_class, file.path.stem, str(file.path)))
    _demand(folder, "well", wells, {file.well_id for file in found})
    _demand(folder, "class", classes, {file.event_class for file in found})
    _demand(folder, "instance", instances, {name for file in found for name in _names(file)})
    kept = [file for file in found if _wanted(file, wells, classes, instances)]
    if not kept:
        raise DatasetError(folder, "no instance matches all the filters together")
    return kept


def identify(path: Path) -> InstanceFile:
    """Class and well of an instance, from its path alone.

    Raises:
        DatasetError: the class folder or the file name is not one of 3W.
    """
    folder = path.parent.name
    if not folder.isdigit() or int(folder) not in EVENT_NAMES:
        raise DatasetError(path, f"is in folder {folder!r}; its folder must be its class, 0 to 9")
    match = _NAME.fullmatch(path.stem)
    if match is None or path.suffix != ".parquet":
        raise DatasetError(
            path,
            "is not named WELL-<5 digits>_<14 digits>.parquet, SIMULATED_<5 digits>.parquet "
            "or DRAWN_<5 digits>.parquet",
        )
    well, _, kind, number = match.groups()
    return InstanceFile(path, int(folder), well or f"{_PREFIX[kind]}-{int(folder)}-{number}")


def read_instance(file: Path | InstanceFile) -> Instance:
    """Reads one instance, exactly as the file has it.

    Raises:
        DatasetError: the file can't be read as Parquet or is not in the 3W 2.0.0 layout: a column is
            missing, unexpected or of the wrong type, time is missing or does not increase, `class` or
            `state` is unknown.
    """
    known = file if isinstance(file, InstanceFile) else identify(file)
    table = _read_table(known.path)
    sensors = [_sensor(table, known.path, str(sensor.three_w)) for sensor in SENSORS]
    return Instance(
        path=known.path,
        event_class=known.event_class,
        well_id=known.well_id,
        ts_ms=_times(table, known.path),
        values=np.column_stack(sensors),
        label=_codes(table, known.path, CLASS),
        state=_codes(table, known.path, STATE),
    )


def check_instance(file: InstanceFile) -> None:
    """Check a file without reading its sensors: footer, times, classes and states.

    Raises:
        DatasetError: as `read_instance`, for everything but damage inside a sensor's column.
    """
    path = file.path
    with _parquet(path):
        schema = pq.read_schema(path)
        table = pq.read_table(path, columns=[TIMESTAMP, CLASS, STATE], partitioning=None)
    _check_columns(path, schema.names, table.num_rows)
    for sensor in SENSORS:
        _check_sensor(schema.field(str(sensor.three_w)).type, path, str(sensor.three_w))
    _times(table, path)
    _codes(table, path, CLASS)
    _codes(table, path, STATE)


def write_instance(instance: Instance) -> None:
    """Writes an instance to its `path` in the layout of release 2.0.0, whole or not at all.

    Raises:
        OSError: the folder can't be made or written.
    """
    frame = pd.DataFrame(
        instance.values,
        columns=[str(sensor.three_w) for sensor in SENSORS],
        index=pd.DatetimeIndex(
            instance.ts_ms.astype("datetime64[ms]").astype("datetime64[us]"), name=TIMESTAMP
        ),
    )
    for column, codes in ((CLASS, instance.label), (STATE, instance.state)):
        frame[column] = pd.array(codes, dtype="Int16")
        frame[column] = frame[column].mask(codes == NO_LABEL)
    instance.path.parent.mkdir(parents=True, exist_ok=True)
    part = instance.path.with_suffix(".part")
    frame.to_parquet(part, engine="pyarrow", compression="brotli")
    part.replace(instance.path)


def _names(file: InstanceFile) -> set[str]:
    return {file.source, file.path.stem, file.path.name}


def _wanted(
    file: InstanceFile,
    wells: Collection[str] | None,
    classes: Collection[int] | None,
    instances: Collection[str] | None,
) -> bool:
    return (
        (wells is None or file.well_id in wells)
        and (classes is None or file.event_class in classes)
        and (instances is None or not _names(file).isdisjoint(instances))
    )


def _demand(folder: Path, what: str, wanted: Iterable[object] | None, there: set[Any]) -> None:
    missing = sorted(str(item) for item in wanted or () if item not in there)
    if missing:
        some = ", ".join(str(item) for item in sorted(there)[:12])
        raise DatasetError(folder, f"has no {what} {', '.join(missing)}; it has {some}")


def _read_table(path: Path) -> pa.Table:
    with _parquet(path):
        table = pq.read_table(path, partitioning=None)
    _check_columns(path, table.column_names, table.num_rows)
    return table


@contextmanager
def _parquet(path: Path) -> Iterator[None]:
    """Turn what PyArrow raises about a file into a DatasetError."""
    try:
        yield
    except FileNotFoundError:
        raise DatasetError(path, "there is no such file") from None
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(path, f"can't be read as Parquet ({error})") from error


def _check_columns(path: Path, names: list[str], rows: int) -> None:
    wanted = [TIMESTAMP, *(str(sensor.three_w) for sensor in SENSORS), CLASS, STATE]
    missing = [name for name in wanted if name not in names]
    if missing:
        raise DatasetError(path, f"lacks {len(missing)} of the 30 columns of 3W 2.0.0: {', '.join(missing)}")
    extra = [name for name in names if name not in wanted or names.count(name) > 1]
    if extra:
        raise DatasetError(path, "is not a column of 3W 2.0.0, or is there twice", extra[0])
    if rows == 0:
        raise DatasetError(path, "has no observations")


def _check_sensor(kind: pa.DataType, path: Path, name: str) -> None:
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
        raise DatasetError(path, f"is {kind}, where 3W has float64", name)


def _sensor(table: pa.Table, path: Path, name: str) -> FloatArray:
    column = table.column(name)
    _check_sensor(column.type, path, name)
    values: FloatArray = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return values


def _times(table: pa.Table, path: Path) -> IntArray:
    column = table.column(TIMESTAMP)
    if not pa.types.is_timestamp(column.type):
        raise DatasetError(path, f"is {column.type}, where 3W has a timestamp", TIMESTAMP)
    if column.null_count:
        raise DatasetError(path, f"is null in {column.null_count} rows", TIMESTAMP)
    # Arrow keeps a zoned timestamp in UTC, and 3W's times without a zone are taken as UTC.
    times: IntArray = column.to_numpy().astype("datetime64[ms]").astype(np.int64)
    late = np.flatnonzero(np.diff(times) <= 0)
    if len(late):
        row = int(late[0]) + 1
        before, after = (np.datetime64(int(times[at]), "ms") for at in (row - 1, row))
        raise DatasetError(path, f"does not increase at row {row}: {after} comes after {before}", TIMESTAMP)
    return times


def _codes(table: pa.Table, path: Path, name: str) -> IntArray:
    column = table.column(name)
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_null(kind)):
        raise DatasetError(path, f"is {kind}, where 3W has an integer", name)
    raw = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    codes = np.where(np.isnan(raw), NO_LABEL, raw)
    unknown = np.flatnonzero(~np.isin(codes, [NO_LABEL, *_KNOWN[name]]) | (raw == NO_LABEL))
    if len(unknown):
        row = int(unknown[0])
        raise DatasetError(path, f"is {raw[row]:g} at row {row}, which 3W 2.0.0 does not define", name)
    return codes.astype(np.int64)
