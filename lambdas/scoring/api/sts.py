"""Has STS answer a request to GetCallerIdentity that a caller has signed."""

import http.client
import ssl
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from petrostream.backoff import Backoff, Deadline
from petrostream.errors import ServiceUnavailable

SECONDS = 3.0
ANSWER_BYTES = 16_384
WHOLE_SECONDS = 8.0
AGAIN = Backoff(limit=3, base=0.1, cap=1.0)

Connect = Callable[[str], http.client.HTTPConnection]


class Refused(Exception):  # noqa: N818 - an answer, not an error of ours
    """STS has refused a request; the text is its code."""


def _connect(host: str) -> http.client.HTTPConnection:
    return http.client.HTTPSConnection(host, 443, timeout=SECONDS, context=ssl.create_default_context())


def ask(
    host: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    connect: Connect = _connect,
    backoff: Backoff = AGAIN,
) -> str:
    """ARN of whoever signed a request.

    Redirects are not followed, and no proxy of the environment is used.

    Args:
        host: the endpoint of STS.
        query: of the request.
        headers: those of them that were signed, besides the host.
        connect: opens a connection to a host.
        backoff: between attempts.

    Raises:
        Refused: STS refuses the request.
        ServiceUnavailable: STS does not answer, or not as it should.
    """
    cause = "no answer"
    for _ in backoff.attempts(Deadline.after(WHOLE_SECONDS)):
        try:
            status, body = _once(connect(host), query, headers)
        except (OSError, http.client.HTTPException) as error:
            cause = str(error)
            continue
        if status == HTTPStatus.OK:
            return _arn(body)
        code = _code(body)
        if status == HTTPStatus.TOO_MANY_REQUESTS or "Throttl" in code:
            cause = f"throttled: {code}"
        elif HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
            raise Refused(code)
        else:
            cause = f"status {status}"
    raise ServiceUnavailable("STS", "GetCallerIdentity", cause)


def _once(
    connection: http.client.HTTPConnection, query: Mapping[str, str], headers: Mapping[str, str]
) -> tuple[int, bytes]:
    try:
        path = f"/?{urlencode(query, quote_via=quote, safe='-_.~')}"
        connection.request("GET", path, headers={**headers, "Accept": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read(ANSWER_BYTES)
    finally:
        connection.close()


def _arn(body: bytes) -> str:
    try:
        return str(orjson.loads(body)["GetCallerIdentityResponse"]["GetCallerIdentityResult"]["Arn"])
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise ServiceUnavailable("STS", "GetCallerIdentity", f"an answer without ARN: {error!r}") from error


def _code(body: bytes) -> str:
    """Code of an error, or what stands for one: nothing else of the answer is passed on."""
    try:
        found: Any = orjson.loads(body)["Error"]["Code"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return "without a reason"
    return found if isinstance(found, str) and found.isalnum() else "without a reason"
