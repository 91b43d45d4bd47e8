"""`python -m batch <job>`: run a job over stored data, on the twin or with --aws on AWS."""

import json
import os
import sys
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console

from batch.jobs import BatchSettings, JobContext, JobRequest, JobResult, run_job
from infra.settings import Settings, Zone, load_settings
from petrostream.aws.clients import client
from petrostream.names import shown
from toolchain import commands
from toolchain.errors import ToolError
from toolchain.twin import point_at_twin, twin

app = typer.Typer(
    help="Jobs over stored data.", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)
console = Console(stderr=True, highlight=False, markup=False)

_DAY = ["%Y-%m-%d"]
DateOption = Annotated[datetime | None, typer.Option("--date", formats=_DAY, help="One UTC date.")]
FromOption = Annotated[datetime | None, typer.Option("--from", formats=_DAY, help="First UTC date.")]
ToOption = Annotated[datetime | None, typer.Option("--to", formats=_DAY, help="Last UTC date, included.")]
ModelOption = Annotated[str | None, typer.Option("--model", help="Version to score with; else the live one.")]
AwsOption = Annotated[bool, typer.Option("--aws", help="On AWS, with your own credentials.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]


@app.callback()
def jobs() -> None:
    """Jobs over stored data."""


@app.command()
def backfill(  # noqa: PLR0913, PLR0917 - one parameter for each option
    date: DateOption = None,
    first: FromOption = None,
    last: ToOption = None,
    model: ModelOption = None,
    promote: Annotated[bool, typer.Option("--promote", help="Then make that version the live one.")] = False,
    warm_up_days: Annotated[
        int, typer.Option("--warm-up-days", min=-1, help="Days read before those needed; -1 for all.")
    ] = 1,
    arrived_to: Annotated[
        datetime | None, typer.Option("--arrived-to", formats=_DAY, help="Last date of arrival to read.")
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option("--rows", help="That model's rows, of Spark: a folder, or s3://bucket/prefix."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Also days that are made of the same already.")
    ] = False,
    aws: AwsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Score days again from the raw zone with a version of the registry, and replace them in gold."""
    event = days_of(date, first, last) | {
        "model": model,
        "promote": promote,
        "warm_up_days": warm_up_days,
        "arrived_to": arrived_to.date().isoformat() if arrived_to else None,
        "rows": rows,
        "again": again,
    }
    finish(start("backfill", event, aws=aws), as_json=as_json)


@app.command("score-folder")
def score_folder(
    folder: Annotated[
        str, typer.Argument(help="3W instances, .parquet or .csv: a folder, or s3://bucket/prefix.")
    ],
    out: Annotated[str, typer.Option("--out", help="Where to write: a folder, or s3://bucket/prefix.")],
    model: ModelOption = None,
    aws: AwsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Score a folder of 3W instances with a version of the registry, to Parquet files."""
    result = start("score-folder", {"folder": folder, "out": out, "model": model}, aws=aws)
    finish(result, as_json=as_json)
    if result.details.get("not_scored"):
        raise typer.Exit(1)


@app.command()
def compact(
    date: DateOption = None,
    first: FromOption = None,
    last: ToOption = None,
    rebuild: Annotated[
        bool, typer.Option("--rebuild", help="From the curated zone alone: drops what a backfill wrote.")
    ] = False,
    aws: AwsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write days of readings to gold; without a date, every day that needs it."""
    event = days_of(date, first, last) | ({"rebuild": True} if rebuild else {})
    finish(start("compact", event, aws=aws), as_json=as_json)


@app.command("quality")
def quality(
    date: DateOption = None,
    first: FromOption = None,
    last: ToOption = None,
    aws: AwsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Report on the quality of days of the lake: printed, and written to the table gold_quality."""
    finish(start("quality", days_of(date, first, last), aws=aws), as_json=as_json)


@app.command("evaluate")
def evaluate(
    first: FromOption = None, last: ToOption = None, aws: AwsOption = False, as_json: JsonOption = False
) -> None:
    """Evaluate the live model on past days of the lake: the last seven where none is named."""
    result = start("evaluate", days_of(None, first, last), aws=aws)
    if as_json:
        finish(result, as_json=True)
    else:
        sys.stdout.write(shown(str(result.details["text"])) + "\n")


@app.command("retrain")
def retrain(  # noqa: PLR0913, PLR0917  (one option of the command line each)
    well: Annotated[
        list[str] | None, typer.Option(help="Only this well; repeat the option for more.")
    ] = None,
    held_back: Annotated[
        str | None, typer.Option(help="Folder of 3W instances that no model was made from.")
    ] = None,
    registry: Annotated[str | None, typer.Option(help="s3://<artifacts bucket>, or a folder.")] = None,
    first: FromOption = None,
    last: ToOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Compare, and publish nothing.")] = False,
    aws: AwsOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make new baselines from normal operation in the lake; those that are not worse go live."""
    options = {"wells": well or [], "held_back": held_back, "registry": registry, "dry_run": dry_run}
    result = start("retrain", {**days_of(None, first, last), **options}, aws=aws)
    if as_json:
        finish(result, as_json=True)
        return
    for name, decided in result.details["wells"].items():
        sys.stdout.write(shown(f"{name}  {decided['decision']}  {decided['why']}") + "\n")
        for models in ("live", "new"):
            if models in decided:
                sys.stdout.write(f"    {models:5}{_listed(decided[models])}\n")
    sys.stdout.write(f"Published: {result.details['published'] or 'nothing'}\n")


def days_of(date: datetime | None, first: datetime | None, last: datetime | None) -> dict[str, Any]:
    """The dates of a command, as an event names them; one end of a range alone is that one day."""
    given = {"date": date, "from": first or last, "to": last or first}
    return {name: day.date().isoformat() for name, day in given.items() if day is not None}


def start(job: str, event: dict[str, Any], *, aws: bool) -> JobResult:
    """Run a job and report its progress on standard error.

    Raises:
        ToolError: the lake is not there, or refuses the caller.
        PetroStreamError: the request can't be served, or a service does not respond.
    """
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - slow to import

    request = JobRequest.from_event({"job": job, **event})
    if not aws:
        point_at_twin(target=twin())
    try:
        return run_job(JobContext(settings=_settings(load_settings()), say=_say), request)
    except (BotoCoreError, ClientError) as error:
        where = os.environ.get("AWS_ENDPOINT_URL", "AWS")
        hint = (
            "Check region and credentials." if aws else "Start the twin with ./project_up.sh, or add --aws."
        )
        raise ToolError(f"{where}: {error}", hint) from error


def finish(result: JobResult, *, as_json: bool) -> None:
    """Print what a job did.

    Raises:
        typer.Exit: with code 1 if a day failed or was not reached.
    """
    if as_json:
        sys.stdout.write(json.dumps(result.as_dict(), indent=2) + "\n")
    else:
        for line in summary(result):
            sys.stdout.write(shown(line) + "\n")
    if result.failed or result.left:
        raise typer.Exit(1)


def summary(result: JobResult) -> list[str]:
    """The lines that say what a job did."""
    lines = [f"{day}  {_listed(done)}" for day, done in result.days.items()]
    lines += [f"{day}  failed: {reason}" for day, reason in result.failed.items()]
    if result.left:
        lines.append(f"not reached, run it again: {', '.join(map(str, result.left))}")
    if result.details:
        lines.append(_listed(result.details))
    return lines or ["Nothing to do."]


def _listed(facts: Any) -> str:  # noqa: ANN401 - a mapping of JSON values
    return "  ".join(f"{name.replace('_', ' ')} {value}" for name, value in facts.items())


def _say(line: str) -> None:
    console.print(line, soft_wrap=True)


def _settings(settings: Settings) -> BatchSettings:
    """Where the lake of this account and region is."""
    account = client("sts").get_caller_identity()["Account"]
    region = client("s3").meta.region_name

    def bucket(zone: Zone) -> str:
        return f"{settings.project}-{zone}-{account}-{region}"

    return BatchSettings(
        database=settings.lake.database,
        workgroup=settings.lake.workgroup,
        raw_bucket=bucket("raw"),
        raw_prefix=settings.firehose.raw.prefix,
        curated_bucket=bucket("curated"),
        quarantine_bucket=bucket("quarantine"),
        artifacts_bucket=bucket("artifacts"),
        keep_days=settings.gold.keep_days,
        settle_hours=settings.gold.settle_hours,
    )


if __name__ == "__main__":
    commands.run(app)
