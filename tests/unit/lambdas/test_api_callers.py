"""Callers who sign: STS says who they are, and nothing but an honest token for this service reaches it."""

import asyncio
import base64
import http.client
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import boto3
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from examples.signed_caller import call
from lambdas.scoring.api import sts
from lambdas.scoring.api.app import create_app
from lambdas.scoring.api.callers import IamSettings, SignedCallers, principal_of
from lambdas.scoring.api.problems import Problem
from lambdas.scoring.api.server import ApiSettings
from petrostream.aws.caller_token import PREFIX, SERVICE_HEADER, caller_token
from petrostream.backoff import Backoff
from petrostream.errors import ServiceUnavailable, SettingInvalid
from tests.unit.lambdas.test_api import DIGEST, KEY, client_of, problem, services, world

__all__ = ["services", "world"]

REGION, SERVICE = "eu-west-1", "petrostream/test"
HOST = f"sts.{REGION}.amazonaws.com"
ROLE = "arn:aws:iam::123456789012:role/engineer"
SESSION = "arn:aws:sts::123456789012:assumed-role/engineer/ana"
SETTINGS = IamSettings(SERVICE, REGION, frozenset({ROLE}))
KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


class FakeSts:
    """Verifies a request's signature as STS does, and notes whom it was asked about."""

    def __init__(self, arn=SESSION, error=None):
        self.arn = arn
        self.error = error
        self.asked = []

    def __call__(self, host, query, headers):
        self.asked.append(host)
        if self.error is not None:
            raise self.error
        query = dict(query)
        signature = query.pop("X-Amz-Signature")
        url = f"https://{host}/?{urlencode(query, quote_via=quote)}"
        request = AWSRequest("GET", url, headers={"host": host, **headers})
        request.context["timestamp"] = query["X-Amz-Date"]
        signer = SigV4Auth(Credentials(KEY_ID, SECRET), "sts", REGION)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        if signature != signer.signature(text, request):
            raise sts.Refused("SignatureDoesNotMatch")
        return self.arn


def session(token=None, secret=SECRET, region=REGION):
    return boto3.Session(KEY_ID, secret, token, region_name=region)


def url_of(token):
    text = token.removeprefix(PREFIX)
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()


def token_of(url):
    return PREFIX + base64.urlsafe_b64encode(url.encode()).decode().rstrip("=")


def signed_at(url):
    date = dict(parse_qsl(urlsplit(url).query))["X-Amz-Date"]
    return datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


HONEST = url_of(caller_token(SERVICE, session()))
SIGNED = signed_at(HONEST)


def changed(**parameters):
    """The honest URL with parameters set, or left out where None; `X_Amz_Date` stands for `X-Amz-Date`."""
    query = dict(parse_qsl(urlsplit(HONEST).query))
    query |= {name.replace("_", "-"): value for name, value in parameters.items()}
    left = {name: value for name, value in query.items() if value is not None}
    return f"https://{HOST}/?{urlencode(left, quote_via=quote)}"


def name(callers, token):
    return asyncio.run(callers.name(token))


@pytest.mark.parametrize("session_token", [None, "a+session/token==" * 20])
def test_who_signed_is_named_by_sts_and_let_in(session_token):
    fake = FakeSts()
    callers = SignedCallers(SETTINGS, fake)
    assert name(callers, caller_token(SERVICE, session(session_token))) == ROLE
    assert fake.asked == [HOST]


def refused(token, fake, status=401, now=SIGNED):
    with pytest.raises(Problem) as found:
        name(SignedCallers(SETTINGS, fake, lambda: now), token)
    assert found.value.status == status
    return found.value.detail


TODAY = dict(parse_qsl(urlsplit(HONEST).query))["X-Amz-Date"][:8]
OLD = datetime(2020, 1, 1, tzinfo=UTC).strftime("%Y%m%dT%H%M%SZ")


