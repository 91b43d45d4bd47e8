"""The HTTP API as its callers see it: right answers, and errors that name field, reason and remedy."""

import asyncio
import hashlib
import json
from dataclasses import replace

import httpx
import orjson
import pytest
from fastapi.testclient import TestClient
from hypothesis import given, settings
from hypothesis import strategies as st

from lambdas.scoring.api import app as api
from lambdas.scoring.api.access import Access, ApiLimits
from lambdas.scoring.api.app import create_app
from lambdas.scoring.api.gauges import Gauges
from lambdas.scoring.api.server import ApiSettings
from lambdas.scoring.api.services import Services
from petrostream.errors import ServiceUnavailable, SettingInvalid, Throttled
from petrostream.lake import rows_to_blocks
from petrostream.pipeline import Outcome, Tally
from petrostream.readings import validate_block
from petrostream.scoring import FacilityState, score_batch
from tests.support.alarm_desk import desk_of
from tests.support.depth import examples
from tests.support.live_table import ReadableTable
from tests.support.scoring_world import START_MS, block, reading
from tests.unit.aws.test_alarm_desk import NOW, TYPE, WELL, leaking
from tests.unit.pipeline.test_live import NO_METRICS

pytestmark = NO_METRICS
KEY = "a key"
DIGEST = hashlib.sha256(KEY.encode()).hexdigest()


class NoModels:
    def current(self):
        return None


@pytest.fixture(scope="module")
def world():
    return leaking()


@pytest.fixture
def services(world):
    worker = world.worker()
    return Services(
        models=worker.models,
        state=lambda facility: worker.states.committed(facility).scoring,
        live=ReadableTable(world.table).live(),
        desk=desk_of(world, lambda: NOW),
        now_ms=lambda: NOW,
    )


def client_of(services, **options):
    return TestClient(create_app(services, **options), raise_server_exceptions=False)


@pytest.fixture
def client(services):
    return client_of(services)


def problem(response, status):
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert document["status"] == status
    assert document["instance"] == response.request.url.path
    return document


def test_a_batch_is_scored_as_the_stream_scores_it(client, services):
    rows = [reading(5, second) for second in range(90)]
    answer = client.post("/v1/score", json=rows).json()
    validated = validate_block(block(*rows), sequence="", now_ms=NOW)
    scored = score_batch(
        FacilityState("FAC-01"), validated.readings, services.models.current(), scored_at_ms=NOW
    ).rows
    (lake,) = rows_to_blocks(scored)
    expected = [json.loads(line) for line in lake.data.splitlines()]
    assert [{**row, "line": None} for row in answer["readings"]] == [
        {**row, "line": None} for row in expected
    ]
    assert [row["line"] for row in answer["readings"]] == [*range(90)]
    assert answer["model_version"] == "v1"
    assert answer["rejected"] == []
    assert any(row.get("anomaly_score") is not None for row in expected)


def test_one_reading_a_list_and_lines_are_the_same(client):
    row = reading(5, 0)
    bodies = [
        client.post("/v1/score", json=row),
        client.post("/v1/score", content=json.dumps(row, indent=1)),
        client.post("/v1/score", json=[row]),
        client.post("/v1/score", json={"readings": [row]}),
        client.post("/v1/score", content=orjson.dumps(row), headers={"content-type": "application/x-ndjson"}),
    ]
    assert {body.status_code for body in bodies} == {200}
    assert len({body.text for body in bodies}) == 1


def test_facilities_and_dates_may_be_mixed_and_rows_keep_their_order(client):
    day = 86_400
    rows = [reading(1, day), reading(2, 0, "FAC-02"), reading(1, 2 * day), reading(2, 1, "FAC-02")]
    for row in rows:
        row["ts"] = row["ts"].replace("2025", "2024")
    found = client.post("/v1/score", json=rows).json()["readings"]
    assert [(row["line"], row["well_id"]) for row in found] == [
        (0, "WELL-00001"),
        (1, "WELL-00002"),
        (2, "WELL-00001"),
        (3, "WELL-00002"),
    ]
    assert [row["ts"][:10] for row in found] == [row["ts"][:10] for row in rows]


def test_with_the_live_state_a_reading_has_a_score_and_nothing_is_kept(client, world):
    before = {key: dict(item) for key, item in world.table.items.items()}
    row = reading(1, 40)
    alone = client.post("/v1/score", json=row).json()["readings"][0]
    live = client.post("/v1/score?state=live", json=row).json()["readings"][0]
    assert alone.get("anomaly_score") is None
    assert live["anomaly_score"] is not None
    assert world.table.items == before
    assert client.post("/v1/score?state=live", json=row).json()["readings"][0] == live


