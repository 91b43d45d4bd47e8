"""Where a deployment goes: account and region, known before anything is built or asked."""

import os
from collections.abc import MutableMapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import boto3
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, ProfileNotFound

from petrostream.aws.clients import client
from toolchain.errors import ToolError
from toolchain.twin import Twin, point_at_twin, twin

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
_SIGN_IN = "Sign in (for example `aws sso login`, or set AWS_PROFILE) and run this again."


@dataclass(frozen=True, slots=True)
class Place:
    """An account in a region.

    Attributes:
        account: twelve digits.
        region: code of the region.
        caller: ARN of whoever deploys.
        twin: the emulator on this machine; None for AWS.
    """

    account: str
    region: str
    caller: str
    twin: Twin | None = None

    @property
    def partition(self) -> str:
        """Partition of the region, as ARNs name it."""
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"

    def __str__(self) -> str:
        where = f"the emulator at {self.twin.endpoint}" if self.twin else "AWS"
        return f"{where}, account {self.account}, region {self.region}"


def find_place(environment: MutableMapping[str, str] = os.environ) -> Place:
    """Find the account and region of the environment's credentials.

    Sets the region in `environment`, in both spellings, so that every tool started from here uses the same.

    Raises:
        ToolError: no region, no usable credentials, no connection, or an endpoint that is neither AWS nor
            an emulator on this machine.
    """
    emulator = _emulator(environment)
    region = environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION") or _profile_region()
    if not region:
        raise ToolError("No AWS region is set.", "Choose one: export AWS_REGION=us-east-1")
    environment["AWS_REGION"] = environment["AWS_DEFAULT_REGION"] = region
    identity = _identity(region)
    return Place(account=identity[0], region=region, caller=identity[1], twin=emulator)


def _emulator(environment: MutableMapping[str, str]) -> Twin | None:
    """The emulator, if the environment names its address; all tools then use it alone."""
    endpoint = environment.get("AWS_ENDPOINT_URL", "").rstrip("/")
    if not endpoint:
        return None
    parts = urlsplit(endpoint)
    if parts.hostname not in _LOOPBACK or parts.port is None:
        raise ToolError(
            f"AWS_ENDPOINT_URL is {endpoint}: neither AWS nor an emulator on this machine.",
            "Unset AWS_ENDPOINT_URL to deploy to AWS.",
        )
    target = Twin(port=parts.port, home=twin().home)
    point_at_twin(environment, target)
    return target


def _profile_region() -> str | None:
    try:
        region: str | None = boto3.Session().region_name
    except ProfileNotFound as error:
        raise ToolError(f"{error}.", "Correct AWS_PROFILE, or unset it.") from error
    return region


def _identity(region: str) -> tuple[str, str]:
    try:
        answer = client("sts").get_caller_identity()
    except ProfileNotFound as error:
        raise ToolError(f"{error}.", "Correct AWS_PROFILE, or unset it.") from error
    except NoCredentialsError as error:
        raise ToolError("There are no AWS credentials.", _SIGN_IN) from error
    except ClientError as error:
        code = error.response["Error"]["Code"]
        if code in _EXPIRED:
            raise ToolError("The AWS credentials have expired.", _SIGN_IN) from error
        raise ToolError(f"AWS does not accept the credentials: {error}", _SIGN_IN) from error
    except BotoCoreError as error:
        hint = f"Check the network, and that {region} is a region of your account."
        raise ToolError(f"AWS could not be asked who you are: {error}", hint) from error
    return str(answer["Account"]), str(answer["Arn"])