@pytest.mark.parametrize(
    "url",
    [
        HONEST.replace(HOST, "sts.example.org"),
        HONEST.replace(HOST, f"{HOST}.example.org"),
        HONEST.replace(HOST, "169.254.169.254"),
        HONEST.replace(HOST, f"{HOST}@169.254.169.254"),
        HONEST.replace(HOST, f"user:password@{HOST}"),
        HONEST.replace(HOST, f"{HOST}:8443"),
        HONEST.replace(HOST, HOST.upper()),
        HONEST.replace(HOST, "sts.us-east-1.amazonaws.com"),
        HONEST.replace(HOST, "sts.amazonaws.com"),
        HONEST.replace("https", "http"),
        HONEST.replace("https", "file"),
        HONEST.replace("/?", "/latest/meta-data/?"),
        HONEST.replace("/?", "//169.254.169.254/?"),
        f"{HONEST}#fragment",
        HONEST.replace("https:", "https:\t"),
        f" {HONEST}",
        f"{HONEST}\r\nHost: example.org",
        changed(Action="AssumeRole"),
        changed(Action="GetSessionToken"),
        changed(Action=None),
        changed(Version="2010-01-01"),
        changed(RoleArn=ROLE),
        f"{HONEST}&Action=AssumeRole",
        f"{HONEST}&action=AssumeRole",
        f"{HONEST}&x-amz-signedheaders=host",
        f"{HONEST}&Action=GetCallerIdentity",
        f"{HONEST}&&",
        changed(X_Amz_SignedHeaders="host"),
        changed(X_Amz_SignedHeaders=None),
        changed(X_Amz_SignedHeaders="host;x-other"),
        changed(X_Amz_SignedHeaders="host;x-petrostream-service;x-other"),
        changed(X_Amz_Credential=f"{KEY_ID}/20200101/{REGION}/sts/aws4_request"),
        changed(X_Amz_Credential=f"{KEY_ID}/{TODAY}/us-east-1/sts/aws4_request"),
        changed(X_Amz_Credential=f"{KEY_ID}/{TODAY}/{REGION}/iam/aws4_request"),
        changed(X_Amz_Credential=f"{KEY_ID}/{OLD[:8]}/{REGION}/sts/aws4_request", X_Amz_Date=OLD),
        changed(
            X_Amz_Credential=f"{KEY_ID}/20209999/{REGION}/sts/aws4_request", X_Amz_Date="20209999T999999Z"
        ),
        changed(X_Amz_Date="2020010\N{ARABIC-INDIC DIGIT ONE}T000000Z"),
        changed(X_Amz_Date=None),
        changed(X_Amz_Expires="86400"),
        changed(X_Amz_Expires="301"),
        changed(X_Amz_Expires="0"),
        changed(X_Amz_Expires="-1"),
        changed(X_Amz_Signature="0" * 63),
        changed(X_Amz_Signature=None),
        changed(X_Amz_Algorithm="AWS4-HMAC-SHA1"),
        "https://[",
        "",
    ],
)
def test_whatever_is_not_a_request_of_this_kind_never_leaves_the_service(url):
    fake = FakeSts()
    refused(token_of(url), fake)
    assert fake.asked == []


@pytest.mark.parametrize(
    "token", [f"{PREFIX}%%%", f"{PREFIX}Zg", f"{PREFIX}{'A' * 8193}", PREFIX, f"{PREFIX}_w"]
)
def test_what_is_no_token_never_leaves_the_service(token):
    fake = FakeSts()
    refused(token, fake)
    assert fake.asked == []


@given(st.text(max_size=200), st.binary(max_size=200))
def test_nothing_invented_leaves_the_service(text, data):
    fake = FakeSts()
    invented = (
        text,
        base64.urlsafe_b64encode(data).decode(),
        base64.urlsafe_b64encode(text.encode()).decode(),
    )
    for one in invented:
        refused(PREFIX + one, fake)
    assert fake.asked == []


