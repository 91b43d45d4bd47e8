"""What a run over days amounts to: one verdict, and a text for those who are on duty."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from batch.jobs import JobContext, JobRequest, JobResult, RequestInvalid

VERDICTS = ("OK", "WARN", "FAILED", "ERROR")
"""From good to bad. FAILED: the quality report of a day has failed; ERROR: a job has."""

SUBJECT_CHARACTERS = 100
"""What SNS takes as a subject, in ASCII (API reference, Publish)."""

_CAUSE_CHARACTERS = 600
_TEXT_CHARACTERS = 20_000
_RUNBOOK = "docs/runbooks/nightly-failed.md"


def run(context: JobContext, request: JobRequest) -> JobResult:
    """Sum up `results`, one object for each day, of the run named `of`.

    Each has `date` and `verdict`; those of a report a `summary`, those with an error `error` as Step
    Functions describes it.

    Raises:
        RequestInvalid: the results can't be read.
    """
    results = request.options.get("results")
    if not isinstance(results, list) or not all(_readable(one) for one in results):
        raise RequestInvalid("results", results, "must be a list of objects with `date` and `verdict`")
    name = str(request.options.get("of", "run"))
    return JobResult(request.job, details=summed_up(name, results))


def summed_up(name: str, results: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Verdict, subject and text of a run; without results it is OK."""
    counts = Counter(one["verdict"] for one in results)
    verdict = max(counts, key=VERDICTS.index, default="OK")
    listed = ", ".join(f"{counts[one]} {one}" for one in reversed(VERDICTS) if counts[one])
    subject = f"PetroStream {name}: {listed or 'no day to treat'}"[:SUBJECT_CHARACTERS]
    shown = sorted(results, key=lambda one: (-VERDICTS.index(one["verdict"]), str(one["date"])))
    lines = [f"{one['date']}  {one['verdict']}  {_why(one)}".rstrip() for one in shown]
    first = f"{len(results)} days: {listed}." if results else "No day to treat."
    text = "\n".join([first, *lines, "", f"What to do: {_RUNBOOK}"])
    return {"verdict": verdict, "subject": subject, "text": text[:_TEXT_CHARACTERS]}


def _readable(one: object) -> bool:
    return isinstance(one, dict) and "date" in one and one.get("verdict") in VERDICTS


def _why(one: Mapping[str, Any]) -> str:
    error = one.get("error")
    if not isinstance(error, dict):
        return str(one.get("summary", ""))
    cause = " ".join(str(error.get("Cause", "")).split())
    return f"{error.get('Error', 'unknown error')}: {cause[:_CAUSE_CHARACTERS]}"