def test_some_bad_readings_do_not_fail_the_good_ones(client):
    answer = client.post("/v1/score", json=[reading(1, 0), {"well_id": "W"}, reading(1, 1, ts="noon")]).json()
    assert [row["line"] for row in answer["readings"]] == [0]
    first, second = answer["rejected"]
    assert (first["line"], second["line"]) == (1, 2)
    assert any("ts" in reason for reason in second["reasons"])


@pytest.mark.parametrize(
    ("body", "kind", "status", "told"),
    [
        ("{", "application/json", 400, "not JSON"),
        ("", "application/json", 400, "not JSON"),
        ("3", "application/json", 422, "reading 0 is not an object"),
        ("[]", "application/json", 422, "there is no reading"),
        ('[{}, "x"]', "application/json", 422, "reading 1 is not an object"),
        ("a,b", "text/csv", 415, "application/x-ndjson"),
        ("not json", "application/x-ndjson", 422, "no reading is valid"),
        ("\n\n", "application/x-ndjson", 422, "no reading"),
        ("{}\n" * 10_001, "application/x-ndjson", 413, "in parts"),
    ],
)
def test_a_body_that_cannot_be_scored_is_explained(client, body, kind, status, told):
    found = problem(client.post("/v1/score", content=body, headers={"content-type": kind}), status)
    assert told in found["detail"]


def test_a_reading_that_is_not_valid_names_field_and_reason(client):
    found = problem(client.post("/v1/score", json=reading(1, 0, ts="noon", well_id=7)), 422)
    assert {error["field"] for error in found["errors"]} >= {"ts", "well_id"}
    assert all(error["line"] == 0 and error["reason"] for error in found["errors"])
    problem(client.post("/v1/score?state=stale", json=reading(1, 0)), 422)


def test_the_fleet_a_well_and_its_minutes(client):
    (facility,) = client.get("/v1/fleet").json()["facilities"]
    assert (facility["facility_id"], facility["status"]) == ("FAC-01", "ALERT")
    wells = client.get("/v1/wells").json()["wells"]
    assert [well["well_id"] for well in wells] == [WELL, "WELL-00002"]
    assert client.get(f"/v1/wells/{WELL}").json() == wells[0]
    assert wells[0]["open_alarms"] == 1
    minutes = client.get(f"/v1/wells/{WELL}/minutes").json()["minutes"]
    assert sum(minute["readings"] for minute in minutes) == 40
    start, end = "2025-10-09T08:00:00Z", "2025-10-09T10:00:00Z"
    closed = client.get(f"/v1/wells/{WELL}/minutes", params={"start": start, "end": end}).json()["minutes"]
    assert closed == minutes[:-1]


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/v1/wells/WELL-9", 404, "/v1/wells lists them"),
        (f"/v1/wells/{WELL}/minutes?last=2h", 422, "last"),
        (f"/v1/wells/{WELL}/minutes?start=2025-10-09T08:00:00Z", 422, "both"),
        (f"/v1/wells/{WELL}/minutes?start=2025-10-09T08:00:00&end=2025-10-09T09:00:00", 422, "time zone"),
        ("/v2", 404, "Not Found"),
    ],
)
def test_what_is_not_there_is_named(client, path, status, told):
    assert told in problem(client.get(path), status)["detail"]


def test_alarms_are_listed_and_acted_on():
    world = leaking()
    services = Services(
        NoModels(), FacilityState, ReadableTable(world.table).live(), desk_of(world, lambda: NOW), lambda: NOW
    )
    client = client_of(services)
    (alarm,) = client.get("/v1/alarms").json()["alarms"]
    assert (alarm["id"], alarm["state"]) == (f"{WELL}/{TYPE}", "active_unacknowledged")
    path = f"/v1/alarms/{alarm['id']}"
    done = client.post(f"{path}/acknowledge", json={"actor": "ana"}).json()
    assert (done["event"], done["state"], done["in_history"]) == ("acknowledged", "active_acknowledged", True)
    assert (
        "requires an unacknowledged"
        in problem(client.post(f"{path}/acknowledge", json={"actor": "ana"}), 409)["detail"]
    )
    shelved = client.post(f"{path}/shelve", json={"actor": "ana", "comment": "why", "hours": 2}).json()
    assert shelved["state"] == "shelved"
    assert "actor" in problem(client.post(f"{path}/unshelve", json={}), 422)["detail"]
    assert "hours" in problem(client.post(f"{path}/shelve", json={"actor": "a", "hours": 99}), 422)["detail"]
    problem(client.post(f"{path}/silence", json={"actor": "ana"}), 422)
    problem(client.post(f"/v1/alarms/WELL-9/{TYPE}/acknowledge", json={"actor": "ana"}), 404)
    problem(client.get(f"{path}/acknowledge"), 405)


