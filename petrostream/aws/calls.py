"""Classifies a client's exceptions without importing botocore, which would slow a cold start."""

from typing import Any

from petrostream.errors import ServiceUnavailable, Throttled

THROTTLING = frozenset(
    {
        "LimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "ServiceUnavailableException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
"""Error codes that ask for less load."""

TRANSIENT = frozenset(
    {
        "500",
        "502",
        "503",
        "504",
        "InternalError",
        "InternalFailure",
        "InternalServerError",
        "InternalServiceError",
        "RequestTimeout",
        "RequestTimeoutException",
        "ServiceUnavailable",
        "TransactionInProgressException",
    }
)
"""Error codes of a temporary failure of the service."""


def error_code(error: Exception) -> str:
    """The service's error code, or the exception's class name if the service did not respond."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        code = response.get("Error", {}).get("Code")
        if code:
            return str(code)
    return type(error).__name__


def repeatable(error: Exception) -> bool:
    """Whether the same call may succeed later: throttled, temporary failure, or no response.

    A call without a response may be repeated because every write here is idempotent: by event_id, by
    quarantine_id, or by a condition on the version.
    """
    if isinstance(getattr(error, "response", None), dict):
        code = error_code(error)
        return code in THROTTLING or code in TRANSIENT
    # botocore wraps socket errors in its own classes; all of them derive from one of these.
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"ConnectionError", "HTTPClientError", "OSError"})


def unavailable(operation: str, error: Exception) -> ServiceUnavailable:
    """The error to raise for a call to DynamoDB that failed after its retries."""
    code = error_code(error)
    if code in THROTTLING:
        return Throttled("DynamoDB", operation, code)
    return ServiceUnavailable("DynamoDB", operation, code if repeatable(error) else f"{code}: {error}")


def at_version(version: int) -> dict[str, Any]:
    """Condition of a PutItem: nobody has written the item since this version; 0 means that there is none."""
    if not version:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "#version = :version",
        "ExpressionAttributeNames": {"#version": "version"},
        "ExpressionAttributeValues": {":version": {"N": str(version)}},
    }
