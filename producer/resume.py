"""The resume file of a replay: what was acknowledged, so that a restart neither skips nor repeats readings.

It is written after acknowledgements, never before: every reading it counts is on the stream. What was
accepted after the last write is sent again by the next run, with the same event times and so the same
identity.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from producer import durable
from producer.errors import ResumeBusy, ResumeInvalid
from producer.schedule import GAP_MS, Span

try:
    import fcntl
except ImportError:  # Windows has no advisory locks of this kind; the check is skipped there
    fcntl = None  # type: ignore[assignment]

FORMAT = 1


@dataclass(slots=True)
class Progress:
    """How far a run has come.

    Attributes:
        run_id: names the run; a resumed run keeps it.
        digest: of everything that decides which readings play and what their event times are.
        options: the same as text, to show which replay a file belongs to.
        started_ms: when the run first began, epoch milliseconds; event times depend on it.
        offset_ms: what each instance's source times are moved by.
        positions: acknowledged readings of each well and tank, counted from its first.
        blocks: acknowledged stream records.
        calls: PutRecords calls.
        retries: records that were sent again.
        seconds: time spent running, interruptions left out.
        finished: whether every reading is acknowledged.
        format: layout of this file.
    """

    run_id: str
    digest: str
    options: dict[str, str]
    started_ms: int
    offset_ms: dict[str, int] = field(default_factory=dict)
    positions: dict[str, int] = field(default_factory=dict)
    blocks: int = 0
    calls: int = 0
    retries: int = 0
    seconds: float = 0.0
    finished: bool = False
    format: int = FORMAT

    @property
    def readings(self) -> int:
        """Acknowledged readings of all wells and tanks."""
        return sum(self.positions.values())


_TYPES: dict[str, type | tuple[type, ...]] = {
    "run_id": str,
    "digest": str,
    "options": dict,
    "started_ms": int,
    "offset_ms": dict,
    "positions": dict,
    "blocks": int,
    "calls": int,
    "retries": int,
    "seconds": (int, float),
    "finished": bool,
    "format": int,
}


def digest(spans: list[Span], options: dict[str, str]) -> str:
    """Digest of the readings that play (every span with its rows and facility) and of the options."""
    content = {
        "gap_ms": GAP_MS,
        "options": options,
        "spans": sorted((asdict(span) for span in spans), key=lambda entry: str(entry["source"])),
    }
    return blake2b(orjson.dumps(content, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


def save(path: Path, progress: Progress) -> None:
    """Write the file atomically, and sync it to disk before returning.

    Raises:
        OSError: the folder can't be written.
    """
    durable.write(path, orjson.dumps(asdict(progress), option=orjson.OPT_INDENT_2))


def load(path: Path) -> Progress | None:
    """The saved progress; None if there is no file.

    Raises:
        ResumeInvalid: it is not a resume file of this release.
    """
    try:
        raw: Any = orjson.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except orjson.JSONDecodeError as error:
        raise ResumeInvalid(path, f"is not JSON ({error})") from error
    if not isinstance(raw, dict) or raw.get("format") != FORMAT:
        raise ResumeInvalid(path, f"is not a resume file of format {FORMAT}")
    for name in (entry.name for entry in fields(Progress)):
        if not isinstance(raw.get(name), _TYPES[name]):
            raise ResumeInvalid(path, f"field {name!r} is {raw.get(name)!r}")
    bad = {well: at for well, at in raw["positions"].items() if not isinstance(at, int) or at < 0}
    if bad:
        raise ResumeInvalid(path, f"field 'positions' has {bad}")
    return Progress(**{entry.name: raw[entry.name] for entry in fields(Progress)})


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Lock out other runs with the same file of progress: both would send every reading.

    Raises:
        ResumeBusy: another run holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_suffix(".lock").open("w") as file:
        if fcntl is not None:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ResumeBusy(path) from error
        yield