def test_events_begin_with_what_stands_and_follow_changes(services, world, monkeypatch):
    async def first(n):
        found = []
        async for part in api._changes(services):
            if part.startswith(b"event"):
                found.append(json.loads(part.split(b"data: ")[1]))
            if len(found) == n:
                return found
            if len(found) == 1:
                services.desk.act(WELL, TYPE, api.OperatorRequest("comment", "ana", "x"))
                services.desk.act(WELL, TYPE, api.OperatorRequest("shelve", "ana", "x", 1))
        return found

    monkeypatch.setattr(api, "EVENT_SECONDS", 0.0)
    one, two = asyncio.run(asyncio.wait_for(first(2), 30))
    assert (one["state"], two["state"]) == ("active_unacknowledged", "shelved")
    services.desk.act(WELL, TYPE, api.OperatorRequest("unshelve", "ana"))


def test_health_ready_and_metrics(services):
    client = client_of(services)
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/ready").json() == {"status": "ready", "model_version": "v1"}
    client.post("/v1/score", json=[reading(1, second) for second in range(7)])
    page = client.get("/metrics").text
    assert "petrostream_api_readings_total 7.0" in page
    assert 'petrostream_api_seconds_count{work="score"} 1.0' in page


def test_the_service_counts_rate_errors_join_and_lag_of_the_stream():
    gauges = Gauges()
    tally = Tally(
        readings=10, quarantined=1, anomalies=2, alarms=1, matched=3, unmatched=1, join_wait_ms=2500
    )
    gauges.batch(Outcome(failed=["7"], tally=tally), 5)
    gauges.behind("petrostream-ingest/shardId-000000000000", 1.5)
    lines = gauges.page().decode().splitlines()
    assert {line for line in lines if not line.startswith("#") and "_created" not in line} >= {
        "petrostream_readings_scored_total 10.0",
        "petrostream_readings_quarantined_total 1.0",
        "petrostream_anomalies_total 2.0",
        "petrostream_alarms_annunciated_total 1.0",
        'petrostream_readings_joined_total{matched="yes"} 3.0',
        'petrostream_readings_joined_total{matched="no"} 1.0',
        "petrostream_join_wait_seconds_total 2.5",
        "petrostream_facilities_failed_total 1.0",
        'petrostream_behind_seconds{shard="petrostream-ingest/shardId-000000000000"} 1.5',
    }


@pytest.mark.parametrize(
    "error", [Throttled("DynamoDB", "Query", "slow"), ServiceUnavailable("S3", "Get", "down")]
)
def test_a_service_that_does_not_answer_is_named_and_to_be_asked_again(services, error):
    class Down:
        def current(self):
            raise error

    response = client_of(replace(services, models=Down())).post("/v1/score", json=reading(1, 0))
    assert error.service in problem(response, 503)["detail"]
    assert response.headers["retry-after"] == "1"


def test_a_bug_tells_nothing_of_itself(services):
    class Broken:
        def current(self):
            raise ZeroDivisionError("secret")

    response = client_of(replace(services, models=Broken())).post("/v1/score", json=reading(1, 0))
    assert response.status_code == 500
    assert "secret" not in response.text


def test_with_keys_only_who_has_one_is_let_in(services):
    client = client_of(services, key_digests=[DIGEST])
    assert problem(client.get("/v1/fleet"), 401)["detail"].startswith("the key is missing")
    assert "not known" in problem(client.get("/v1/fleet", headers={"x-api-key": "x"}), 401)["detail"]
    assert client.get("/v1/fleet", headers={"x-api-key": KEY}).status_code == 200
    assert client.get("/v1/fleet", headers={"authorization": f"Bearer {KEY}"}).status_code == 200
    problem(client.get("/metrics"), 401)
    problem(client.get("/v1/openapi.json"), 401)
    assert client.get("/health").status_code == 200


