"""The API does what its description says: schemathesis sends what that allows, and what it forbids."""

import hashlib
from collections import Counter, defaultdict
from datetime import datetime

import schemathesis
from schemathesis import engine
from schemathesis.config import SchemathesisConfig

from lambdas.scoring.api import examples
from lambdas.scoring.api.access import ApiLimits
from lambdas.scoring.api.app import create_app
from lambdas.scoring.api.services import Services
from tests.support import depth
from tests.support.alarm_desk import desk_of
from tests.support.live_table import ReadableTable
from tests.unit.aws.test_alarm_desk import leaking
from tests.unit.pipeline.test_live import NO_METRICS

pytestmark = NO_METRICS
KEY = "a key"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()
# After the example's own time, which would otherwise lie in the future.
NOW_MS = int(datetime.fromisoformat(examples.READING["ts"]).timestamp() * 1000) + 60_000
HEADERS = {"X-Api-Key": KEY}
CHECKS = {
    "allow_header_conformance", "content_type_conformance", "ignored_auth", "missing_required_header",
    "negative_data_rejection", "not_a_server_error", "positive_data_acceptance",
    "response_headers_conformance", "response_schema_conformance", "status_code_conformance",
    "unsupported_method",
}  # fmt: skip
REFUSABLE = {
    # Not in OpenAPI's words: a time that is not in the future, names without control characters.
    "POST /v1/score": [422],
    # A well that exists; start and end together, and at most 48 h apart.
    "GET /v1/wells/{well_id}/minutes": [404, 422],
    # An alarm that exists, in a state that allows the action, with what the action needs.
    "POST /v1/alarms/{well_id}/{alarm_type}/{action}": [404, 409, 422],
}
"""Operations whose every request the description cannot tell right from wrong, and how they refuse one."""


def _app():
    world = leaking()
    worker = world.worker()
    services = Services(
        models=worker.models,
        state=lambda facility: worker.states.committed(facility).scoring,
        live=ReadableTable(world.table).live(),
        desk=desk_of(world, lambda: NOW_MS),
        now_ms=lambda: NOW_MS,
    )
    return create_app(services, [DIGEST], ApiLimits(requests_per_second=1e6, burst=10**6))


def _config():
    return SchemathesisConfig.from_dict(
        {
            "headers": HEADERS,
            "max-stream-events": 1,
            "continue-on-failure": True,
            # The same requests in every run.
            "generation": {"max-examples": depth.examples(15), "deterministic": True, "database": "none"},
            "operations": [
                {
                    "include-name": name,
                    "checks": {"positive_data_acceptance": {"expected-statuses": ["2xx", *statuses]}},
                }
                for name, statuses in REFUSABLE.items()
            ],
        }
    )


def test_schemathesis_finds_nothing():
    app = _app()
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", app, config=_config(), headers=HEADERS)
    checks, statuses, found = Counter(), defaultdict(set), []
    for event in engine.from_schema(schema).execute():
        assert not isinstance(event, (engine.events.NonFatalError, engine.events.FatalError)), event
        if isinstance(event, engine.events.ScenarioFinished):
            _read(event.recorder, checks, statuses, found)
    assert not found, "\n\n".join(found[:5])
    paths = app.openapi()["paths"].items()
    operations = {f"{method.upper()} {path}" for path, methods in paths for method in methods}
    assert {name for name in operations if 200 in statuses[name]} == operations
    assert set(checks) >= CHECKS
    assert min(checks.values()) > 100


def _read(recorder, checks, statuses, found):
    """Count a scenario's checks and answers, and list what a check has found."""
    for name, interaction in recorder.interactions.items():
        case = recorder.cases[name].value
        if interaction.response is not None:
            statuses[case.operation.label].add(interaction.response.status_code)
    for results in recorder.checks.values():
        for check in results:
            checks[check.name] += 1
            if check.failure_info is not None:
                failure = check.failure_info
                found.append(f"{recorder.label}: {failure.failure.message}\n{failure.code_sample}")
