"""The job `evaluate`: how the live model has done in the past weeks, and whether to train again.

It trains nothing and needs no training library: it asks the lake. `retrain` acts on the answer.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, timedelta
from typing import Any

from batch.jobs import JobContext, JobRequest, JobResult
from batch.queries import ask

DAYS = 7
"""Days looked at where nothing else is asked: those since the last evaluation."""

MAX_IN_ALARM = 0.02
"""Share of a well's normal time in alarm from which its baseline no longer fits: the bar of the streaming
evaluation for baselines of up to a week (docs/guides/evaluation.md)."""

MAX_AGE_DAYS = 7.0
"""How long a baseline is valid after its instance (`ml.training.models.VALID_DAYS`)."""

MIN_READINGS = 3600
"""An hour at 1 Hz: fewer normal readings say nothing about a share of two percent."""


def run(context: JobContext, request: JobRequest) -> JobResult:
    """Answer `verdict` (OK or DUE), `subject`, `text`, and the figures of each well.

    Without dates the last seven finished days count.
    """
    last = context.clock().astimezone(UTC).date() - timedelta(days=1)
    first = request.first or last - timedelta(days=DAYS - 1)
    until = request.last or last
    rows = ask(context, "model", first_day=first, last_day=until)
    return JobResult(request.job, details=judged(rows, first, until))


def judged(rows: Sequence[Mapping[str, Any]], first: date, last: date) -> dict[str, Any]:
    """The evaluation of the rows of sql/quality/model.sql."""
    wells = {str(row["well_id"]): _figures(row) for row in rows}
    due = {well: why for well, row in wells.items() if (why := _why(row))}
    lines = [f"{well}  {why}" for well, why in due.items()]
    verdict = "DUE" if due else "OK"
    said = f"{len(due)} of {len(wells)} wells need a new baseline" if due else f"{len(wells)} wells are well"
    todo = ["", "What to do: python -m batch retrain (docs/guides/training.md)"] if due else []
    return {
        "verdict": verdict,
        "subject": f"PetroStream model: {said}",
        "text": "\n".join([f"{first} to {last}: {said}.", *lines, *todo]),
        "wells": wells,
    }


def _figures(row: Mapping[str, Any]) -> dict[str, Any]:
    normal = int(row["normal_readings"])
    return {
        "model_version": row["model_version"],
        "readings": int(row["readings"]),
        "own_baseline": int(row["commissioned"]) > 0,
        "normal_readings": normal,
        "in_alarm": int(row["normal_in_alarm"]) / normal if normal else None,
        "baseline_days": row["oldest_baseline_days"],
    }


def _why(row: Mapping[str, Any]) -> str:
    """Why a well needs a new baseline; empty where it does not."""
    if not row["own_baseline"]:
        return "has no baseline of its own" if row["readings"] >= MIN_READINGS else ""
    if row["normal_readings"] >= MIN_READINGS and row["in_alarm"] > MAX_IN_ALARM:
        return f"{row['in_alarm']:.1%} of its normal time in alarm, over {MAX_IN_ALARM:.0%}"
    age = row["baseline_days"]
    if age is not None and age > MAX_AGE_DAYS:
        return f"its baseline is {age:.0f} days old, over {MAX_AGE_DAYS:g}"
    return ""