@given(st.data())
def test_a_token_with_another_letter_is_refused(data):
    """By this service, or by STS: nothing of it can be changed."""
    at = data.draw(st.integers(0, len(HONEST) - 1))
    letter = data.draw(st.sampled_from([c for c in map(chr, range(33, 127)) if c != HONEST[at]]))
    url = HONEST[:at] + letter + HONEST[at + 1 :]
    same = urlsplit(url)[:3] == urlsplit(HONEST)[:3] and parse_qsl(urlsplit(url).query) == parse_qsl(
        urlsplit(HONEST).query
    )
    if not same:
        refused(token_of(url), FakeSts())


@pytest.mark.parametrize(
    "token",
    [
        # Signed in this moment too.
        caller_token("wells-prod", session()),
        caller_token(SERVICE, session(secret="another")),
        token_of(changed(X_Amz_Signature="0" * 64)),
        token_of(changed(X_Amz_Expires="299")),
        token_of(changed(X_Amz_Security_Token="another")),
    ],
    ids=["bound to another service", "another secret", "another signature", "longer life", "a session's"],
)
def test_what_only_the_signature_tells_is_left_to_sts(token):
    assert "SignatureDoesNotMatch" in refused(token, FakeSts())


@pytest.mark.parametrize(("after", "status"), [(-61, 401), (-59, None), (0, None), (299, None), (300, 401)])
def test_a_token_is_accepted_for_the_time_it_was_signed_for(after, status):
    if status:
        refused(token_of(HONEST), FakeSts(), now=SIGNED + after)
    else:
        callers = SignedCallers(SETTINGS, FakeSts(), lambda: SIGNED + after)
        assert name(callers, token_of(HONEST)) == ROLE


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:sts::123456789012:assumed-role/operator/ana",
        "arn:aws:sts::999999999999:assumed-role/engineer/ana",
        "arn:aws-cn:sts::123456789012:assumed-role/engineer/ana",
        "arn:aws:iam::123456789012:user/engineer",
        "arn:aws:iam::123456789012:root",
        "arn:aws:sts::123456789012:federated-user/engineer",
        "arn:aws:sts::123456789012:assumed-role/engineer/ana/x",
        "",
    ],
)
def test_another_principal_is_known_and_not_allowed(arn):
    assert "API_IAM_PRINCIPALS" in refused(token_of(HONEST), FakeSts(arn), status=403, now=SIGNED)


def test_a_principal_is_compared_without_its_path():
    assert principal_of(SESSION) == ROLE
    assert principal_of("arn:aws:iam::123456789012:user/team/ana") == "arn:aws:iam::123456789012:user/ana"
    found = IamSettings.from_environment(
        {
            "API_IAM_PRINCIPALS": "arn:aws:iam::123456789012:role/team/engineer, ",
            "API_IAM_SERVICE": SERVICE,
            "AWS_REGION": REGION,
        }
    )
    assert found == SETTINGS


def test_sts_is_asked_once_for_a_token_and_again_once_it_is_over():
    now = [SIGNED]
    fake = FakeSts()
    callers = SignedCallers(SETTINGS, fake, lambda: now[0])

    async def many():
        return await asyncio.gather(*[callers.name(token_of(HONEST)) for _ in range(50)])

    assert set(asyncio.run(many())) == {ROLE}
    now[0] += 299
    assert name(callers, token_of(HONEST)) == ROLE
    assert len(fake.asked) == 1
    now[0] += 1
    with pytest.raises(Problem, match="expired"):
        name(callers, token_of(HONEST))
    assert len(fake.asked) == 1


def test_a_refusal_is_remembered_for_a_minute_and_trouble_not_at_all():
    now = [SIGNED]
    fake = FakeSts(error=sts.Refused("ExpiredToken"))
    callers = SignedCallers(SETTINGS, fake, lambda: now[0])
    for _ in range(3):
        with pytest.raises(Problem, match="ExpiredToken"):
            name(callers, token_of(HONEST))
    assert len(fake.asked) == 1
    now[0] += 60
    fake.error = ServiceUnavailable("STS", "GetCallerIdentity", "down")
    for _ in range(2):
        with pytest.raises(Problem, match="STS does not answer") as found:
            name(callers, token_of(HONEST))
        assert (found.value.status, found.value.headers["Retry-After"]) == (503, "1")
    fake.error = None
    assert name(callers, token_of(HONEST)) == ROLE
    assert len(fake.asked) == 4


