"""Command-line values of a replay, and the endpoint it sends to."""

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from producer.errors import OptionInvalid
from producer.schedule import FULL_SPEED
from toolchain.twin import point_at_twin, twin

_PERIOD = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d{1,3})?)s?)?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")


def speed_of(text: str) -> float:
    """Playback speed as a factor of real time; infinity for `max`.

    Raises:
        OptionInvalid: neither a number from 1 to 10,000 nor `max`.
    """
    if text == "max":
        return FULL_SPEED
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 1 <= speed <= 10_000:
        raise OptionInvalid("--speed", text, "1 (real time), 60, another number from 1 to 10000, or max")
    return speed


def period_ms(option: str, text: str | None) -> int | None:
    """Milliseconds of a period such as `90`, `90s`, `10m`, `1h30m` or `2d`; None if there is none.

    Raises:
        OptionInvalid: not a period.
    """
    if text is None:
        return None
    match = _PERIOD.fullmatch(text)
    if not text or match is None:
        raise OptionInvalid(option, text, "a period such as 90, 90s, 10m, 1h30m or 2d")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    ms = round(1000 * (86_400 * days + 3600 * hours + 60 * minutes + seconds))
    if ms == 0 and option == "--duration":
        raise OptionInvalid(option, text, "a period longer than 0; leave it out to play everything")
    return ms


def names_of(option: str, values: list[str] | None) -> list[str]:
    """Names from a repeated option, each with one name or several separated by commas.

    Raises:
        OptionInvalid: a value without a name, which must not come to mean all.
    """
    names: list[str] = []
    for value in values or ():
        found = [name.strip() for name in value.split(",") if name.strip()]
        if not found:
            raise OptionInvalid(option, value, "at least one name; leave it out to play all")
        names += found
    return names


def report_file(path: Path | None) -> Path | None:
    """The file of the report, after a trial: a long replay must not end in one that can't be written.

    Raises:
        OptionInvalid: it can't be written.
    """
    if path is None:
        return None
    existed = path.exists()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab"):
            pass
        if not existed:
            path.unlink()
    except OSError as error:
        raise OptionInvalid(
            "--report", str(path), f"a file that can be written ({error.strerror})"
        ) from error
    return path


def resume_file(name: str) -> Path:
    """File in which a replay of that name keeps its progress, in the folder of the local twin.

    Raises:
        OptionInvalid: the name cannot be part of a file name.
    """
    if not _NAME.fullmatch(name):
        raise OptionInvalid("--name", name, "1 to 64 letters, digits or _.-")
    return twin().home / f"replay-{name}.json"


def connect(endpoint_url: str | None) -> str:
    """Point AWS clients at the endpoint, and return a name of the target for people.

    Without an endpoint, the target is a local twin that was started here, unless the environment selects an
    AWS account. Emulators accept any credentials, so a loopback endpoint gets some if there are none.

    Raises:
        OptionInvalid: not an http or https URL.
    """
    endpoint = endpoint_url or os.environ.get("AWS_ENDPOINT_URL")
    if endpoint:
        parts = urlsplit(endpoint)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise OptionInvalid("--endpoint-url", endpoint, "a URL such as http://127.0.0.1:4566")
        os.environ["AWS_ENDPOINT_URL"] = endpoint
        if parts.hostname in {"127.0.0.1", "localhost", "::1"}:
            for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
                os.environ.setdefault(name, "test")
            os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
        return endpoint
    account_chosen = any(os.environ.get(name) for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID"))
    if twin().pid_file.exists() and not account_chosen:
        point_at_twin()
        return f"local twin at {twin().endpoint}"
    return "AWS"
