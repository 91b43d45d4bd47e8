"""Where the source is and who may read it: from the environment or Secrets Manager, never from a file.

Passwords are in no message: what a driver says of a connection string is replaced.
"""

import json
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from petrostream.aws.clients import client
from producer.cdc.errors import SourceInvalid, SourceLost

URL = "PETROSTREAM_CDC_URL"
SECRET = "PETROSTREAM_CDC_SECRET"  # noqa: S105 - the name of a variable
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
VERIFIED = "verify-full"
_WEAK = frozenset({"disable", "allow", "prefer"})
_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")
_ADVICE = (
    f"set {URL} (postgresql://user:password@host/database), or PGHOST, PGUSER, PGPASSWORD and PGDATABASE, "
    "or name a "
    "secret of Secrets Manager with --secret"
)


@dataclass(frozen=True, slots=True)
class Secret:
    """Credentials of a secret in the structure that Secrets Manager gives databases."""

    username: str
    password: str
    host: str = ""
    port: str = ""
    dbname: str = ""


def read_secret(arn: str, fetch: Callable[[str], str] | None = None) -> Secret:
    """Fetch a secret; its text is asked for again with every connection, since it may have been rotated.

    Args:
        arn: ARN or name.
        fetch: returns the text of a secret; from Secrets Manager if left out.

    Raises:
        SourceInvalid: there is none, this caller may not read it, or it has no username and password.
        SourceLost: Secrets Manager does not respond.
    """
    from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError  # noqa: PLC0415
    from botocore.exceptions import ConnectionError as BotoConnectionError  # noqa: PLC0415

    try:
        raw: Any = json.loads((fetch or _fetch)(arn))
    except (BotoConnectionError, HTTPClientError) as error:
        raise SourceLost(f"secret {arn}: Secrets Manager does not respond ({error})") from error
    except (ClientError, BotoCoreError) as error:
        advice = "check its name and region, and that secretsmanager:GetSecretValue is allowed on it"
        raise SourceInvalid(f"secret {arn} can't be read ({error}); {advice}") from error
    except ValueError:
        raw = None  # what is in it must not be in a message, and the parser's error quotes it
    if not isinstance(raw, dict) or not all(
        isinstance(raw.get(one), str) for one in ("username", "password")
    ):
        raise SourceInvalid(
            f"secret {arn} is not JSON with username and password, as Secrets Manager writes it for a "
            "database"
        )
    texts = {one: str(raw[one]) for one in ("host", "port", "dbname") if raw.get(one) not in (None, "")}
    return Secret(raw["username"], raw["password"], **texts)


def _fetch(arn: str) -> str:
    return str(client("secretsmanager").get_secret_value(SecretId=arn)["SecretString"])


