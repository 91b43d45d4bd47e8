"""How the CDK app reaches the twin: the arguments of `cdk deploy`, and what the emulator needs besides.

Three things differ from an AWS account, all for the emulator (docs/reference/twin-differences.md): the
caller's own credentials deploy, so of all that `cdk bootstrap` creates only the bucket for assets is needed;
stacks are deployed without change sets, which the CDK would wait for by polling every five seconds; and named
queries are saved through Athena's API, since the emulator's CloudFormation lacks their type.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infra.queries import named_queries
from infra.settings import load_settings
from toolchain.twin import ACCOUNT, REGION

if TYPE_CHECKING:
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_s3 import S3Client

ASSETS_BUCKET = f"cdk-hnb659fds-assets-{ACCOUNT}-{REGION}"
"""The bucket the CDK uploads templates and packages to; `hnb659fds` is its default qualifier."""

QUIET = {
    "CDK_DISABLE_CLI_TELEMETRY": "true",
    "CDK_DISABLE_VERSION_CHECK": "1",
    "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
    "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "20",
    "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
}
"""Environment that keeps the CDK from asking the network, and its log to what concerns the deployment."""


def deploy_command(cdk: Sequence[str], stacks: Sequence[str], outputs: Path) -> list[str]:
    """The command, to be run in infra/cdk, that deploys `stacks` to the twin.

    Args:
        cdk: the CDK command line.
        stacks: names of stacks.
        outputs: file that receives their outputs as JSON.
    """
    # The CDK would run the app with the `python3` of the path, which may not have the library.
    app = ["--app", f'"{sys.executable}" app.py', "--context", "target=twin"]
    how = ["--method", "direct", "--require-approval", "never", "--concurrency", "1"]
    return [*cdk, "deploy", *stacks, *app, *how, "--outputs-file", str(outputs), "--no-notices", "--ci"]


def prepare_account(s3: "S3Client") -> None:
    """Makes the bucket for the CDK's assets, unless it is there.

    Raises:
        botocore.exceptions.ClientError: S3 refuses.
    """
    try:
        s3.head_bucket(Bucket=ASSETS_BUCKET)
    except ClientError as error:
        if error.response["Error"]["Code"] not in {"404", "NoSuchBucket"}:
            raise
        s3.create_bucket(Bucket=ASSETS_BUCKET)


def save_queries(athena: "AthenaClient") -> list[str]:
    """Saves the queries of sql/queries in the work group, in place of those saved before.

    Returns:
        Their names.

    Raises:
        botocore.exceptions.ClientError: Athena refuses.
    """
    lake = load_settings().lake
    old = athena.list_named_queries(WorkGroup=lake.workgroup).get("NamedQueryIds", [])
    for query_id in old:
        athena.delete_named_query(NamedQueryId=query_id)
    queries = named_queries()
    for query in queries:
        athena.create_named_query(
            Name=query.name,
            Description=query.description,
            Database=lake.database,
            QueryString=query.sql,
            WorkGroup=lake.workgroup,
        )
    return [query.name for query in queries]
