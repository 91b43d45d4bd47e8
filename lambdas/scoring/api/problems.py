"""Errors as problem details (RFC 9457): what is wrong, in which field, and what to do."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from petrostream.alarms import ActionRefusedError
from petrostream.aws.alarm_desk import UnknownTag
from petrostream.aws.operator_tags import TagChanged
from petrostream.errors import ModelInvalid, PetroStreamError, RangeInvalid, ServiceUnavailable, Throttled

MEDIA_TYPE = "application/problem+json"
RETRY_SECONDS = 1


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it so
    """A request that is answered with problem details.

    Args:
        status: HTTP status.
        detail: what is wrong with this request, and what to do.
        errors: what is wrong with each part of it, if it has parts.
        headers: headers of the response.
    """

    def __init__(
        self,
        status: int,
        detail: str,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.errors = errors
        self.headers = headers or {}

    def response(self, instance: str) -> Response:
        """The response to a request for the path `instance`."""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
        }
        if self.errors:
            document["errors"] = self.errors
        return Response(orjson.dumps(document), self.status, dict(self.headers), MEDIA_TYPE)


def reason_error(line: int, reason: str) -> dict[str, Any]:
    """An entry of `errors` for a reason of validation, such as `missing:ts`.

    Args:
        line: number of the reading in the request, from 0.
        reason: the reason, `<what>:<field>` or `<what>`.
    """
    what, _, field = reason.partition(":")
    return {"line": line, "field": field or None, "reason": what}


def install(app: FastAPI) -> None:
    """Make an application answer every error with problem details."""

    @app.exception_handler(Problem)
    async def _problem(request: Request, problem: Problem) -> Response:
        return problem.response(request.url.path)

    @app.exception_handler(HTTPException)
    async def _http(request: Request, error: HTTPException) -> Response:
        return Problem(error.status_code, str(error.detail), headers=error.headers).response(request.url.path)

    @app.exception_handler(RequestValidationError)
    async def _invalid(request: Request, error: RequestValidationError) -> Response:
        errors = [
            {"field": ".".join(map(str, part["loc"])), "reason": part["msg"]} for part in error.errors()
        ]
        detail = "; ".join(f"{part['field']}: {part['reason']}" for part in errors)
        return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, detail, errors).response(request.url.path)

    @app.exception_handler(PetroStreamError)
    @app.exception_handler(ActionRefusedError)
    async def _known(request: Request, error: Exception) -> Response:
        return of_error(error).response(request.url.path)


def of_error(error: Exception) -> Problem:
    """The problem that an error of PetroStream is."""
    text = str(error)
    if isinstance(error, ServiceUnavailable) and not isinstance(error, Throttled):
        text = f"{error.service} does not answer: {error.cause}"
    for kinds, status in _STATUSES:
        if isinstance(error, kinds):
            again = {"Retry-After": str(RETRY_SECONDS)} if status == HTTPStatus.SERVICE_UNAVAILABLE else {}
            return Problem(status, text, headers=again)
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "An error of the service; its log has the reason.")


_STATUSES: tuple[tuple[tuple[type[Exception], ...], HTTPStatus], ...] = (
    ((ServiceUnavailable, ModelInvalid), HTTPStatus.SERVICE_UNAVAILABLE),
    ((UnknownTag,), HTTPStatus.NOT_FOUND),
    ((ActionRefusedError, TagChanged), HTTPStatus.CONFLICT),
    ((RangeInvalid,), HTTPStatus.UNPROCESSABLE_ENTITY),
)
