"""Who signed: tokens of callers are checked here, and answered by STS.

Nothing of a token decides where its request goes: the host is the regional endpoint of the service's own
region, the path is `/`, and the query is made anew from the parameters that GetCallerIdentity has, each
checked. docs/reference/api.md says what is accepted.
"""

import asyncio
import base64
import binascii
import hashlib
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from urllib.parse import SplitResult, parse_qsl, urlsplit

from lambdas.scoring.api.problems import Problem
from lambdas.scoring.api.sts import Refused, ask
from petrostream.aws.caller_token import PREFIX, QUERY, SERVICE_HEADER, TOKEN_SECONDS, sts_host
from petrostream.errors import ServiceUnavailable, SettingInvalid

SKEW_SECONDS = 60
"""How far a caller's clock may be ahead."""

TOKEN_BYTES = 8192
REMEMBERED = 10_000
"""Most tokens whose answers are remembered."""

REFUSED_SECONDS = 60.0
"""How long a refusal is remembered, so that the same token does not reach STS again and again."""

AT_ONCE = 8
WAITING = 64
"""Most tokens that wait for STS at the same time; of these, `AT_ONCE` are asked about."""

_ONCE = {
    "X-Amz-Algorithm": re.compile("AWS4-HMAC-SHA256"),
    "X-Amz-Credential": re.compile(
        r"[A-Z0-9]{16,128}/(?P<day>\d{8})/(?P<region>[a-z0-9-]+)/sts/aws4_request"
    ),
    "X-Amz-Date": re.compile("[0-9]{8}T[0-9]{6}Z"),
    "X-Amz-Expires": re.compile("[1-9][0-9]{0,5}"),
    "X-Amz-SignedHeaders": re.compile(f"host;{SERVICE_HEADER.lower()}"),
    "X-Amz-Signature": re.compile(r"[0-9a-f]{64}"),
    **{name: re.compile(re.escape(value)) for name, value in QUERY.items()},
}
_SESSION_TOKEN = "X-Amz-Security-Token"  # noqa: S105 - a name
_NAME = r"[\w+=,.@-]+"
_PRINCIPAL = re.compile(rf"arn:(aws[a-z-]*):iam::(\d{{12}}):(role|user)/(?:{_NAME}/)*({_NAME})", re.ASCII)
_ASSUMED = re.compile(rf"arn:(aws[a-z-]*):sts::(\d{{12}}):assumed-role/({_NAME})/{_NAME}", re.ASCII)


@dataclass(frozen=True, slots=True)
class IamSettings:
    """Whose tokens are accepted.

    Attributes:
        service: API_IAM_SERVICE, the name that tokens are bound to; another one for each deployment.
        region: AWS_REGION, whose STS answers.
        principals: API_IAM_PRINCIPALS, ARNs of roles and users separated by commas, without their paths:
            STS does not name a role's, and an account has no two of one name.
    """

    service: str
    region: str
    principals: frozenset[str]

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "IamSettings | None":
        """Read the settings; None if no principal is named.

        Raises:
            SettingInvalid: a variable is missing or has a value that can't be used.
        """
        arns = [part.strip() for part in environment.get("API_IAM_PRINCIPALS", "").split(",") if part.strip()]
        if not arns:
            return None
        for arn in arns:
            if not _PRINCIPAL.fullmatch(arn):
                expected = "ARNs of IAM roles or users, without wildcards"
                raise SettingInvalid("API_IAM_PRINCIPALS", arn, expected)
        service = environment.get("API_IAM_SERVICE", "").strip()
        if not re.fullmatch(r"[\w./:@-]{1,200}", service, re.ASCII):
            expected = "a name for this deployment alone, such as wells-prod"
            raise SettingInvalid("API_IAM_SERVICE", service or None, expected)
        region = environment.get("AWS_REGION", environment.get("AWS_DEFAULT_REGION", "")).strip()
        if not re.fullmatch(r"[a-z]{2}(-[a-z]+)+-\d", region):
            raise SettingInvalid("AWS_REGION", region or None, "the region whose STS verifies callers")
        return cls(service, region, frozenset(_without_path(arn) for arn in arns))


@dataclass(frozen=True, slots=True)
class Presigned:
    """A request to GetCallerIdentity, checked.

    Attributes:
        query: its parameters.
        until: when it is no longer accepted, epoch s.
    """

    query: dict[str, str]
    until: float