def test_sizes_and_rates_are_limited_for_each_client(services):
    limits = ApiLimits(body_bytes=1000, requests_per_second=1.0, burst=3)
    other = hashlib.sha256(b"other").hexdigest()
    client = client_of(services, key_digests=[DIGEST, other], limits=limits)
    long = client.post("/v1/score", content=b"x" * 1001, headers={"x-api-key": KEY})
    assert "1,000 bytes" in problem(long, 413)["detail"]
    chunks = client.post("/v1/score", content=iter([b"x" * 600] * 2), headers={"x-api-key": KEY})
    problem(chunks, 413)
    assert client.get("/v1/wells", headers={"x-api-key": KEY}).status_code == 200
    refused = client.get("/v1/wells", headers={"x-api-key": KEY})
    assert "requests a second" in problem(refused, 429)["detail"]
    assert int(refused.headers["retry-after"]) >= 1
    assert client.get("/v1/wells", headers={"x-api-key": "other"}).status_code == 200
    assert client.get("/health").status_code == 200


async def call(app, path="/v1/wells", messages=()):
    """Call an ASGI application with a body that arrives in parts, the last of which never comes."""
    waiting, sent = list(messages), []

    async def receive():
        if waiting:
            return waiting.pop(0)
        return await asyncio.sleep(3600)

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "path": path, "headers": [], "method": "POST", "client": ("1", 1)}
    await app(scope, receive, send)
    return sent


def test_a_body_that_never_ends_is_given_up_and_others_are_served():
    async def inner(scope, receive, send):
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def both():
        app = Access(inner, limits=ApiLimits(body_seconds=0.2))
        slow = asyncio.create_task(
            call(app, messages=[{"type": "http.request", "body": b"x", "more_body": True}])
        )
        quick = await call(app, messages=[{"type": "http.request", "body": b""}])
        assert quick[0]["status"] == 200
        gone = await call(app, messages=[{"type": "http.disconnect"}])
        return await slow, gone

    slow, gone = asyncio.run(both())
    assert (slow[0]["status"], gone[0]["status"]) == (408, 400)


def test_no_more_is_worked_on_at_once_than_the_limit():
    async def run():
        free = asyncio.Event()

        async def inner(scope, receive, send):
            await free.wait()
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b""})

        app = Access(inner, limits=ApiLimits(at_once=1))
        whole = [{"type": "http.request", "body": b""}]
        first = asyncio.create_task(call(app, messages=whole))
        await asyncio.sleep(0.01)
        second = await call(app, messages=whole)
        free.set()
        return (await first)[0]["status"], second[0]["status"], (await call(app, messages=whole))[0]["status"]

    assert asyncio.run(run()) == (200, 503, 200)


def test_the_description_names_every_route_and_the_form_of_errors(client):
    document = client.get("/v1/openapi.json").json()
    assert set(document["paths"]) == {
        "/health", "/ready", "/metrics", "/v1/score", "/v1/fleet", "/v1/wells", "/v1/wells/{well_id}",
        "/v1/wells/{well_id}/minutes", "/v1/alarms", "/v1/alarms/{well_id}/{alarm_type}/{action}",
        "/v1/events",
    }  # fmt: skip
    assert document["components"]["schemas"]["Problem"]["required"]
    example = document["paths"]["/v1/score"]["post"]["requestBody"]["content"]["application/json"]["examples"]
    answer = client.post("/v1/score", json=example["one"]["value"])
    assert answer.status_code in (200, 422)


@settings(max_examples=examples(150), deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["application/json", "application/x-ndjson", "", "x/y; q"]))
def test_no_body_breaks_it(body, kind):
    app = create_app(Services(NoModels(), FacilityState, None, None, lambda: START_MS))

    async def ask():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
            return await client.post("/v1/score", content=body, headers={"content-type": kind})

    response = asyncio.run(ask())
    assert response.status_code < 500
    if response.status_code >= 400:
        assert response.json()["detail"]


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"API_HOST": "0.0.0.0"}, "API_KEY_DIGESTS"),
        ({"API_HOST": "lake.example.org"}, "loopback"),
        ({"API_PORT": "http"}, "API_PORT"),
        ({"API_PORT": "70000"}, "API_PORT"),
        ({"API_KEY_DIGESTS": KEY}, "64 hexadecimal digits"),
    ],
)
def test_it_does_not_start_open_to_a_network_or_with_settings_it_cannot_use(variables, told):
    with pytest.raises(SettingInvalid, match=told):
        ApiSettings.from_environment(variables)


def test_it_listens_on_loopback_unless_keys_are_set():
    assert ApiSettings.from_environment({}) == ApiSettings("127.0.0.1", 8080, ())
    open_to_all = {"API_HOST": "0.0.0.0", "API_KEY_DIGESTS": f" {DIGEST.upper()} ,", "API_PORT": "80"}
    assert ApiSettings.from_environment(open_to_all) == ApiSettings("0.0.0.0", 80, (DIGEST,))
