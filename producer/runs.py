"""The run a replay belongs to: a new one, or the one that `--resume` continues, at any speed that fits."""

import time
import uuid
from collections.abc import Iterable
from pathlib import Path

from rich.console import Console

from petrostream.times import to_iso
from producer import resume
from producer.errors import ResumeInvalid, ResumeMismatch, SpeedTooFast
from producer.request import Request
from producer.resume import Progress
from producer.run import origin_ms
from producer.schedule import FULL_SPEED, Schedule, Span


def progress_of(request: Request, spans: list[Span], console: Console) -> Progress:
    """The run to continue, or a new one.

    Raises:
        ResumeInvalid: the resume file can't be read.
        ResumeMismatch: it belongs to other data or options.
    """
    before = resume.load(request.file) if request.resume else None
    if before is not None:
        # The speed of the first start stays the one that event times follow; `check_speed` judges another.
        options = {**request.identity, "speed": before.options.get("speed", "")}
        if before.digest != resume.digest(spans, options):
            raise ResumeMismatch(request.file, before.options, request.units)
        return before
    if request.resume:
        console.print(f"Nothing to resume in {request.file}: this is a new run.", soft_wrap=True)
    elif (given_up := _unfinished(request.file)) is not None:
        console.print(
            f"This is a new run. Run {given_up.run_id} stopped after {given_up.readings:,} readings and is "
            "given up; --resume would have gone on with it.",
            highlight=False,
            soft_wrap=True,
        )
    return Progress(
        run_id=uuid.uuid4().hex[:12],
        digest=resume.digest(spans, request.identity),
        options=request.words,
        started_ms=time.time_ns() // 1_000_000,
    )


def _unfinished(file: Path) -> Progress | None:
    """The run a new one replaces, if it had something left."""
    try:
        before = resume.load(file)
    except ResumeInvalid:
        return None
    return None if before is None or before.finished else before


def first_speed(request: Request, progress: Progress) -> float:
    """The speed at which the run was started first: event times follow it, also when the speed changes.

    Raises:
        ResumeInvalid: the resume file names no speed.
    """
    text = progress.options.get("speed", "")
    try:
        speed = float(text)
    except (TypeError, ValueError):
        speed = 0.0
    if not speed >= 1:
        raise ResumeInvalid(request.file, f"field 'options' has speed {text!r}")
    return speed


def check_speed(
    request: Request, progress: Progress, schedule: Schedule, heads: Iterable[int | None], now_ms: int
) -> None:
    """Refuse a resumed run a speed at which it would send readings before their event time.

    Args:
        request: with the speed that is asked for.
        progress: of the run to continue.
        schedule: laid out at the run's first speed.
        heads: position of the next reading of each facility, None where nothing is left.
        now_ms: the present, epoch ms.

    Raises:
        SpeedTooFast: says which speeds are possible, and from when on any is.
    """
    left = [ms for ms in heads if ms is not None]
    if not left or request.clock == "original" or request.speed <= first_speed(request, progress):
        return
    origin = now_ms if request.speed == FULL_SPEED else origin_ms(progress, now_ms, min(left), request.speed)
    # Event times advance faster than the clock, so they are furthest ahead of it at the end.
    ends = [
        (segment.span.last_ms + segment.offset_ms, origin + segment.end_ms / request.speed)
        for segment in schedule.segments
    ]
    if any(event_ms > sent_ms for event_ms, sent_ms in ends):
        raise SpeedTooFast(request.speed, progress.options["speed"], to_iso(max(ends)[0]))