def test_a_crowd_of_strangers_waits_and_the_known_are_served():
    free = threading.Event()
    known = token_of(HONEST)

    def slow(host, query, headers):
        if not waiting:
            return SESSION
        free.wait(20)
        raise sts.Refused("InvalidClientTokenId")

    async def crowd():
        callers = SignedCallers(SETTINGS, slow, lambda: SIGNED)
        assert await callers.name(known) == ROLE
        waiting.append(True)
        strangers = [
            asyncio.create_task(callers.name(token_of(changed(X_Amz_Signature=f"{n:064x}"))))
            for n in range(80)
        ]
        await asyncio.sleep(0.1)
        assert await callers.name(known) == ROLE
        free.set()
        found = await asyncio.gather(*strangers, return_exceptions=True)
        return [one.status for one in found]

    waiting = []
    statuses = asyncio.run(crowd())
    assert statuses.count(503) == 80 - 64
    assert statuses.count(401) == 64


def test_the_api_lets_in_who_signed_and_names_what_is_wrong(services):
    fake = FakeSts()
    signed = SignedCallers(SETTINGS, fake)
    client = client_of(services, signed=signed)
    bearer = {"authorization": f"Bearer {caller_token(SERVICE, session())}"}
    assert client.get("/v1/wells", headers=bearer).status_code == 200
    assert client.get("/health").status_code == 200
    nobody = client.get("/v1/wells")
    assert "the token is missing" in problem(nobody, 401)["detail"]
    assert nobody.headers["www-authenticate"].startswith("Bearer")
    assert "not known" in problem(client.get("/v1/wells", headers={"x-api-key": KEY}), 401)["detail"]
    fake.arn = "arn:aws:sts::123456789012:assumed-role/other/x"
    other = {"authorization": f"Bearer {caller_token(SERVICE, session(), seconds=200)}"}
    assert "assumed-role/other/x" in problem(client.get("/v1/wells", headers=other), 403)["detail"]


def test_keys_and_tokens_may_both_be_accepted(services):
    app = create_app(services, [DIGEST], signed=SignedCallers(SETTINGS, FakeSts()))
    client = client_of(services, key_digests=[DIGEST], signed=SignedCallers(SETTINGS, FakeSts()))
    assert client.get("/v1/wells", headers={"x-api-key": KEY}).status_code == 200
    assert client.get("/v1/wells", headers={"authorization": f"Bearer {KEY}"}).status_code == 200
    bearer = {"authorization": f"Bearer {caller_token(SERVICE, session())}"}
    assert client.get("/v1/wells", headers=bearer).status_code == 200
    assert set(app.openapi()["components"]["securitySchemes"]) == {"key", "bearer", "iam"}


@pytest.mark.parametrize(
    ("variables", "told"),
    [
        ({"API_IAM_PRINCIPALS": "*"}, "without wildcards"),
        ({"API_IAM_PRINCIPALS": "arn:aws:iam::123456789012:role/*"}, "without wildcards"),
        ({"API_IAM_PRINCIPALS": "arn:aws:iam::123456789012:root"}, "API_IAM_PRINCIPALS"),
        ({"API_IAM_PRINCIPALS": ROLE, "AWS_REGION": REGION}, "API_IAM_SERVICE"),
        ({"API_IAM_PRINCIPALS": ROLE, "API_IAM_SERVICE": "a b", "AWS_REGION": REGION}, "API_IAM_SERVICE"),
        ({"API_IAM_PRINCIPALS": ROLE, "API_IAM_SERVICE": SERVICE}, "AWS_REGION"),
        ({"API_IAM_PRINCIPALS": ROLE, "API_IAM_SERVICE": SERVICE, "AWS_REGION": "x.evil/"}, "AWS_REGION"),
    ],
)
def test_settings_that_cannot_be_used_are_named(variables, told):
    with pytest.raises(SettingInvalid, match=told.replace("*", ".")):
        ApiSettings.from_environment(variables)


