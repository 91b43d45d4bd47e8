"""Remove the lake: stop the flow, list and delete the data, remove the rest, report what remains."""

from collections.abc import Callable, Mapping

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from deploy import buckets, remains, spark
from deploy.buckets import Content
from deploy.context import Context
from deploy.engine import Engine, Iac
from deploy.receipt import Receipt, receipt
from petrostream.aws.clients import client
from toolchain.errors import ToolError

_ATTEMPTS = 3


def tool(context: Context, iac: Iac | None) -> Engine | None:
    """Find the tool that deployed the lake; None if neither knows of one.

    Raises:
        ToolError: both have, or the one named cannot be used.
    """
    if iac is not None:
        engine = context.engine(iac)
        engine.prepare()
        return engine
    found: list[Engine] = []
    for one in Iac:
        engine = context.engine(one)
        if engine.can_tell() and engine.deployed():
            found.append(engine)
    if len(found) > 1:
        raise ToolError("Both Terraform and the CDK have deployed here.", "Name one: --iac cdk")
    for engine in found:
        engine.prepare()
    return found[0] if found else None


def contents(context: Context) -> Mapping[str, Content]:
    """Content of the lake's buckets that exist and are not empty."""
    held = {bucket: buckets.content(bucket) for bucket in context.names.buckets.values()}
    return {bucket: one for bucket, one in held.items() if one is not None and one.versions}


def remove(
    context: Context, engine: Engine | None, *, keep_data: bool, tick: Callable[[str], None]
) -> Receipt:
    """Remove the lake, or everything but its data and catalogue.

    The stream and its Firehoses go first, so that nothing arrives in a bucket that was just emptied.

    Args:
        context: the place.
        engine: the tool that deployed it; None removes what is found by name.
        keep_data: keep buckets, catalogue and work group, so that stored data can still be queried.
        tick: called with a line of progress.

    Returns:
        What is left.

    Raises:
        ToolError: a step failed; running it again continues from there.
    """
    if engine is not None:
        spark.stop(context.names, context.say)
        engine.stop()
    if not keep_data:
        _remove_lake(context, engine, tick)
    _forget_logs(context)
    return receipt(context.names)


def _remove_lake(context: Context, engine: Engine | None, tick: Callable[[str], None]) -> None:
    """Empty the buckets and remove the lake; buckets that a late delivery refilled are emptied again."""
    for attempt in range(1, _ATTEMPTS + 1):
        for bucket in context.names.buckets.values():
            buckets.empty(bucket, tick=lambda deleted, name=bucket: tick(f"Emptying {name}: {deleted:,}"))  # type: ignore[misc]
        if engine is None:
            _remove_orphans(context)
            return
        try:
            engine.finish()
        except ToolError:
            if attempt == _ATTEMPTS or not contents(context):
                raise
            context.say("Something has arrived in a bucket: emptying it again …")
        else:
            return


def _remove_orphans(context: Context) -> None:
    """Remove buckets that no tool knows of, as after the loss of the state; they are empty by now."""
    for bucket in context.names.buckets.values():
        try:
            client("s3").delete_bucket(Bucket=bucket)
        except ClientError as error:
            if error.response["Error"]["Code"] not in {"NoSuchBucket", "404"}:
                raise ToolError(f"The bucket {bucket} could not be removed: {error}") from error


def _forget_logs(context: Context) -> None:
    """Remove log groups that a function or Firehose wrote to again after its own removal."""
    there = {one.arn for one in remains.present(context.names)}
    logs = client("logs")
    for owner, prefix in _owners(context).items():
        if owner in there:
            continue
        try:
            for group in logs.describe_log_groups(logGroupNamePrefix=prefix).get("logGroups", []):
                logs.delete_log_group(logGroupName=group["logGroupName"])
        except (BotoCoreError, ClientError) as error:
            raise ToolError(f"The log groups {prefix}* could not be removed: {error}") from error


def _owners(context: Context) -> Mapping[str, str]:
    """Log group by the ARN of the function or Firehose that writes to it."""
    names = context.names
    functions = {
        names.arn("lambda", f"function:{name}"): f"/aws/lambda/{name}" for name in names.functions.values()
    }
    hoses = {
        names.arn("firehose", f"deliverystream/{name}"): f"/aws/kinesisfirehose/{name}"
        for name in names.deliveries
    }
    return functions | hoses


def list_data(held: Mapping[str, Content], console: Console) -> None:
    """Print what would be deleted."""
    console.print("This deletes permanently, every version of every object:")
    for bucket, one in held.items():
        more = "" if one.complete else "more than "
        console.print(
            f"  {bucket}  {more}{one.versions:,} objects and versions, {one.size / 1e6:,.1f} MB",
            soft_wrap=True,
        )
