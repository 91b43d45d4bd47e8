"""What a deployment by the CDK needs on the twin and its emulator (docs/reference/twin-differences.md).

The caller's own credentials deploy, so of all that `cdk bootstrap` creates only the bucket for assets is
needed. Named queries are saved through Athena's API, since the emulator's CloudFormation lacks their type.
"""

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


def prepare_account(s3: "S3Client") -> None:
    """Create the bucket for the CDK's assets, unless it exists.

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
    """Save the queries of sql/queries in the work group, replacing those saved before.

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