def test_with_principals_it_may_listen_to_a_network():
    variables = {
        "API_HOST": "0.0.0.0", "API_IAM_PRINCIPALS": ROLE, "API_IAM_SERVICE": SERVICE, "AWS_REGION": REGION,
    }  # fmt: skip
    assert ApiSettings.from_environment(variables).iam == SETTINGS


class Answers(BaseHTTPRequestHandler):
    """Gives the answers that the test has put down, and notes the requests."""

    def do_GET(self):
        self.server.seen.append((self.path, dict(self.headers)))
        status, body, headers = self.server.answers.pop(0)
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def endpoint():
    server = HTTPServer(("127.0.0.1", 0), Answers)
    server.seen, server.answers = [], []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


def ask(endpoint):
    connect = lambda _host: http.client.HTTPConnection(*endpoint.server_address, timeout=2)  # noqa: E731
    return sts.ask(
        HOST, {"Action": "GetCallerIdentity", "x": "a+b/=&"}, {SERVICE_HEADER: SERVICE}, connect,
        Backoff(limit=3, sleep=lambda _: None),
    )  # fmt: skip


GOOD = b'{"GetCallerIdentityResponse": {"GetCallerIdentityResult": {"Arn": "%b"}}}' % SESSION.encode()


def test_a_request_is_sent_as_it_was_signed_and_trouble_is_tried_again(endpoint):
    throttled = b'{"Error": {"Code": "Throttling", "Message": "slow"}}'
    endpoint.answers = [(503, b"", {}), (400, throttled, {}), (200, GOOD, {})]
    assert ask(endpoint) == SESSION
    path, headers = endpoint.seen[-1]
    assert path == "/?Action=GetCallerIdentity&x=a%2Bb%2F%3D%26"
    assert headers[SERVICE_HEADER] == SERVICE
    assert headers["Accept"] == "application/json"


def test_a_refusal_is_not_tried_again_and_tells_no_more_than_its_code(endpoint):
    endpoint.answers = [(403, b'{"Error": {"Code": "InvalidClientTokenId", "Message": "secret"}}', {})]
    with pytest.raises(sts.Refused, match=r"^InvalidClientTokenId$"):
        ask(endpoint)
    endpoint.answers = [(403, b"<html>", {})]
    with pytest.raises(sts.Refused, match="without a reason"):
        ask(endpoint)


@pytest.mark.parametrize(
    "answers",
    [
        [(302, b"", {"Location": "http://169.254.169.254/"})] * 3,
        [(500, b"", {})] * 3,
        [(200, b"{}", {})],
        [(200, b"x" * 100_000, {})],
        [(429, b"", {})] * 3,
    ],
    ids=["a redirect", "errors", "no ARN", "too long", "throttled"],
)
def test_an_answer_that_is_none_lets_nobody_in(endpoint, answers):
    endpoint.answers = list(answers)
    with pytest.raises(ServiceUnavailable, match="STS"):
        ask(endpoint)
    assert len(endpoint.seen) == len(answers)


def test_an_endpoint_that_is_not_there_is_named(endpoint):
    endpoint.shutdown()
    endpoint.server_close()
    with pytest.raises(ServiceUnavailable, match="STS"):
        ask(endpoint)


def test_the_example_sends_a_token_and_never_in_the_clear(endpoint):
    endpoint.answers = [(200, b"{}", {})]
    url = f"http://127.0.0.1:{endpoint.server_port}/v1/alarms"
    assert call(url, SERVICE, session()) == b"{}"
    ((path, headers),) = endpoint.seen
    assert path == "/v1/alarms"
    assert name(SignedCallers(SETTINGS, FakeSts()), headers["Authorization"].removeprefix("Bearer ")) == ROLE
    with pytest.raises(SettingInvalid, match="https"):
        call("http://lake.example.org/v1/alarms", SERVICE, session())


def test_without_credentials_or_region_a_token_cannot_be_signed(monkeypatch):
    for variable in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(variable, raising=False)
    with pytest.raises(SettingInvalid, match="AWS_REGION"):
        caller_token(SERVICE, session(region=None))
