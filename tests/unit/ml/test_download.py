"""Downloading the dataset, against an HTTP server on loopback that misbehaves on demand."""

import hashlib
import io
import json
import stat
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from typer.testing import CliRunner

from ml.data.archive import unpack
from ml.data.fetch import DownloadError, Fetcher
from ml.download import MARKER, app, download
from petrostream.backoff import Backoff

NAME = "3w.zip"


def make_zip(entries):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as bundle:
        for name, content in entries.items():
            bundle.writestr(name, content)
    return out.getvalue()


CONTENT = make_zip({"dataset/2/SIMULATED_00001.parquet": b"x" * 50_000, "dataset/dataset.ini": b"[VERSION]"})


class Server(ThreadingHTTPServer):
    """Serves the API's file listing and one file; `faults` are consumed one per file request."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.md5 = hashlib.md5(CONTENT).hexdigest()
        self.faults = []
        self.requests = []
        self.listing = None

    @property
    def api(self):
        return f"http://127.0.0.1:{self.server_port}/v2"

    def answer(self):
        if self.listing is not None:
            return self.listing
        return [
            {
                "id": 1,
                "name": NAME,
                "size": len(self.content),
                "is_link_only": False,
                "download_url": f"http://127.0.0.1:{self.server_port}/file",
                "supplied_md5": "",
                "computed_md5": self.md5,
            }
        ]


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server = self.server
        if self.path != "/file":
            body = json.dumps(server.answer()).encode()
            self.reply(200, body, len(body))
            return
        wanted = self.headers.get("Range")
        server.requests.append(wanted)
        fault = server.faults.pop(0) if server.faults else None
        if isinstance(fault, int):
            self.reply(fault, b"", 0)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and fault != "no ranges" else 0
        body = server.content[start:]
        sent = body[: len(body) // 2] if fault == "truncated" else body
        self.reply(206 if start else 200, sent, len(body), start)

    def reply(self, status, body, length, start=0):
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        if status == 206:
            total = len(self.server.content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    threading.Thread(target=lambda: server.serve_forever(poll_interval=0.01), daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def fetcher(limit=4):
    return Fetcher(Backoff(limit=limit, sleep=lambda _: None))


def test_downloads_checks_and_unpacks(server, tmp_path):
    assert download(tmp_path / "3w", api=server.api, fetcher=fetcher()) == 1
    assert (tmp_path / "3w/2/SIMULATED_00001.parquet").read_bytes() == b"x" * 50_000
    assert (tmp_path / "3w/dataset.ini").is_file()
    assert not list(tmp_path.rglob("*.part"))
    assert not (tmp_path / "3w" / NAME).exists()


def test_class_folders_are_unpacked_directly_into_the_folder(tmp_path):
    archive = tmp_path / "a.zip"
    archive.write_bytes(make_zip({"x/y/2/a.parquet": b"1", "x/y/0/b.parquet": b"2", "LICENSE": b"3"}))
    assert unpack(archive, tmp_path / "in") == 3
    written = {path.relative_to(tmp_path / "in").as_posix() for path in (tmp_path / "in").rglob("*.*")}
    assert written == {"2/a.parquet", "0/b.parquet"}
    assert (tmp_path / "in" / "LICENSE").is_file()
    archive.write_bytes(make_zip({"2/a.parquet": b"1", "more/2/a.parquet": b"2"}))
    unpack(archive, tmp_path / "two")
    assert (tmp_path / "two/2/a.parquet").read_bytes() == b"1"
    assert (tmp_path / "two/more/2/a.parquet").read_bytes() == b"2"


def test_a_second_run_makes_no_request(server, tmp_path):
    download(tmp_path, api=server.api, fetcher=fetcher(), keep_archive=True)
    assert (tmp_path / NAME).exists()
    server.requests.clear()
    assert download(tmp_path, api="http://127.0.0.1:1/v2", fetcher=fetcher(1)) == 1
    assert server.requests == []


def test_a_truncated_answer_is_resumed_by_range(server, tmp_path):
    server.faults = ["truncated", "truncated"]
    download(tmp_path, api=server.api, fetcher=fetcher())
    half = len(CONTENT) // 2
    assert server.requests[0] is None
    assert server.requests[1] == f"bytes={half}-"
    assert len(server.requests) == 3


def test_a_later_run_continues_where_the_last_one_ended(server, tmp_path):
    server.faults = ["truncated"]
    with pytest.raises(DownloadError, match=r"broke off at 25,\d+ of 50,\d+ bytes .*run again to resume"):
        download(tmp_path, api=server.api, fetcher=fetcher(1))
    assert not (tmp_path / MARKER).exists()
    assert download(tmp_path, api=server.api, fetcher=fetcher()) == 1
    assert server.requests == [None, f"bytes={len(CONTENT) // 2}-"]


def test_a_server_without_ranges_sends_everything_again(server, tmp_path):
    server.faults = ["truncated", "no ranges"]
    assert download(tmp_path, api=server.api, fetcher=fetcher()) == 1


def test_server_errors_are_repeated(server, tmp_path):
    server.faults = [503, 429, 500]
    assert download(tmp_path, api=server.api, fetcher=fetcher()) == 1
    assert len(server.requests) == 4


def test_a_file_that_no_longer_exists_is_not_requested_again(server, tmp_path):
    server.faults = [404]
    with pytest.raises(DownloadError, match="HTTP 404: the file no longer exists there"):
        download(tmp_path, api=server.api, fetcher=fetcher())
    assert len(server.requests) == 1


def test_a_wrong_digest_is_an_error_and_leaves_nothing(server, tmp_path):
    server.content = CONTENT[:-1] + b"!"
    with pytest.raises(DownloadError, match=r"3w.zip: .* MD5 .* expected .* deleted; run again"):
        download(tmp_path, api=server.api, fetcher=fetcher())
    assert [path.name for path in tmp_path.iterdir()] == []


def test_no_network_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with pytest.raises(DownloadError, match=r"can't be read .*check the network"):
        download(tmp_path, api="http://127.0.0.1:1/v2", fetcher=fetcher(2))


@pytest.mark.parametrize(
    ("listing", "message"),
    [
        ([], "lists no files"),
        ({"message": "moved"}, "unknown form"),
        ([{"name": "../x.zip", "size": 1, "download_url": "http://a", "computed_md5": "0"}], "unknown form"),
        ([{"name": "x.zip", "size": 1, "download_url": "file:///etc", "computed_md5": "0"}], "unknown form"),
    ],
)
def test_a_listing_that_is_not_understood(server, tmp_path, listing, message):
    server.listing = listing
    with pytest.raises(DownloadError, match=message):
        download(tmp_path, api=server.api, fetcher=fetcher())


def test_the_command_line_ends_with_one_line(server, tmp_path):
    server.faults = [404]
    result = CliRunner().invoke(app, ["--out", str(tmp_path), "--api", server.api])
    assert result.exit_code == 1
    assert "HTTP 404" in result.output
    assert "Traceback" not in result.output
    result = CliRunner().invoke(app, ["--out", str(tmp_path), "--api", server.api])
    assert result.exit_code == 0
    assert "1 instances of 3W" in result.output


@pytest.mark.parametrize("name", ["../out.txt", "/out.txt", "a/../../out.txt", "..\\out.txt", "C:/out.txt"])
def test_an_archive_can_not_write_outside_its_folder(tmp_path, name):
    archive = tmp_path / "a.zip"
    archive.write_bytes(make_zip({"fine.txt": b"1", name: b"2"}))
    with pytest.raises(DownloadError, match="points outside its folder"):
        unpack(archive, tmp_path / "in")
    assert not (tmp_path / "out.txt").exists()
    assert not (tmp_path / "in" / "fine.txt").exists()


def test_links_bombs_and_rubbish_are_not_unpacked(tmp_path, monkeypatch):
    archive = tmp_path / "a.zip"
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(archive, "w") as bundle:
        bundle.writestr(link, "/etc/passwd")
    with pytest.raises(DownloadError, match="is a link"):
        unpack(archive, tmp_path / "in")
    monkeypatch.setattr("ml.data.archive.MAX_UNPACKED_BYTES", 10)
    archive.write_bytes(make_zip({"big": b"0" * 11}))
    with pytest.raises(DownloadError, match="would unpack to 11 bytes"):
        unpack(archive, tmp_path / "in")
    archive.write_bytes(b"not a zip")
    with pytest.raises(DownloadError, match="not a readable zip file"):
        unpack(archive, tmp_path / "in")
