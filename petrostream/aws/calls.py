"""What an exception of a client means, told without importing botocore, which would slow a cold start."""

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
"""Error codes of a service in trouble of its own."""


def error_code(error: Exception) -> str:
    """The service's error code, or the exception's class name where no service answered."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        code = response.get("Error", {}).get("Code")
        if code:
            return str(code)
    return type(error).__name__


def repeatable(error: Exception) -> bool:
    """Whether the same call may succeed later: throttled, service trouble, or no answer at all.

    A lost answer is repeatable because every write here is idempotent: by event_id, by quarantine_id, or by a
    condition on the version.
    """
    if isinstance(getattr(error, "response", None), dict):
        code = error_code(error)
        return code in THROTTLING or code in TRANSIENT
    # botocore wraps socket trouble in classes of its own; all of them descend from one of these.
    names = {kind.__name__ for kind in type(error).__mro__}
    return bool(names & {"ConnectionError", "HTTPClientError", "OSError"})


def unavailable(operation: str, error: Exception) -> ServiceUnavailable:
    """The error to raise for a call to DynamoDB that failed for good."""
    code = error_code(error)
    if code in THROTTLING:
        return Throttled("DynamoDB", operation, code)
    return ServiceUnavailable("DynamoDB", operation, code if repeatable(error) else f"{code}: {error}")