def postgres_parameters(secret: Secret | None, environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Connection parameters for libpq: of the secret, then of `PETROSTREAM_CDC_URL`, then of PG* variables.

    Without another `sslmode`, the server's certificate and its name are verified; on the loopback address and
    Unix sockets, TLS is used if the server offers it.

    Raises:
        SourceInvalid: no source is named, the URL is none, or TLS is switched off towards another machine.
    """
    from psycopg import Error, conninfo  # noqa: PLC0415

    try:
        given = conninfo.conninfo_to_dict(environment.get(URL, ""))
    except Error:
        # The error may quote the text, and with it the password.
        raise SourceInvalid(f"{URL} is no connection string of PostgreSQL; {_ADVICE}") from None
    found = {name: str(value) for name, value in given.items() if value is not None}
    if secret is not None:
        own = {"user": secret.username, "password": secret.password}
        own |= {"host": secret.host, "port": secret.port, "dbname": secret.dbname}
        found |= {name: value for name, value in own.items() if value}
    named = environment.get("PGHOST") or environment.get("PGHOSTADDR") or environment.get("PGSERVICE")
    if not found and not named:
        raise SourceInvalid(f"no source is named: {_ADVICE}")
    _secure(found, environment)
    return {"application_name": "petrostream-cdc", "connect_timeout": "10", **_KEEPALIVE, **found}


_KEEPALIVE = {
    "keepalives_idle": "30",
    "keepalives_interval": "10",
    "keepalives_count": "3",
    "tcp_user_timeout": "60000",
}


def hosts_of(parameters: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> list[str]:
    """Hosts that a connection may go to."""
    names = ("host", "PGHOST"), ("hostaddr", "PGHOSTADDR")
    texts = [parameters.get(one) or environment.get(variable, "") for one, variable in names]
    return [host for text in texts for host in text.split(",") if host]


def is_local(hosts: list[str]) -> bool:
    """Whether a connection stays on this machine."""
    return all(host in LOOPBACK or host.startswith(("/", "@")) for host in hosts)


def _secure(parameters: dict[str, str], environment: Mapping[str, str]) -> None:
    mode = parameters.get("sslmode") or environment.get("PGSSLMODE", "")
    hosts = hosts_of(parameters, environment)
    if is_local(hosts):
        return
    if mode in _WEAK:
        raise SourceInvalid(
            f"sslmode={mode} may send readings and password to {', '.join(hosts)} in the clear; leave it out "
            f"({VERIFIED} is the default), or use an SSH tunnel to 127.0.0.1"
        )
    parameters["sslmode"] = mode or VERIFIED
    if not (parameters.get("sslrootcert") or environment.get("PGSSLROOTCERT")):
        parameters["sslrootcert"] = _roots()


def _roots() -> str:
    """Certificates that are trusted: the user's own for PostgreSQL, else the system's."""
    own = Path.home() / ".postgresql" / "root.crt"
    if own.is_file():
        return str(own)
    system = ssl.get_default_verify_paths().cafile
    return next((path for path in (system, *_BUNDLES) if path and Path(path).is_file()), "system")


def sqlalchemy_url(secret: Secret | None, environment: Mapping[str, str] = os.environ) -> str:
    """The URL of `PETROSTREAM_CDC_URL`, with name and password of the secret if there is one.

    To PostgreSQL on another machine, certificate and name are verified unless the URL has an `sslmode`; for
    other databases, TLS is what the URL says to their drivers.

    Raises:
        SourceInvalid: there is none, or TLS is switched off towards a PostgreSQL on another machine.
    """
    url = environment.get(URL, "")
    if "://" not in url:
        raise SourceInvalid(
            f"{URL} is {'not set' if not url else 'no URL'}; set it to "
            "dialect+driver://user:password@host/database, "
            "such as mssql+pyodbc://… or sqlite:////data/historian.db"
        )
    url = _verified(url)
    if secret is None:
        return url
    dialect, _, rest = url.partition("://")
    name, password = quote(secret.username, safe=""), quote(secret.password, safe="")
    return f"{dialect}://{name}:{password}@{rest.rpartition('@')[2]}"


_LIBPQ = ("postgresql", "postgresql+psycopg", "postgresql+psycopg2")
"""Dialects whose URL takes the parameters of libpq."""


def _verified(url: str) -> str:
    from sqlalchemy import exc, make_url  # noqa: PLC0415

    try:
        parts = make_url(url)
    except (exc.ArgumentError, ValueError):
        raise SourceInvalid(
            f"{URL} is no URL of SQLAlchemy: dialect+driver://user:password@host/database"
        ) from None
    if parts.drivername not in _LIBPQ:
        return url
    query = {
        name: value if isinstance(value, str) else ",".join(value) for name, value in parts.query.items()
    }
    hosts = [host for host in (parts.host, query.get("host")) if host]
    before = {name: value for name, value in query.items() if name.startswith("ssl")} | {
        "host": ",".join(hosts)
    }
    found = dict(before)
    _secure(found, {})
    added = urlencode({name: value for name, value in found.items() if name not in before})
    return f"{url}{'&' if parts.query else '?'}{added}" if added else url
