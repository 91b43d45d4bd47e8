"""Where the API listens, and the server that serves it."""

import ipaddress
import threading
from collections.abc import Mapping
from dataclasses import dataclass

import uvicorn

from lambdas.scoring.api.app import create_app
from lambdas.scoring.api.callers import IamSettings, SignedCallers
from lambdas.scoring.api.gauges import Gauges
from lambdas.scoring.api.services import Services
from petrostream.aws.settings import ConsumerSettings
from petrostream.aws.worker import Worker, now_ms
from petrostream.errors import SettingInvalid

PORT = 8080
IDLE_SECONDS = 65
"""A little longer than a load balancer's own idle time-out (60 s), so that it is the one that closes."""

SHUTDOWN_SECONDS = 20


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """Where the API listens, and who may call it.

    Attributes:
        host: API_HOST, 127.0.0.1 if not set.
        port: API_PORT, 8080 if not set.
        key_digests: API_KEY_DIGESTS, SHA-256 digests of the keys in hexadecimal, separated by commas.
        iam: API_IAM_PRINCIPALS and what belongs to it: whose signed tokens are accepted; None without.
    """

    host: str = "127.0.0.1"
    port: int = PORT
    key_digests: tuple[str, ...] = ()
    iam: IamSettings | None = None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "ApiSettings":
        """Read the settings.

        Raises:
            SettingInvalid: a variable has a value that can't be used, or the API would be open to a network.
        """
        host = environment.get("API_HOST", "127.0.0.1").strip()
        port = environment.get("API_PORT", str(PORT)).strip()
        text = environment.get("API_KEY_DIGESTS", "")
        digests = tuple(digest for digest in (part.strip().lower() for part in text.split(",")) if digest)
        if not port.isdecimal() or not 0 < int(port) < 65536:
            raise SettingInvalid("API_PORT", port, "a port, 1 to 65535")
        if any(len(digest) != 64 or set(digest) - set("0123456789abcdef") for digest in digests):
            raise SettingInvalid("API_KEY_DIGESTS", "…", "SHA-256 digests, 64 hexadecimal digits each")
        iam = IamSettings.from_environment(environment)
        if not digests and iam is None and not _loopback(host):
            wanted = f"the digests of its keys, or API_IAM_PRINCIPALS, or loopback instead of {host}"
            raise SettingInvalid("API_KEY_DIGESTS", None, wanted)
        return cls(host, int(port), digests, iam)


def server(settings: ConsumerSettings, api: ApiSettings, gauges: Gauges) -> uvicorn.Server:
    """A server of the API, not yet running."""
    worker = Worker(settings)
    services = Services(
        models=worker.models,
        state=lambda facility: worker.states.committed(facility).scoring,
        live=worker.live_table,
        desk=worker.desk,
        now_ms=now_ms,
    )
    config = uvicorn.Config(
        create_app(
            services,
            api.key_digests,
            gauges=gauges,
            signed=None if api.iam is None else SignedCallers(api.iam),
        ),
        host=api.host,
        port=api.port,
        timeout_keep_alive=IDLE_SECONDS,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
        server_header=False,
        log_level="warning",
    )
    return uvicorn.Server(config)


def serve_beside(settings: ConsumerSettings, api: ApiSettings, gauges: Gauges) -> uvicorn.Server:
    """Serve the API in a thread of its own, until `should_exit` of the result is set."""
    found = server(settings, api, gauges)
    threading.Thread(target=found.run, name="api", daemon=True).start()
    return found


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
