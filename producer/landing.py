"""What has become of a replay's readings: counted at its end, and when it is resumed with nothing left."""

import os
from collections.abc import Iterator

from botocore.exceptions import BotoCoreError, ClientError

from ops.outcome import Run, lines, objects_under_errors, outcome_of_run
from petrostream.aws.athena import run_sql
from petrostream.aws.clients import client
from petrostream.errors import PetroStreamError

QUERY_SECONDS = 60.0


def landing(run: Run, *, sent_now: bool) -> Iterator[str]:
    """The counts of a run so far, a line each.

    Args:
        run: the replay.
        sent_now: whether it has just sent something. On AWS, Firehose holds that back for minutes: then
            nothing is counted, and the line says how to count later.
    """
    if sent_now and not os.environ.get("AWS_ENDPOINT_URL"):
        yield "To count what has landed, run the same command with --resume in a few minutes."
        return
    try:
        objects = objects_under_errors(client("firehose"), client("s3"))
        outcome = outcome_of_run(
            lambda sql: run_sql(sql, timeout_seconds=QUERY_SECONDS).dicts(), run, objects
        )
    except (BotoCoreError, ClientError, PetroStreamError) as error:
        yield f"What has landed could not be counted: {error}"
        return
    yield "In the lake so far:"
    for line in lines(outcome, run.readings):
        yield f"  {line}"
