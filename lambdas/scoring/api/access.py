"""Who may call, how much, and how fast: keys and tokens, sizes, rates, and patience with slow senders.

A plain ASGI middleware, so that a request is refused before any of its body is parsed.
"""

import asyncio
import hashlib
import hmac
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from lambdas.scoring.api.callers import SignedCallers, unauthorized
from lambdas.scoring.api.problems import Problem
from petrostream.aws.caller_token import PREFIX

OPEN_PATHS = frozenset({"/health", "/ready"})
"""Paths without key and limits: whoever decides whether the service lives must always reach them."""

MAX_CLIENTS = 10_000
"""Most clients whose rate is remembered."""


@dataclass(frozen=True, slots=True)
class ApiLimits:
    """What a client may ask for.

    Attributes:
        body_bytes: longest body.
        body_seconds: longest time that a body may take to arrive.
        requests_per_second, burst: of one client, as a token bucket.
        at_once: requests of all clients that are worked on at the same time.
    """

    body_bytes: int = 4 * 1024 * 1024
    body_seconds: float = 10.0
    requests_per_second: float = 100.0
    burst: int = 200
    at_once: int = 64


class Access:
    """The middleware.

    Args:
        app: the application behind it.
        key_digests: SHA-256 digests of the keys that are accepted, in hexadecimal.
        signed: names callers by tokens that they signed; None if none are accepted. Without it and without
            keys, everybody is let in.
        limits: sizes and rates.
        clock: returns seconds, for the rates.
    """

    def __init__(
        self,
        app: ASGIApp,
        key_digests: Sequence[str] = (),
        signed: SignedCallers | None = None,
        limits: ApiLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._digests = [digest.lower() for digest in key_digests]
        self._signed = signed
        self._limits = limits or ApiLimits()
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._working = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on with its body in memory."""
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS:
            await self._app(scope, receive, send)
            return
        try:
            client = await self._client(scope)
            self._take(client)
            body = await self._body(scope, receive)
            if self._working >= self._limits.at_once:
                raise Problem(  # noqa: TRY301 - answered with the others
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    "too many requests are worked on: try again",
                    headers={"Retry-After": "1"},
                )
        except Problem as problem:
            # A client may still be sending: without closing, its bytes would be read as the next request.
            problem.headers = {**problem.headers, "Connection": "close"}
            await problem.response(scope["path"])(scope, receive, send)
            return
        await self._pass_on(scope, body, receive, send)

    async def _pass_on(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        given = False

        async def replay() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        streaming = scope["path"].endswith("/events")
        self._working += not streaming
        try:
            await self._app(scope, replay, send)
        finally:
            self._working -= not streaming

    async def _client(self, scope: Scope) -> str:
        """Name of the client: who signed its token, its key's digest, or its address."""
        if not self._digests and self._signed is None:
            return str((scope.get("client") or ("unknown",))[0])
        headers = dict(scope["headers"])
        bearer = headers.get(b"authorization", b"")
        bearer = bearer[7:].strip() if bearer[:7].lower() == b"bearer " else b""
        if self._signed is not None and bearer.startswith(PREFIX.encode()):
            return await self._signed.name(bearer.decode("latin-1"))
        key = headers.get(b"x-api-key", b"") or bearer
        digest = hashlib.sha256(key.strip()).hexdigest()
        # Every digest is compared, each in constant time.
        known = [hmac.compare_digest(digest, accepted) for accepted in self._digests]
        if not key or not any(known):
            raise unauthorized(self._wanted(what="is not known" if key else "is missing"))
        return digest

    def _wanted(self, what: str) -> str:
        token = f"a token of petrostream.aws.caller_token, {PREFIX}…, as a bearer token"
        if not self._digests:
            return f"the token {what}: send {token}"
        other = "" if self._signed is None else f", or {token}"
        return f"the key {what}: send one in the header X-Api-Key{other}"

    def _take(self, client: str) -> None:
        """Take a token from the client's bucket."""
        now, limits = self._clock(), self._limits
        tokens, since = self._buckets.pop(client, (float(limits.burst), now))
        tokens = min(float(limits.burst), tokens + (now - since) * limits.requests_per_second)
        self._buckets[client] = (max(tokens - 1, 0.0) if tokens >= 1 else tokens, now)
        while len(self._buckets) > MAX_CLIENTS:
            self._buckets.popitem(last=False)
        if tokens < 1:
            wait = (1 - tokens) / limits.requests_per_second
            raise Problem(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"more than {limits.requests_per_second:g} requests a second: send readings in batches",
                headers={"Retry-After": str(max(1, round(wait)))},
            )

    async def _body(self, scope: Scope, receive: Receive) -> bytes:
        limit = self._limits.body_bytes
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        too_long = Problem(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is longer than {limit:,} bytes: send it in parts"
        )
        if declared.isdigit() and int(declared) > limit:
            raise too_long
        parts, size = [], 0
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise Problem(HTTPStatus.BAD_REQUEST, "the connection ended before the body did")
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > limit:
                        raise too_long
                    if not message.get("more_body"):
                        return b"".join(parts)
        except TimeoutError as error:
            seconds = self._limits.body_seconds
            raise Problem(
                HTTPStatus.REQUEST_TIMEOUT, f"the body did not arrive within {seconds:g} s"
            ) from error
