"""The bucket of Terraform's state, created before Terraform runs: `python -m deploy.terraform_state`.

Terraform cannot create the bucket for its own state. This creates it once in each account and region, with
old versions of the state kept for a while, or repairs its settings; it changes nothing else and may run at
any time. It prints the command for `terraform init`.
"""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from infra.settings import SettingsError, load_settings
from petrostream.aws.clients import client
from toolchain import commands
from toolchain.errors import ToolError
from toolchain.paths import ROOT
from toolchain.terminal import print_error

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BACKEND = ROOT / "infra" / "terraform" / "backend.hcl"
"""File with the backend settings for `terraform init`; it is not part of the repository."""

KEPT_DAYS = 90
"""Days that replaced versions of the state are kept, for recovery from a mistake."""

_MISSING = frozenset({"404", "NoSuchBucket", "NotFound"})


def bucket_name(account: str, region: str) -> str:
    """Name of the bucket in an account and region."""
    return f"{load_settings().project}-terraform-{account}-{region}"


def prepare(s3: "S3Client", bucket: str, region: str, *, tls_only: bool = True) -> bool:
    """Create the bucket, unless it exists, and apply its settings.

    Args:
        s3: a client of the bucket's region.
        bucket: see `bucket_name`.
        region: its region.
        tls_only: whether it refuses plain HTTP; an emulator speaks nothing else.

    Returns:
        True if it was created.

    Raises:
        ToolError: S3 refuses, or the bucket belongs to another account.
    """
    try:
        made = _make(s3, bucket, region)
        _protect(s3, bucket, tls_only=tls_only)
    except ClientError as error:
        raise ToolError(
            f"The bucket {bucket} for Terraform's state could not be prepared: {error}",
            "You need the rights to create and configure a bucket of that name in this account.",
        ) from error
    except BotoCoreError as error:
        raise ToolError(f"S3 does not answer: {error}", "Check the network and the credentials.") from error
    return made


def _make(s3: "S3Client", bucket: str, region: str) -> bool:
    try:
        s3.head_bucket(Bucket=bucket)
    except ClientError as error:
        if error.response["Error"]["Code"] not in _MISSING:
            raise
    else:
        return False
    if region == "us-east-1":  # S3 refuses its oldest region as a constraint
        s3.create_bucket(Bucket=bucket)
    else:
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})  # type: ignore[typeddict-item]
    return True


def _protect(s3: "S3Client", bucket: str, *, tls_only: bool) -> None:
    s3.put_public_access_block(
        Bucket=bucket,
        PublicAccessBlockConfiguration={
            "BlockPublicAcls": True,
            "BlockPublicPolicy": True,
            "IgnorePublicAcls": True,
            "RestrictPublicBuckets": True,
        },
    )
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    )
    s3.put_bucket_encryption(
        Bucket=bucket,
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
        },
    )
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_lifecycle_configuration(
        Bucket=bucket,
        LifecycleConfiguration={
            "Rules": [
                {
                    "ID": "old-states",
                    "Status": "Enabled",
                    "Filter": {},
                    "NoncurrentVersionExpiration": {"NoncurrentDays": KEPT_DAYS},
                }
            ]
        },
    )
    settings = load_settings()
    tags = {**settings.tags, "environment": settings.environment}
    s3.put_bucket_tagging(
        Bucket=bucket, Tagging={"TagSet": [{"Key": key, "Value": value} for key, value in tags.items()]}
    )
    if tls_only:
        s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(_tls_only(bucket, s3.meta.partition)))


def _tls_only(bucket: str, partition: str) -> dict[str, object]:
    arn = f"arn:{partition}:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:*",
                "Resource": [arn, f"{arn}/*"],
                "Condition": {"Bool": {"aws:SecureTransport": "false"}},
            }
        ],
    }


def backend(bucket: str, region: str, *, emulator: bool = False) -> dict[str, str | bool]:
    """Settings for `terraform init -backend-config` besides those in infra/terraform/versions.tf."""
    answers: dict[str, str | bool] = {"bucket": bucket, "region": region}
    return answers | {"use_path_style": True} if emulator else answers


def backend_file(answers: dict[str, str | bool]) -> str:
    """The same settings as text of a file for `terraform init -backend-config=FILE`."""
    return "".join(f"{name} = {json.dumps(value)}\n" for name, value in answers.items())


def main(
    file: Annotated[Path, typer.Option(help="File for the backend's settings.")] = BACKEND,
) -> None:
    """Create the bucket of Terraform's state, and write its settings to a file."""
    console = Console(highlight=False, markup=False)
    s3 = client("s3")
    region = s3.meta.region_name
    emulator = s3.meta.endpoint_url.startswith("http://")
    try:
        account = client("sts").get_caller_identity()["Account"]
        bucket = bucket_name(account, region)
        made = prepare(s3, bucket, region, tls_only=not emulator)
    except (BotoCoreError, ClientError, SettingsError, ToolError) as error:
        print_error(str(error))
        sys.exit(1)
    file.write_text(backend_file(backend(bucket, region, emulator=emulator)), encoding="utf-8")
    console.print(
        f"Bucket {bucket} {'created' if made else 'exists'}; its settings are right.", soft_wrap=True
    )
    console.print(f"Now: terraform -chdir=infra/terraform init -backend-config={file}", soft_wrap=True)


if __name__ == "__main__":
    commands.run(main)