class SignedCallers:
    """Names callers by their tokens.

    Args:
        settings: whose tokens are accepted.
        ask: has STS answer a request: host, query and signed headers to ARN; raises Refused or
            ServiceUnavailable.
        clock: returns the present, epoch s.
    """

    def __init__(
        self,
        settings: IamSettings,
        ask: Callable[[str, Mapping[str, str], Mapping[str, str]], str] = ask,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._settings = settings
        self._ask = ask
        self._clock = clock
        self._answers: OrderedDict[str, tuple[float, str | Problem]] = OrderedDict()
        self._asked: dict[str, asyncio.Task[str | Problem]] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def name(self, token: str) -> str:
        """ARN of the principal that signed a token.

        Raises:
            Problem: the token is not accepted, or STS does not answer.
        """
        key = hashlib.sha256(token.encode()).hexdigest()
        until, answer = self._answers.get(key, (0.0, None))
        if answer is None or self._clock() >= until:
            presigned = presigned_of(token, self._settings.region, self._clock())
            answer = await self._shared(key, presigned)
        if isinstance(answer, Problem):
            # A new one: whoever answers it may add headers.
            raise Problem(answer.status, answer.detail, headers=answer.headers)
        return answer

    async def _shared(self, key: str, presigned: Presigned) -> str | Problem:
        """Ask STS once, however many requests come with the token meanwhile."""
        task = self._asked.get(key)
        if task is None:
            if len(self._asked) >= WAITING:
                raise _again("too many callers are being verified")
            task = asyncio.create_task(self._answer(key, presigned))
            self._asked[key] = task
            task.add_done_callback(lambda _: self._asked.pop(key, None))
        # One of those who wait may go away: the others still get the answer.
        return await asyncio.shield(task)

    async def _answer(self, key: str, presigned: Presigned) -> str | Problem:
        host, headers = sts_host(self._settings.region), {SERVICE_HEADER: self._settings.service}
        async with self._turn:
            try:
                arn = await asyncio.to_thread(self._ask, host, presigned.query, headers)
            except ServiceUnavailable:
                return _again("STS does not answer, which verifies callers")
            except Refused as refused:
                answer: str | Problem = unauthorized(f"STS refuses the token: {refused}")
            else:
                answer = self._allowed(arn)
        end = presigned.until
        if isinstance(answer, Problem):
            end = min(end, self._clock() + REFUSED_SECONDS)
        self._answers[key] = end, answer
        while len(self._answers) > REMEMBERED:
            self._answers.popitem(last=False)
        return answer

    def _allowed(self, arn: str) -> str | Problem:
        principal = principal_of(arn)
        if principal in self._settings.principals:
            return principal
        return Problem(
            HTTPStatus.FORBIDDEN, f"{arn} may not call this service: API_IAM_PRINCIPALS lists who may"
        )


def presigned_of(token: str, region: str, now: float) -> Presigned:
    """The request that a token carries.

    Raises:
        Problem: it is anything but a request to GetCallerIdentity of the region's STS, bound to a service
            and no older than it may be.
    """
    url = _url(token)
    if url.scheme != "https" or url.netloc != sts_host(region) or url.path != "/" or url.fragment:
        raise unauthorized(f"the token is not a request to https://{sts_host(region)}/")
    query = _query(url.query)
    scope = _ONCE["X-Amz-Credential"].fullmatch(query["X-Amz-Credential"])
    date = query["X-Amz-Date"]
    if scope is None or scope["region"] != region or scope["day"] != date[:8]:
        raise unauthorized(f"the token is not signed for STS in {region} on the day of X-Amz-Date")
    try:
        signed = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError:
        raise unauthorized("X-Amz-Date of the token is no time") from None
    seconds = int(query["X-Amz-Expires"])
    if seconds > TOKEN_SECONDS:
        raise unauthorized(f"the token is good for {seconds:,} s: sign one for at most {TOKEN_SECONDS} s")
    if signed > now + SKEW_SECONDS:
        raise unauthorized("the token is signed in the future: set the clock of the caller")
    if now >= signed + seconds:
        raise unauthorized("the token has expired: sign another")
    return Presigned(query, signed + seconds)


def principal_of(arn: str) -> str | None:
    """ARN of the role or user, without its path, of a caller as STS names it; None for any other kind."""
    assumed = _ASSUMED.fullmatch(arn)
    if assumed:
        partition, account, name = assumed.groups()
        return f"arn:{partition}:iam::{account}:role/{name}"
    # STS names a role only as assumed, so this is a user.
    return _without_path(arn) if _PRINCIPAL.fullmatch(arn) else None


def unauthorized(detail: str) -> Problem:
    """The problem of a caller who is not known."""
    return Problem(
        HTTPStatus.UNAUTHORIZED, detail, headers={"WWW-Authenticate": 'Bearer realm="petrostream"'}
    )


def _again(what: str) -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, f"{what}: try again", headers={"Retry-After": "1"})


def _without_path(arn: str) -> str:
    found = _PRINCIPAL.fullmatch(arn)
    if found is None:
        raise ValueError(arn)
    partition, account, kind, name = found.groups()
    return f"arn:{partition}:iam::{account}:{kind}/{name}"


def _url(token: str) -> SplitResult:
    text = token.removeprefix(PREFIX)
    if len(text) > TOKEN_BYTES or not re.fullmatch(r"[A-Za-z0-9_-]+", text):
        raise unauthorized(f"the token is not {PREFIX} and up to {TOKEN_BYTES:,} letters of URL-safe base64")
    no_url = unauthorized("the token is not a URL in URL-safe base64")
    try:
        url = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode("ascii")
        found = urlsplit(url)
    except (binascii.Error, ValueError):
        raise no_url from None
    # urlsplit drops control characters instead of refusing them.
    if not re.fullmatch("[!-~]+", url):
        raise no_url
    return found


def _query(text: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=32)
    except ValueError:
        raise unauthorized("the query of the token cannot be read") from None
    query = dict(pairs)
    # Names are compared as they are written: one that STS would read in other letters is not among them.
    extra = set(query) - {*_ONCE, _SESSION_TOKEN}
    missing = set(_ONCE) - set(query)
    if len(query) != len(pairs) or extra or missing:
        what = ", ".join(sorted(extra | missing)) or "a parameter twice"
        raise unauthorized(f"the token is no presigned GetCallerIdentity: it has, or lacks, {what[:200]}")
    wrong = [name for name, pattern in _ONCE.items() if not pattern.fullmatch(query[name])]
    if wrong:
        raise unauthorized(
            f"the token is no presigned GetCallerIdentity bound to a service by {SERVICE_HEADER}: "
            f"{', '.join(sorted(wrong))}"
        )
    return query
