"""The AWS services that the scoring function calls, as they answer for an empty lake: a server for benches.

It keeps nothing but the objects it is given, and answers at once, so that what is measured is the caller.
"""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_EMPTY: Mapping[str, dict[str, Any]] = {
    "GetItem": {},
    "PutItem": {},
    # The place of a shard that has been read before: its first reader ever would ask for its parents.
    "UpdateItem": {"Attributes": {"done": {"S": "1"}}},
    "Query": {"Items": [], "Count": 0, "ScannedCount": 0},
    "BatchGetItem": {"Responses": {}, "UnprocessedKeys": {}},
}


class _Server(ThreadingHTTPServer):
    """A server with the objects of a bucket, and the calls so far."""

    objects: Mapping[str, bytes]
    calls: list[str]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """S3: an object."""
        key, objects = self.path.split("?")[0].split("/", 2)[2], self.server.objects
        self.server.calls.append(f"GetObject {key}")
        missing = b"<Error><Code>NoSuchKey</Code></Error>"
        self._answer(200 if key in objects else 404, objects.get(key, missing))

    def do_POST(self) -> None:
        """The services with JSON."""
        operation = self.headers["X-Amz-Target"].partition(".")[2]
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.calls.append(operation)
        answer = _EMPTY.get(operation)
        if operation == "PutRecordBatch":
            each = [{"RecordId": str(at)} for at in range(len(body["Records"]))]
            answer = {"FailedPutCount": 0, "Encrypted": False, "RequestResponses": each}
        if answer is None:
            self._answer(400, json.dumps({"__type": "UnknownOperation", "message": operation}).encode())
        else:
            self._answer(200, json.dumps(answer).encode())

    def _answer(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        """Nothing: the bench prints its own figures."""


@contextmanager
def serving(objects: Mapping[str, bytes]) -> Iterator[tuple[str, list[str]]]:
    """Serve until the end of the context.

    Args:
        objects: what the bucket holds, by key.

    Yields:
        The endpoint's address, and the calls so far.
    """
    server = _Server(("127.0.0.1", 0), _Handler)
    server.objects, server.calls = objects, []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.calls
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
