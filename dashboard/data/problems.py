"""What went wrong, in words of the person in front of the screen: what happened, and what to do about it."""

from dataclasses import dataclass

from petrostream.alarms import ActionRefusedError
from petrostream.aws.alarm_desk import UnknownTag
from petrostream.aws.athena import QueryFailed, QueryTimedOut
from petrostream.aws.calls import error_code
from petrostream.aws.operator_tags import TagChanged
from petrostream.errors import PetroStreamError, ServiceUnavailable, SettingInvalid, Throttled

EXPIRED = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "RequestExpired",
        "TokenRefreshRequired",
        "SSOTokenLoadError",
        "UnauthorizedSSOTokenError",
        "CredentialRetrievalError",
    }
)
REFUSED = frozenset(
    {
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "NoCredentialsError",
        "PartialCredentialsError",
        "ProfileNotFound",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation"})
MISSING = frozenset({"ResourceNotFoundException", "EntityNotFoundException"})
_SERVICES = {"dynamodb": "the live table (DynamoDB)", "athena": "the lake (Athena)"}


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem as a screen shows it.

    Attributes:
        kind: `credentials`, `rights`, `missing`, `throttled`, `unreachable`, `query`, `slow`, `refused`,
            `settings` or `unknown`.
        title: what happened.
        remedy: what to do.
        detail: the service's own words.
    """

    kind: str
    title: str
    remedy: str
    detail: str


def problem_of(error: Exception) -> Problem:
    """Explain an error of a read or an action."""
    if isinstance(error, ServiceUnavailable):
        return _of_service(error)
    for kinds, kind, title, remedy in _OTHERS:
        if isinstance(error, kinds):
            return Problem(kind, title, remedy, str(error))
    return Problem(
        "unknown",
        "The dashboard failed to read this.",
        "The log of the dashboard has the details; other parts of the page still work.",
        f"{type(error).__name__}: {error}",
    )


_OTHERS: tuple[tuple[tuple[type[Exception], ...], str, str, str], ...] = (
    (
        (QueryTimedOut,),
        "slow",
        "The query took too long and was stopped.",
        "Ask for a shorter range; if this one is short, ask again in a minute: others may be waiting too.",
    ),
    (
        (QueryFailed,),
        "query",
        "Athena failed the query.",
        "The reason is below. If it names a missing table or column, deploy the lake again; if it names the "
        "scan limit, ask for a shorter range.",
    ),
    (
        (ActionRefusedError, UnknownTag, TagChanged),
        "refused",
        "The action was not taken.",
        "The reason is below; look at the alarm's state again.",
    ),
    (
        (SettingInvalid,),
        "settings",
        "The dashboard is not set up.",
        "Start it with `petrostream dashboard` or `make dashboard`.",
    ),
    ((PetroStreamError,), "unknown", "That did not work.", "The reason is below."),
)
"""By type of error, the most specific first: kind, title and remedy."""


def _of_service(error: ServiceUnavailable) -> Problem:
    where = _SERVICES.get(error.service.lower(), error.service)
    code = _code(error)
    if code in EXPIRED:
        kind, title = "credentials", "The AWS credentials have expired."
        remedy = "Sign in again (for example `aws sso login`), then reload this page."
    elif code in REFUSED:
        kind, title = "credentials", "AWS does not accept the credentials."
        remedy = "Check AWS_PROFILE or the role of this service, then start the dashboard again."
    elif code in DENIED:
        kind, title = "rights", f"The credentials may not read {where}."
        remedy = "Give the role the rights in docs/guides/dashboard.md, or use another profile."
    elif code in MISSING:
        kind, title = "missing", f"{where[0].upper()}{where[1:]} is not there."
        remedy = "Deploy the lake (`./project_up.sh` here, `make deploy` on AWS), and check the region."
    elif isinstance(error, Throttled):
        kind, title = "throttled", f"{where[0].upper()}{where[1:]} asks for less load."
        remedy = "Nothing to do: it is asked again shortly."
    else:
        kind, title = "unreachable", f"{where[0].upper()}{where[1:]} does not answer."
        remedy = "On this machine: `./project_up.sh` starts the lake. On AWS: check network and region."
    return Problem(kind, title, remedy, error.cause)


def _code(error: BaseException) -> str:
    """The service's code of the error that caused this one, or the name of its class."""
    cause = error.__cause__
    return error_code(cause) if isinstance(cause, Exception) else ""
