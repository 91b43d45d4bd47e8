"""The JSON report of a replay."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import orjson

from petrostream.times import to_iso
from producer.facility_plan import FacilityPlan
from producer.players import Load
from producer.resume import Progress
from producer.schedule import Schedule, Segment


def report_of(
    progress: Progress, schedule: Schedule, load: Load, facilities: FacilityPlan | None = None
) -> dict[str, Any]:
    """Counts of the whole run, its interruptions included, in acknowledged readings.

    `readings` and `planned` count well readings; the tanks and the simulator's ground truth are in
    `facility`.

    Times are event times as sent. `offset_by_well` is the time shift of the well's first instance, in
    milliseconds; `offset_by_source` has every instance.
    """
    wells = {
        well_id: _well(segments, progress.positions.get(well_id, 0), load)
        for well_id, segments in schedule.wells.items()
    }
    firsts = [well["first_ts"] for well in wells.values() if well["first_ts"]]
    lasts = [well["last_ts"] for well in wells.values() if well["last_ts"]]
    found = {
        "run_id": progress.run_id,
        "finished": progress.finished,
        "readings": sum(well["readings"] for well in wells.values()),
        "planned": schedule.readings,
        "blocks": progress.blocks,
        "records": progress.blocks,
        "calls": progress.calls,
        "retries": progress.retries,
        "seconds": progress.seconds,
        "first_ts": min(firsts, default=None),
        "last_ts": max(lasts, default=None),
        "offset_by_well": {well_id: line[0].offset_ms for well_id, line in schedule.wells.items()},
        "offset_by_source": progress.offset_ms,
        "wells": wells,
    }
    if facilities is not None:
        found["facility"] = facilities.report(progress.positions)
    return found


def write(path: Path, report: dict[str, Any]) -> None:
    """Write the report, creating its folder if missing.

    Raises:
        OSError: the file can't be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(report, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def _well(segments: Sequence[Segment], readings: int, load: Load) -> dict[str, Any]:
    times: list[int] = []
    sources: list[str] = []
    left = readings
    for segment in segments:
        span = segment.span
        if left <= 0:
            break
        whole = left >= span.readings
        last = span.last_ms if whole else int(load(span).ts_ms[left - 1])
        times += [span.first_ms + segment.offset_ms, last + segment.offset_ms]
        sources.append(span.source)
        left -= span.readings
    return {
        "facility_id": segments[0].span.facility_id,
        "readings": readings,
        "planned": sum(segment.span.readings for segment in segments),
        "first_ts": to_iso(min(times)) if times else None,
        "last_ts": to_iso(max(times)) if times else None,
        "sources": sources,
    }
