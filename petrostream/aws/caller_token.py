"""Tokens by which a caller proves its IAM role to a service that is not AWS's.

A load balancer does not verify AWS signatures. So a caller signs a request to STS GetCallerIdentity and sends
it, as text, to the service, which has STS answer it: STS alone verifies the signature, and says whose it is.
Vault's AWS login and EKS's aws-iam-authenticator do the same. The request is bound to one service by a signed
header, and good for a few minutes; it names no secret, and nothing but GetCallerIdentity can be done with it.
"""

import base64

import boto3
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest

from petrostream.errors import SettingInvalid

PREFIX = "petrostream-v1."
"""What a token begins with; the rest is the presigned URL in URL-safe base64 without padding."""

SERVICE_HEADER = "X-PetroStream-Service"
"""Signed header that names the service the token is for."""

QUERY = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}
TOKEN_SECONDS = 300
"""Longest life of a token: within it, whoever has a copy can use it at the same service."""


def sts_host(region: str) -> str:
    """The regional endpoint of STS."""
    return f"sts.{region}.amazonaws.com{'.cn' if region.startswith('cn-') else ''}"


def caller_token(service: str, session: boto3.Session | None = None, seconds: int = TOKEN_SECONDS) -> str:
    """A token for the header `Authorization: Bearer …` of requests to a service.

    Args:
        service: name of the service, as its API_IAM_SERVICE has it.
        session: credentials and region, the region being the service's own; the environment's if None.
        seconds: how long it is good for, at most `TOKEN_SECONDS`.

    Raises:
        SettingInvalid: there are no credentials, or no region.
    """
    found = session or boto3.Session()
    credentials, region = found.get_credentials(), found.region_name
    if credentials is None:
        raise SettingInvalid("AWS_PROFILE", None, "a profile, or other credentials, to sign with")
    if region is None:
        raise SettingInvalid("AWS_REGION", None, "the region of the service")
    query = "&".join(f"{name}={value}" for name, value in QUERY.items())
    request = AWSRequest("GET", f"https://{sts_host(region)}/?{query}", headers={SERVICE_HEADER: service})
    SigV4QueryAuth(credentials.get_frozen_credentials(), "sts", region, expires=seconds).add_auth(request)
    url = request.prepare().url
    return PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")
