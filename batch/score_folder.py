"""The job `score-folder`: scores a folder of 3W instances with a version of the registry, to Parquet files.

Nothing of the lake is read or written but the model: no stream, no table. Each instance is scored by itself,
as the stream would have scored it, at its own times, and becomes a file with the columns of
`scored_readings`. A file that is not an instance does not stop the others.
"""

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from batch.columns import COMPRESSION, arrow_schema
from batch.instances import SUFFIXES, FoundInstance, blocks, find, rows_of
from batch.jobs import JobContext, JobRequest, JobResult, RequestInvalid
from batch.recompute import TABLE, Recomputation, table_of
from batch.versions import chosen_version
from ml.data.dataset import DatasetError
from ml.registry import S3Registry
from petrostream.aws.models import ModelStore
from petrostream.detection import ModelSet
from petrostream.fleet import facility_of
from petrostream.pipeline import StreamRecord
from petrostream.readings import Origin, encode_lines

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

JOB = "score-folder"

BLOCK_ROWS = 600
"""Observations of a stream record; where it ends changes no score."""


@dataclass(frozen=True, slots=True)
class ScoredInstance:
    """What became of an instance.

    Attributes:
        rows: its rows, as the table `scored_readings` has them.
        rejected: observations that validation refused; they are not in the rows.
        ignored: columns that no variable is named like.
    """

    rows: pa.Table
    rejected: int
    ignored: list[str]


def run(context: JobContext, request: JobRequest) -> JobResult:
    """Score a folder.

    Options: `folder` and `out`, local or `s3://bucket/prefix`; `model`, the version, the live one by default.
    """
    options, s3 = request.options, context.client("s3")
    for name in ("folder", "out"):
        if not str(options.get(name) or "").strip():
            raise RequestInvalid(name, options.get(name), "name a folder, or s3://bucket/prefix")
    bucket = context.settings.artifacts_bucket
    version = chosen_version(options, S3Registry(bucket, s3))
    models = ModelStore(bucket, s3).load(version)
    now_ms = int(context.clock().timestamp() * 1000)
    counts: dict[str, Any] = {"model": version, "files": 0, "readings": 0, "anomalies": 0, "rejected": 0}
    troubles: dict[str, str] = {}
    with _local(str(options["folder"]), s3) as folder, _target(str(options["out"]), s3) as out:
        found = _found(folder, str(options["folder"]))
        for place, file in enumerate(found, 1):
            try:
                scored = score(file, models, now_ms)
            except DatasetError as error:
                troubles[file.name] = str(error)
                context.say(f"{place} of {len(found)}  {error}")
                continue
            write(scored.rows, (out / file.name).with_suffix(".parquet"))
            told = facts(scored)
            counts = counts | {
                name: counts[name] + told[name] for name in ("readings", "anomalies", "rejected")
            }
            counts["files"] += 1
            context.say(f"{place} of {len(found)}  {file.name}  " + _told(told))
    return JobResult(JOB, details=counts | ({"not_scored": troubles} if troubles else {}))


def score(file: FoundInstance, models: ModelSet, now_ms: int) -> ScoredInstance:
    """Score an instance.

    Args:
        file: the instance.
        models: the models to score with.
        now_ms: the time to write into the rows, epoch ms.

    Raises:
        DatasetError: it can't be read as an instance.
    """
    rows, ignored = rows_of(file)
    origin = Origin(file.well_id, facility_of(file.well_id), file.source)
    lines = encode_lines(rows, origin, 0)
    records = [
        StreamRecord(str(number), origin.facility_id, b"".join(lines[part]), int(rows.ts_ms[part][-1]))
        for number, part in enumerate(blocks(len(lines), BLOCK_ROWS), 1)
    ]
    recomputation = Recomputation(models, lambda: now_ms)
    made_up = {record.sequence for record in records}
    tables = [table_of(made, made_up) for _, made in recomputation.lines(origin.facility_id, records)]
    whole = pa.concat_tables([arrow_schema(TABLE).empty_table(), *tables])
    return ScoredInstance(whole, recomputation.rejected.blocks, ignored)


def facts(scored: ScoredInstance) -> dict[str, Any]:
    """Counts of an instance."""
    anomalies = pc.sum(scored.rows["anomaly_flag"]).as_py() or 0
    found = {"readings": scored.rows.num_rows, "anomalies": anomalies, "rejected": scored.rejected}
    return found | ({"ignored columns": ", ".join(scored.ignored)} if scored.ignored else {})


def write(rows: pa.Table, path: Path) -> None:
    """Write a file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    pq.write_table(rows, part, compression=COMPRESSION)
    part.replace(path)


def _told(counts: Mapping[str, Any]) -> str:
    return "  ".join(f"{name} {value}" for name, value in counts.items())


def _found(folder: Path, place: str) -> list[FoundInstance]:
    try:
        return find(folder)
    except DatasetError as error:
        raise RequestInvalid("folder", place, error.problem) from error


@contextmanager
def _local(place: str, s3: "S3Client") -> Iterator[Path]:
    """A folder with the instances of a place."""
    if not place.startswith("s3://"):
        yield Path(place)
        return
    bucket, prefix = _bucket_of(place)
    with tempfile.TemporaryDirectory() as name:
        for key in _keys(s3, bucket, prefix):
            path = Path(name) / key.removeprefix(prefix).lstrip("/")
            if Path(name) in path.resolve().parents:
                path.parent.mkdir(parents=True, exist_ok=True)
                s3.download_file(bucket, key, str(path))
        yield Path(name)


def _keys(s3: "S3Client", bucket: str, prefix: str) -> Iterable[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            if item["Key"].lower().endswith(SUFFIXES):
                yield item["Key"]


@contextmanager
def _target(place: str, s3: "S3Client") -> Iterator[Path]:
    """A folder whose files get to a place when all are written."""
    if not place.startswith("s3://"):
        yield Path(place)
        return
    bucket, prefix = _bucket_of(place)
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)
        for path in sorted(Path(name).rglob("*.parquet")):
            s3.upload_file(str(path), bucket, f"{prefix}{path.relative_to(name).as_posix()}")


def _bucket_of(place: str) -> tuple[str, str]:
    bucket, _, prefix = place.removeprefix("s3://").partition("/")
    if not bucket:
        raise RequestInvalid("folder", place, "name a bucket: s3://bucket/prefix")
    return bucket, f"{prefix.rstrip('/')}/" if prefix else ""
