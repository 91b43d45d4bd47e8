"""Errors of a producer that writes to a stream; each text says what to do."""
# ruff: noqa: N818 - the names say what happened

from petrostream.errors import PetroStreamError


class StreamMissing(PetroStreamError):
    """The stream does not exist at the client's endpoint and region."""

    def __init__(self, stream: str) -> None:
        super().__init__(
            f"there is no stream {stream!r} at this endpoint and region; run ./project_up.sh first, or name "
            "another stream with --stream"
        )
        self.stream = stream


class EndpointUnreachable(PetroStreamError):
    """The endpoint does not respond."""

    def __init__(self, stream: str, cause: str) -> None:
        super().__init__(
            f"can't reach Kinesis for stream {stream!r} ({cause}); run ./project_up.sh first, and check "
            "--endpoint-url or AWS_ENDPOINT_URL"
        )
        self.cause = cause


class WriteRefused(PetroStreamError):
    """The service refuses a call, and no retry can succeed: credentials, permission, invalid request."""

    def __init__(self, stream: str, cause: str) -> None:
        super().__init__(
            f"can't write to stream {stream!r}: {cause}; check region and credentials, and that they allow "
            "kinesis:PutRecords on this stream (for the local twin, run ./project_up.sh first)"
        )
        self.cause = cause


class StreamStalled(PetroStreamError):
    """A record was refused repeatedly for longer than `RetryLimits.limit_s`."""

    def __init__(self, stream: str, key: str, seconds: float, attempts: int, cause: str) -> None:
        super().__init__(
            f"stream {stream!r}: the next record of {key} was refused {attempts} times in {seconds:.0f} s "
            f"(last: {cause}); add shards if the stream throttles, or wait until it is healthy, then resume"
        )
        self.key = key
        self.cause = cause
