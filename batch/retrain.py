"""The job `retrain`: new baselines from normal operation in the lake, in service only if they are not worse.

For each well the latest normal stretches are tried, newest first. Of a stretch the first part commissions the
well, under every check of a commissioning by hand; the rest is held back. The live and the new models then
stream what was held back, and the instances of `held_back` that begin after the baseline does, through the
code that scores in operation. A well's new baseline is taken if it is in no respect worse (`batch.trial`);
otherwise the live one stays, and the result says why. What was taken is published as one version.

Needs the training libraries, which the function of the jobs has no room for (docs/adr/0020).
"""

from collections.abc import Sequence
from datetime import UTC, timedelta
from pathlib import Path
from typing import Any

from batch.jobs import JobContext, JobRequest, JobResult, RequestInvalid
from batch.queries import ask

DAYS = 7
"""Days looked back on for normal operation where nothing else is asked."""

_INSTALL = "needs the training libraries: pip install -e '.[ml]', then python -m batch retrain"


def run(context: JobContext, request: JobRequest) -> JobResult:
    """Train, compare and publish; `published` is the version, None where the live one stays.

    Options: `wells`, names of wells, else all; `held_back`, a folder of instances in the 3W layout;
    `registry`, else the bucket of artifacts; `dry_run` publishes nothing.

    Raises:
        RequestInvalid: the training libraries are missing, or an option can't be used.
        RegistryError: the registry can't be read, or has another live version than at the start.
    """
    try:
        from batch import trial  # noqa: PLC0415 - the training libraries, in no function
        from ml.registry import open_registry  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise RequestInvalid("job", request.job, f"{_INSTALL} ({error})") from error
    wells, held_back = _wells(request), _held_back(request)
    registry = open_registry(
        str(request.options.get("registry") or f"s3://{context.settings.artifacts_bucket}")
    )
    stretches = _stretches(context, request, wells, trial.NormalStretch)
    course = trial.Retraining(
        registry=registry,
        read=lambda well, first, last: trial.from_lake(well, first, last, lambda sql: _answer(context, sql)),
        held_back=held_back,
        now=context.clock().astimezone(UTC),
        say=context.say,
    )
    outcome = trial.hold(course, stretches)
    published = None
    if outcome.accepted and not request.options.get("dry_run"):
        published = outcome.publish(registry)
        context.say(f"Version {published} is live")
    return JobResult(request.job, details={"published": published, **outcome.as_dict()})


def _stretches(context: JobContext, request: JobRequest, wanted: Sequence[str], stretch: type) -> list[Any]:
    today = context.clock().astimezone(UTC).date()
    first = request.first or today - timedelta(days=DAYS)
    last = request.last or today
    rows = ask(context, "normal_stretches", first_day=first, last_day=last)
    return [
        stretch(str(row["well_id"]), _ms(row["began"]), _ms(row["ended"]))
        for row in rows
        if not wanted or row["well_id"] in wanted
    ]


def _ms(moment: Any) -> int:  # noqa: ANN401 - a datetime without a zone, in UTC
    return int(moment.replace(tzinfo=UTC).timestamp() * 1000)


def _wells(request: JobRequest) -> Sequence[str]:
    wells = request.options.get("wells", [])
    if not isinstance(wells, list) or not all(isinstance(one, str) for one in wells):
        raise RequestInvalid("wells", wells, "must be a list of names")
    return wells


def _held_back(request: JobRequest) -> Path | None:
    text = request.options.get("held_back")
    if not text:
        return None
    folder = Path(str(text))
    if not folder.is_dir():
        raise RequestInvalid("held_back", text, "must be a folder of instances in the 3W layout")
    return folder


def _answer(context: JobContext, sql: str) -> Any:  # noqa: ANN401 - a QueryResult
    from petrostream.aws.athena import run_sql  # noqa: PLC0415

    settings = context.settings
    return run_sql(
        sql, database=settings.database, workgroup=settings.workgroup, client=context.client("athena")
    )
