"""AWS clients: one table of time-outs and retries, one client for each service and process.

No call waits for botocore's default 60 seconds, and every client retries a bounded number of times with
jittered backoff. Operations with partial failures (PutRecordBatch, PutRecords) are also retried by their
adapters, for the failed entries alone. Endpoint, region and credentials come from the environment
(`AWS_ENDPOINT_URL` selects the local emulator).
"""

import os
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload

if TYPE_CHECKING:
    from botocore.config import Config
    from mypy_boto3_athena import AthenaClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_glue import GlueClient
    from mypy_boto3_kinesis import KinesisClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client

RetryMode = Literal["standard", "adaptive"]


@dataclass(frozen=True, slots=True)
class Policy:
    """Time-outs in seconds and number of attempts (the first one included) of calls to one service."""

    connect: float = 3
    read: float = 20
    attempts: int = 5
    mode: RetryMode = "standard"


POLICIES: dict[str, Policy] = {
    # A conditional write of one small item: slow means lost, and the condition makes a retry safe.
    "dynamodb": Policy(connect=2, read=5, attempts=6),
    # Up to 4 MiB a call. Few attempts: the adapter retries, and knows what has been accepted.
    "firehose": Policy(read=20, attempts=3),
    # Up to 5 MiB a call. Adaptive: the producer slows down before the stream refuses.
    "kinesis": Policy(read=20, attempts=3, mode="adaptive"),
    "s3": Policy(read=30, attempts=5),
    "athena": Policy(read=30, attempts=6, mode="adaptive"),
    # A synchronous invocation returns when the function has ended, and must not be retried by the client.
    "lambda": Policy(read=900, attempts=1),
    # A message whose response was lost may have been sent: the adapter decides whether to repeat it.
    "sns": Policy(connect=2, read=5, attempts=1),
    # A long poll is held open for 20 s.
    "sqs": Policy(read=30),
}
"""Policy of each service; others have `Policy()`."""


@overload
def client(service: Literal["athena"]) -> "AthenaClient": ...
@overload
def client(service: Literal["cloudformation"]) -> "CloudFormationClient": ...
@overload
def client(service: Literal["dynamodb"]) -> "DynamoDBClient": ...
@overload
def client(service: Literal["firehose"]) -> "FirehoseClient": ...
@overload
def client(service: Literal["glue"]) -> "GlueClient": ...
@overload
def client(service: Literal["kinesis"]) -> "KinesisClient": ...
@overload
def client(service: Literal["lambda"]) -> "LambdaClient": ...
@overload
def client(service: Literal["s3"]) -> "S3Client": ...
@overload
def client(service: str) -> Any: ...  # noqa: ANN401
def client(service: str) -> Any:
    """The process's client of a service, created on first use.

    Each value of `AWS_ENDPOINT_URL` and of the region has a client of its own, so that one process can use
    the emulator and AWS in turn.
    """
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    return _client(service, os.environ.get("AWS_ENDPOINT_URL"), region)


@cache
def _client(service: str, endpoint: str | None, region: str | None) -> Any:  # noqa: ANN401 - typed by client()
    # boto3 takes a third of the scoring function's import time: import it only when a client is created.
    import boto3  # noqa: PLC0415

    make: Any = boto3.client
    return make(service, endpoint_url=endpoint, region_name=region, config=config_of(service))


def config_of(service: str) -> "Config":
    """How the clients of a service are configured, in botocore's words."""
    from botocore.config import Config  # noqa: PLC0415 - as above

    policy = POLICIES.get(service, Policy())
    return Config(
        connect_timeout=policy.connect,
        read_timeout=policy.read,
        retries={"mode": policy.mode, "total_max_attempts": policy.attempts},
        tcp_keepalive=True,
        # botocore's own is put together again at each call, a fifth of the processor time of a small call.
        user_agent="petrostream",
    )
