"""The application: routes, each a few lines over the domain and the adapters."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any

import orjson
from fastapi import Body, FastAPI, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from lambdas.scoring.api import documents, examples, schemas
from lambdas.scoring.api.access import OPEN_PATHS, Access, ApiLimits
from lambdas.scoring.api.callers import SignedCallers
from lambdas.scoring.api.gauges import Gauges
from lambdas.scoring.api.problems import Problem, install
from lambdas.scoring.api.readings import lines_of, score_lines
from lambdas.scoring.api.services import Services
from petrostream.alarms import OperatorRequest
from petrostream.aws.live_reader import Lookback
from petrostream.scoring import FacilityState

EVENT_SECONDS = 2.0
"""Time between two looks at the live table for the stream of events."""

WellId = Annotated[str, Path(examples=[examples.WELL_ID])]


class ActionBody(BaseModel):
    """An operator's action.

    Attributes:
        actor: who acts.
        comment: why; required to shelve, to remove from service and to comment.
        hours: how long to shelve, at most 12; for shelve alone.
    """

    model_config = {"extra": "forbid", "json_schema_extra": {"examples": [examples.ACTION]}}

    actor: Annotated[str, Field(min_length=1, max_length=200)]
    comment: Annotated[str, Field(max_length=2000)] = ""
    hours: Annotated[float | None, Field(gt=0, le=12)] = None


def create_app(
    services: Services,
    key_digests: Sequence[str] = (),
    limits: ApiLimits | None = None,
    gauges: Gauges | None = None,
    signed: SignedCallers | None = None,
) -> FastAPI:
    """Build the application.

    Args:
        services: what it works with.
        key_digests: SHA-256 digests of accepted keys; without any, and without `signed`, no key is asked for.
        limits: sizes and rates.
        gauges: what `/metrics` reports; new ones if None.
        signed: names callers by signed tokens.
    """
    app = FastAPI(
        title="PetroStream", version="1", summary="Scores readings; the fleet, minutes, alarms.",
        openapi_url="/v1/openapi.json", docs_url=None, redoc_url=None, default_response_class=Response,
    )  # fmt: skip
    gauges = gauges or Gauges()
    install(app)
    _health(app, services, gauges)
    _scoring(app, services, gauges)
    _fleet(app, services)
    _alarms(app, services)
    app.add_middleware(Access, key_digests=key_digests, signed=signed, limits=limits)
    schemes = schemas.security(keys=bool(key_digests), signed=signed is not None)
    app.openapi = _completed(app, app.openapi, schemes)  # type: ignore[method-assign]
    return app


def _health(app: FastAPI, services: Services, gauges: Gauges) -> None:
    @app.get(
        "/health",
        tags=["service"],
        summary="Whether the process lives",
        responses=schemas.answers(schemas.HEALTH, open_to_all=True),
    )
    async def health() -> Response:
        return _json({"status": "ok"})

    @app.get(
        "/ready",
        tags=["service"],
        summary="Whether it can score: models, if there are any, are loaded",
        responses=schemas.answers(schemas.READY, 503, open_to_all=True),
    )
    def ready() -> Response:
        models = services.models.current()
        return _json({"status": "ready", "model_version": None if models is None else models.version})

    @app.get(
        "/metrics",
        tags=["service"],
        summary="Prometheus metrics",
        responses=schemas.answers(None, media_type="text/plain"),
    )
    def metrics() -> Response:
        return Response(gauges.page(), media_type=gauges.MEDIA_TYPE)


def _scoring(app: FastAPI, services: Services, gauges: Gauges) -> None:
    one_at_a_time = asyncio.Semaphore(1)

    @app.post(
        "/v1/score",
        tags=["scoring"],
        summary="Score readings: one, a list, or one a line (NDJSON)",
        openapi_extra=schemas.SCORE_BODY,
        responses=schemas.answers(schemas.SCORED, 415, 422),
    )
    async def score(
        request: Request,
        state: Annotated[str, Query(pattern="^(none|live)$", description=examples.STATE)] = "none",
    ) -> Response:
        data = lines_of(await request.body(), request.headers.get("content-type", ""))
        states: Callable[[str], FacilityState] = services.state if state == "live" else FacilityState
        # One core scores one request at a time; the others wait here, and health checks do not.
        async with one_at_a_time:
            with gauges.timed("score"):
                body = await run_in_threadpool(_scored, services, data, states)
        gauges.scored(body)
        return Response(body, media_type="application/json")


def _fleet(app: FastAPI, services: Services) -> None:
    @app.get(
        "/v1/fleet",
        tags=["fleet"],
        summary="Every facility and well, as of its latest reading",
        responses=schemas.answers(schemas.FLEET),
    )
    def fleet() -> Response:
        return _json({"facilities": [documents.facility(one) for one in services.live.fleet()]})

    @app.get(
        "/v1/wells",
        tags=["fleet"],
        summary="Every well, as of its latest reading",
        responses=schemas.answers(schemas.WELLS),
    )
    def wells() -> Response:
        return _json({"wells": [documents.well(one) for one in _wells(services)]})

    @app.get(
        "/v1/wells/{well_id}",
        tags=["fleet"],
        summary="A well, as of its latest reading",
        responses=schemas.answers(schemas.WELL, 404, 422),
    )
    def well(well_id: WellId) -> Response:
        return _json(documents.well(_well(services, well_id)))

    @app.get(
        "/v1/wells/{well_id}/minutes",
        tags=["fleet"],
        summary="A well's minutes, oldest first",
        responses=schemas.answers(schemas.MINUTES, 404, 422),
    )
    def minutes(
        well_id: WellId,
        last: Lookback = "1h",
        start: Annotated[datetime | None, Query(description="With a zone, as 2026-11-20T09:00:00Z")] = None,
        end: Annotated[datetime | None, Query(description="With a zone; at most 48 h after start")] = None,
    ) -> Response:
        if (start is None) != (end is None):
            raise Problem(
                HTTPStatus.UNPROCESSABLE_ENTITY, "start and end belong together: give both, or last"
            )
        live = _well(services, well_id)
        if start is not None and end is not None:
            found = services.live.minutes(well_id, start, end)
        else:
            now = datetime.fromisoformat(documents.time(services.now_ms()) or "")
            found = [*services.live.last(well_id, last, now=now), *live.minutes]
        return _json({"well_id": well_id, "minutes": [documents.minute(one) for one in found]})


def _alarms(app: FastAPI, services: Services) -> None:
    @app.get(
        "/v1/alarms",
        tags=["alarms"],
        summary="Every alarm that is not normal",
        responses=schemas.answers(schemas.ALARMS),
    )
    def alarms() -> Response:
        return _json({"alarms": _standing(services)})

    @app.post(
        "/v1/alarms/{well_id}/{alarm_type}/{action}",
        tags=["alarms"],
        summary="Acknowledge, shelve, unshelve, remove from and return to service, comment",
        responses=schemas.answers(schemas.ACTED, 404, 409, 422),
    )
    def act(
        well_id: WellId,
        alarm_type: Annotated[str, Path(examples=["methane_high"])],
        action: examples.ActionName,
        body: Annotated[ActionBody, Body()],
    ) -> Response:
        request = OperatorRequest(action, body.actor, body.comment, body.hours)
        done = services.desk.act(well_id, alarm_type, request)
        return _json(
            {
                "transition_id": done.action.transition_id,
                "event": done.action.event,
                "state": done.record.state(services.now_ms()),
                "ts": documents.time(done.action.ts_ms),
                "shelved_until": documents.time(done.action.shelved_until_ms),
                "in_history": done.delivered,
            }
        )

    @app.get(
        "/v1/events",
        tags=["alarms"],
        summary="Changes of alarms as they happen (server-sent events)",
        responses=schemas.answers(schemas.CHANGE, media_type="text/event-stream"),
    )
    async def events() -> StreamingResponse:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(_changes(services), media_type="text/event-stream", headers=headers)


def _scored(services: Services, data: bytes, states: Callable[[str], FacilityState]) -> bytes:
    return score_lines(data, states, services.models.current(), services.now_ms())


async def _changes(services: Services) -> AsyncIterator[bytes]:
    """An event for each alarm that changed its state; first one for each that stands."""
    before: dict[str, dict[str, Any]] = {}
    while True:
        try:
            standing = {alarm["id"]: alarm for alarm in await run_in_threadpool(_standing, services)}
        except Exception:
            yield b": the live table does not answer\n\n"
        else:
            changed = [alarm for name, alarm in standing.items() if alarm != before.get(name)]
            over = [{**before[name], "state": "normal"} for name in before if name not in standing]
            for alarm in (*changed, *over):
                yield b"event: alarm\ndata: %b\n\n" % orjson.dumps(alarm)
            before = standing
            # A comment: it keeps the connection open, and finds one that is gone.
            yield b": \n\n"
        await asyncio.sleep(EVENT_SECONDS)


def _standing(services: Services) -> list[dict[str, Any]]:
    now_ms = services.now_ms()
    return [documents.alarm(view, now_ms) for view in services.desk.tags()]


def _wells(services: Services) -> list[Any]:
    return [well for facility in services.live.fleet() for well in facility.wells]


def _well(services: Services, well_id: str) -> Any:  # noqa: ANN401 - a Well
    for well in _wells(services):
        if well.well_id == well_id:
            return well
    raise Problem(
        HTTPStatus.NOT_FOUND, f"well {well_id!r}: no such well has sent a reading; /v1/wells lists them"
    )


def _json(document: object) -> Response:
    return Response(orjson.dumps(document), media_type="application/json")


def _completed(
    app: FastAPI, build: Callable[[], dict[str, Any]], schemes: dict[str, schemas.Document]
) -> Callable[[], dict[str, Any]]:
    """The description of the API, with what its routes do not say: the form of errors, and the keys."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            found = build()
            components = found.setdefault("components", {})
            components.setdefault("schemas", {})["Problem"] = examples.PROBLEM
            if schemes:
                components["securitySchemes"] = schemes
                found["security"] = [{name: []} for name in schemes]
                for path in OPEN_PATHS:
                    found["paths"][path]["get"]["security"] = []
            app.openapi_schema = found
        return app.openapi_schema

    return document
