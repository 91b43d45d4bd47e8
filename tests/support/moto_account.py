"""Moto as an account: a process of its own behind an endpoint, which writes down every call.

`python -m tests.support.moto_account PORT FILE` serves until it is ended. Each line of the file is a call:
method, host, path with its query, credential scope, target and body.
"""

import base64
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.emulators import REGION
from tests.support.lake import free_port, wait_for
from tests.support.paths import ROOT
from toolchain.twin import ACCOUNT

UNANSWERED: Mapping[str, str] = {
    "AmazonAthena.DeleteNamedQuery": "moto lacks it; the provider would try again for minutes",
    "AWSStepFunctions.ListStateMachineVersions": "moto lacks it; the provider would try again for minutes",
    "AWSStepFunctions.ValidateStateMachineDefinition": "moto lacks it",
    "AnyScaleFrontendService.ListTagsForResource": "moto lacks it; the provider would try again for minutes",
}
"""Calls that moto cannot answer, by target, with the reason: the server says yes to them."""

VALID = b'{"result": "OK", "diagnostics": []}'
"""The answer to a validation: the twin's emulator and tests/infra/test_jobs.py check definitions."""

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


@dataclass(frozen=True)
class MotoAccount:
    """A running server.

    Attributes:
        endpoint: its address.
        record: the file of the calls.
    """

    endpoint: str
    record: Path

    @property
    def environment(self) -> dict[str, str]:
        """What points a client at it, besides what the process needs."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
        }

    def calls(self) -> list[dict[str, str]]:
        """The calls so far."""
        return [json.loads(line) for line in self.record.read_text().splitlines()]


@contextmanager
def moto_account(folder: Path) -> Iterator[MotoAccount]:
    """A server whose files are below `folder`."""
    port, record = free_port(), folder / "calls.jsonl"
    folder.mkdir(parents=True, exist_ok=True)
    record.touch()
    command = [sys.executable, "-m", "tests.support.moto_account", str(port), str(record)]
    environment = os.environ | {"MOTO_ACCOUNT_ID": ACCOUNT, "MOTO_ALLOW_NONEXISTENT_REGION": "true"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        wait_for(lambda: _serves(port, process), f"moto ({folder / 'log'})", 60)
        yield MotoAccount(f"http://127.0.0.1:{port}", record)
    finally:
        process.terminate()
        process.wait(timeout=30)


def _serves(port: int, process: "subprocess.Popen[bytes]") -> bool:
    import socket

    assert process.poll() is None, "moto has ended"
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def recorded(application: Application, record: Path) -> Application:
    """The application, writing down each call before it is answered."""
    from io import BytesIO

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        query = environ.get("QUERY_STRING", "")
        row = {
            "method": environ["REQUEST_METHOD"],
            "host": environ.get("HTTP_HOST", ""),
            "path": environ.get("RAW_URI") or environ["PATH_INFO"] + (f"?{query}" if query else ""),
            "authorization": environ.get("HTTP_AUTHORIZATION", ""),
            "target": environ.get("HTTP_X_AMZ_TARGET", ""),
            "body": base64.b64encode(body[:100_000]).decode(),
        }
        with record.open("a") as file:
            file.write(json.dumps(row) + "\n")
        if row["target"] in UNANSWERED:
            body = VALID if "Validate" in row["target"] else b"{}"
            kind, length = "application/x-amz-json-1.1", str(len(body))
            start("200 OK", [("Content-Type", kind), ("Content-Length", length)])
            return [body]
        return application(environ, start)

    return answer


def main() -> None:
    """Serve."""
    from werkzeug.serving import run_simple

    warnings.filterwarnings("ignore", message="When using MotoServer")
    from moto.iam.access_control import PermissionResult
    from moto.s3.models import FakeBucket
    from moto.server import DomainDispatcherApplication, create_backend_app

    # Moto applies the buckets' refusal of plain HTTP without its condition, and speaks nothing else.
    FakeBucket.get_permission = lambda *_: PermissionResult.NEUTRAL

    port, record = int(sys.argv[1]), Path(sys.argv[2])
    application = DomainDispatcherApplication(create_backend_app)
    run_simple("127.0.0.1", port, recorded(application, record), threaded=True)


if __name__ == "__main__":
    main()
