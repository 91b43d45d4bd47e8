"""`python -m ops redrive`, `redeliver`, `resend`: bring back what was given up, not delivered, or lost."""

import os
from typing import Annotated

import typer
from rich.console import Console

from infra.settings import load_settings
from ops.redeliver import firehose_names
from ops.redeliver import redeliver as send_again
from ops.redrive import Limits, Redrive, RedriveResult
from ops.resend import ExecuteOption, HoursOption, NowOption, bring_back
from petrostream.aws.clients import client
from petrostream.aws.undelivered import undelivered
from petrostream.errors import PetroStreamError
from petrostream.names import shown
from toolchain import commands
from toolchain.terminal import print_error

app = typer.Typer(help="Tools for operating the lake.", pretty_exceptions_enable=False, add_completion=False)
console = Console(highlight=False, markup=False)

FAILED = 1


@app.callback()
def tools() -> None:
    """Tools for operating the lake."""


@app.command()
def redrive(
    execute: ExecuteOption = False,
    accept_loss: Annotated[
        bool, typer.Option("--accept-loss", help="Redrive what is left of a batch that has partly expired.")
    ] = False,
    max_notices: Annotated[int, typer.Option(min=1, max=1000, help="Most batches in one run.")] = 10,
    max_records: Annotated[
        int, typer.Option(min=1, max=1_000_000, help="Most stream records in one run.")
    ] = 10_000,
    queue_url: Annotated[
        str | None, typer.Option(help="Failure queue. Default: from infra/settings.json.")
    ] = None,
    stream: Annotated[str | None, typer.Option(help="Stream. Default: from infra/settings.json.")] = None,
) -> None:
    """Put the records of batches that scoring gave up on back on the stream."""
    settings = load_settings()
    try:
        sqs = client("sqs")
        url = queue_url or sqs.get_queue_url(QueueName=settings.scoring.failure_queue)["QueueUrl"]
        run = Redrive(
            sqs, client("kinesis"), url, stream or settings.stream.name, Limits(max_notices, max_records)
        )
        results = run.run(
            execute=execute, accept_loss=accept_loss, on_result=lambda result: _say(result, execute)
        )
    except PetroStreamError as trouble:
        print_error(str(trouble))
        raise typer.Exit(FAILED) from trouble
    except Exception as error:
        raise typer.Exit(_refused(error, "check region, credentials and the queue's name")) from error
    _sum_up(results, execute)
    if any(result.trouble for result in results):
        raise typer.Exit(FAILED)


@app.command()
def redeliver(
    execute: ExecuteOption = False,
) -> None:
    """Send what lies under errors/ of every Firehose to it again."""
    try:
        service, s3 = client("firehose"), client("s3")
        results = undelivered(firehose_names(), service, s3)
        if execute:
            results = [send_again(result, service, s3) for result in results]
    except Exception as error:
        raise typer.Exit(_refused(error, "check region and credentials")) from error
    for result in results:
        done = f"{result.entries} entries sent, " if execute else ""
        left = "left" if execute else "to send"
        console.print(f"{result.stream}: {done}{len(result.keys)} objects {left}", soft_wrap=True)
        for trouble in result.troubles:
            console.print(f"  left: {shown(trouble)}", style="yellow", soft_wrap=True)
    if not execute and any(result.keys for result in results):
        console.print("Nothing was changed. Add --execute to do it.")
    if any(result.troubles for result in results):
        raise typer.Exit(FAILED)


@app.command()
def resend(execute: ExecuteOption = False, hours: HoursOption = None, now: NowOption = False) -> None:
    """Send readings that arrived, but are in no table, to the stream again."""
    try:
        bring_back(_print, execute=execute, hours=hours, now=now)
    except PetroStreamError as trouble:
        print_error(str(trouble))
        raise typer.Exit(FAILED) from trouble
    except Exception as error:
        raise typer.Exit(_refused(error, "check region and credentials")) from error


def _print(line: str) -> None:
    console.print(line, soft_wrap=True)


def _refused(error: Exception, advice: str) -> int:
    """Print an error of AWS; returns the exit code. Other errors are raised."""
    if not _from_aws(error):
        raise error
    endpoint = os.environ.get("AWS_ENDPOINT_URL", "AWS")
    print_error(f"{endpoint}: {error}; {advice}")
    return FAILED


def _say(result: RedriveResult, execute: bool) -> None:
    notice = result.notice
    what = f"{notice.message_id}  {notice.shard}  {notice.reason}  from {notice.arrived or 'unknown'}"
    done = f"{result.sent} sent" if execute else "would be sent"
    console.print(f"{shown(what)}: {result.found} of {notice.records} records found, {done}", soft_wrap=True)
    if result.trouble:
        console.print(f"  left in the queue: {shown(result.trouble)}", style="yellow", soft_wrap=True)


def _sum_up(results: list[RedriveResult], execute: bool) -> None:
    if not results:
        console.print("The failure queue is empty.")
        return
    left = sum(bool(result.trouble) for result in results)
    records = sum(result.sent if execute else result.found for result in results if not result.trouble)
    verb = "are on the stream again" if execute else "can be put on the stream again"
    console.print(
        f"{len(results) - left} batches with {records} records {verb}; {left} batches left.", soft_wrap=True
    )
    if not execute and left < len(results):
        console.print("Nothing was changed. Add --execute to do it.")


def _from_aws(error: Exception) -> bool:
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415 - only where it failed

    return isinstance(error, BotoCoreError | ClientError)


if __name__ == "__main__":
    commands.run(app)
