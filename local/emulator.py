"""Run the AWS emulator in this process: `python -m local.emulator`. The front door is `python -m local up`.

The emulator is MiniStack, started here rather than by its own command for three reasons: it must listen on
the loopback address only; its adaptations (`local/adaptations`) must be in place before the first request;
and `up` needs to know whose twin answers on the port (`/_petrostream/health`) and to save the state after a
deployment (`/_petrostream/save`), so that a crash does not require another deployment. What it acknowledges
in between is in a journal (`local/adaptations/journal.py`), which is read back before the first request.
"""

import asyncio
import hashlib
import importlib.metadata
import json
import logging
import os
import shutil
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

from toolchain import commands
from toolchain.twin import ACCOUNT, HOST, REGION, Twin, iam_enforced, point_at_twin, twin

HEALTH = "/_petrostream/health"
SAVE = "/_petrostream/save"

Send = Callable[..., Awaitable[Any]]
Application = Callable[[Mapping[str, Any], Callable[..., Awaitable[Any]], Send], Any]


def configure(target: Twin) -> None:
    """Set the variables that MiniStack and its functions read. Call it before MiniStack is imported."""
    point_at_twin(target=target)
    os.environ.update(
        {
            "GATEWAY_PORT": str(target.port),
            "BIND_HOST": HOST,
            "MINISTACK_HOST": HOST,
            "MINISTACK_ACCOUNT_ID": ACCOUNT,
            "MINISTACK_REGION": REGION,
            "PERSIST_STATE": "1",
            "STATE_DIR": str(target.state),
            "S3_PERSIST": "1",
            "S3_DATA_DIR": str(target.objects),
            "TMPDIR": str(target.scratch),
            "LAMBDA_EXECUTOR": "local",
            "AUTH": "true" if iam_enforced() else "false",
            # Listeners that nothing here uses.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            # At start and stop MiniStack removes every container that it takes for its own. The twin has
            # none, so MiniStack must not reach the user's Docker.
            "DOCKER_HOST": f"unix://{target.home}/no-docker",
            # The functions share the machine with everything else.
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
    )


def prepare_folders(target: Twin) -> None:
    """Create the data folders, readable by this user only, and empty the scratch folder."""
    shutil.rmtree(target.scratch, ignore_errors=True)
    for folder in (target.home, target.objects, target.state, target.scratch):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def serve(target: Twin) -> None:
    """Run the emulator until SIGTERM or SIGINT, then save its state and return.

    Raises:
        IncompatibleEmulatorError: the installed MiniStack differs from the version the adaptations are for.
    """
    configure(target)
    prepare_folders(target)
    # Only now: MiniStack reads the variables when it is imported.
    from hypercorn.asyncio import serve as hypercorn_serve  # noqa: PLC0415
    from hypercorn.config import Config  # noqa: PLC0415
    from ministack import app as ministack_app  # noqa: PLC0415

    from local import adaptations  # noqa: PLC0415
    from local.adaptations.journal import Journal  # noqa: PLC0415

    saved = any(target.state.glob("*.json"))
    journal = Journal(target.journal, expected=saved)
    installed = adaptations.install(journal)
    logging.getLogger("petrostream").info("Adaptations in place: %s", ", ".join(installed))
    config = Config()
    config.bind = [f"{HOST}:{target.port}"]
    # Longer than any client keeps a connection without use (Go's 90 s): were it closed here while a request
    # is on its way, the request would be carried out, its answer lost, and the client would send it again.
    config.keep_alive_timeout = 600
    # On a slow disk, saving the state can take longer than the server's default of one minute.
    config.shutdown_timeout = 300
    recovery = Recovery(lambda: asdict(adaptations.recover(journal)), journal.close)
    application = wrap(ministack_app.app, target, _saver(ministack_app), recovery)
    asyncio.run(hypercorn_serve(application, config))


def _saver(ministack_app: ModuleType) -> Callable[[], None]:
    """A function that saves the state of every service that was used."""
    from ministack.core.persistence import save_all  # noqa: PLC0415

    return lambda: save_all(ministack_app._build_persistence_save_dict())


def code_digest() -> str:
    """Digest of the code inside the emulator and of its access control; another digest means: restart it.

    Raises:
        ToolError: PETROSTREAM_IAM has an unknown value.
    """
    digest = hashlib.sha256(importlib.metadata.version("ministack").encode())
    digest.update(b"iam" if iam_enforced() else b"")
    folder = Path(__file__).parent
    for path in sorted(
        [folder / "emulator.py", *folder.glob("athena/*.py"), *folder.glob("adaptations/*.py")]
    ):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


class Recovery:
    """Reads the journal back before the first request, and closes it after the last.

    Args:
        recover: reads it back, and returns what it found.
        close: closes it; the emulator has saved its state.
    """

    def __init__(self, recover: Callable[[], dict[str, Any]], close: Callable[[], None]) -> None:
        self.found: dict[str, Any] = {}
        self._recover = recover
        self._close = close

    def watching(self, send: Send) -> Send:
        """Send the messages of the emulator's lifespan, with the journal's own steps in between."""

        async def send_message(message: Mapping[str, Any]) -> None:
            if message["type"] == "lifespan.startup.complete":
                try:
                    self.found = self._recover()
                except Exception as error:
                    # Otherwise the server would go on without what was acknowledged.
                    logging.getLogger("petrostream").exception("The journal could not be read back")
                    message = {"type": "lifespan.startup.failed", "message": str(error)}
            elif message["type"] == "lifespan.shutdown.complete":
                self._close()
            await send(message)

        return send_message


def wrap(
    application: Application, target: Twin, save: Callable[[], None], recovery: Recovery | None = None
) -> Application:
    """The emulator's ASGI application behind the twin's own two paths."""
    code = code_digest()

    async def outer(
        scope: Mapping[str, Any],
        receive: Callable[..., Awaitable[Any]],
        send: Send,
    ) -> None:
        path = scope.get("path") if scope["type"] == "http" else None
        if path == HEALTH:
            found = recovery.found if recovery else {}
            answer = {"home": str(target.home), "pid": os.getpid(), "code": code, "recovered": found}
            await _answer(send, answer)
        elif path == SAVE and scope["method"] == "POST":
            # On the event loop, so that no request changes a store while it is copied.
            save()
            await _answer(send, {"saved": True})
        elif scope["type"] == "lifespan" and recovery is not None:
            await application(scope, receive, recovery.watching(send))
        else:
            await application(scope, receive, send)

    return outer


async def _answer(send: Send, document: Mapping[str, Any]) -> None:
    body = json.dumps(document).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def main() -> None:
    """Run the emulator in the foreground; `python -m local up` starts it in the background."""
    logging.basicConfig(
        level=logging.INFO, format="%(asctime)s %(levelname)s [%(name)s] %(message)s", stream=sys.stderr
    )
    serve(twin())


if __name__ == "__main__":
    commands.run(main)
