"""Measures the HTTP API: one reading at a time, batches, and both beside callers who behave badly.

    python bench/api.py --json build/bench-api.json

The server runs on one core and the load generator on another, where the machine has two; both use loopback.
Times are by the clock, from the first byte sent to the last received, so other work on the machine shows in
them: the load average is printed, and the server's own CPU time beside them. Models are made from a seed; the
fleet's routes are not measured.
"""

import argparse
import http.client
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "bench")]

from scoring import NOW_MS, WELL, simulated_values, stream_rows, trained_model  # noqa: E402

from petrostream.detection.detector import ModelSet, load_models  # noqa: E402  (after the thread limits)
from petrostream.readings import encode_block  # noqa: E402
from petrostream.scoring import FacilityState  # noqa: E402
from toolchain.version_option import add_version  # noqa: E402

SINGLES, BATCH, BATCHES, CALLERS, IDLE = 1000, 1000, 60, 2, 1000
BARS = {"single_p99_ms": 20.0, "readings_per_s": 20_000}
NDJSON = {"content-type": "application/x-ndjson"}


def serve(port: int, folder: Path) -> None:
    """Serve the API with the models of a folder, on one core."""
    import uvicorn  # noqa: PLC0415 - only the server needs it

    from lambdas.scoring.api.access import ApiLimits  # noqa: PLC0415
    from lambdas.scoring.api.app import create_app  # noqa: PLC0415
    from lambdas.scoring.api.services import Services  # noqa: PLC0415

    pin(0)
    entry = json.loads((folder / "entry.json").read_text())
    models = ModelSet("bench", {WELL: load_models(entry, (folder / "model.onnx").read_bytes())})
    nowhere: Any = None
    services = Services(
        SimpleNamespace(current=lambda: models), FacilityState, nowhere, nowhere, lambda: NOW_MS
    )
    # Rates are lifted: they would be what is measured.
    app = create_app(services, limits=ApiLimits(requests_per_second=1e9, burst=10**9))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", timeout_keep_alive=600)


def pin(core: int) -> None:
    """Keep this process on one core, where the machine has it."""
    if core in os.sched_getaffinity(0):
        os.sched_setaffinity(0, {core})


def post(connection: http.client.HTTPConnection, body: bytes) -> tuple[int, bytes]:
    """Post readings; the status and the answer."""
    connection.request("POST", "/v1/score", body, NDJSON)
    response = connection.getresponse()
    return response.status, response.read()


def singles(port: int, bodies: list[bytes]) -> list[float]:
    """Milliseconds of each request of one reading, over one connection."""
    connection, spent = http.client.HTTPConnection("127.0.0.1", port), []
    for body in bodies:
        begin = time.perf_counter()
        status, _ = post(connection, body)
        spent.append(1000 * (time.perf_counter() - begin))
        require(status == 200, f"status {status}")
    return spent


def batches(port: int, bodies: list[bytes]) -> float:
    """Readings a second, over several connections at once."""
    counted = []

    def caller(mine: list[bytes]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        for body in mine:
            status, answer = post(connection, body)
            if status == 200 and b'"rejected":[]' in answer:
                counted.append(answer.count(b'{"line":'))

    threads = [threading.Thread(target=caller, args=(bodies[i::CALLERS],)) for i in range(CALLERS)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spent = time.perf_counter() - begin
    require(sum(counted) == BATCH * len(bodies), f"{sum(counted)} readings came back")
    return sum(counted) / spent


def bad_callers(port: int, stop: threading.Event) -> dict[str, int]:
    """Send what is wrong until told to stop; how often each status came back."""
    seen: dict[str, int] = {}
    wrong = [b"{", b'{"well_id": 1}', b"x" * (4 * 1024 * 1024 + 1), b'{"ts":"noon"}\n' * 50]
    while not stop.is_set():
        for body in wrong:
            connection = http.client.HTTPConnection("127.0.0.1", port)
            try:
                status = str(post(connection, body)[0])
            except OSError:
                status = "closed"  # the server need not read a body that it has refused
            seen[status] = seen.get(status, 0) + 1
            connection.close()
        stop.wait(0.01)
    return seen


def idle_health(port: int) -> float:
    """Worst milliseconds of /health while so many connections are open and say nothing."""
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(IDLE)]
    for place in range(0, IDLE, 4):
        idle[place].sendall(b"POST /v1/score HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
    spent = []
    for _ in range(50):
        begin = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/health")
        require(connection.getresponse().status == 200, "/health failed")
        spent.append(1000 * (time.perf_counter() - begin))
        connection.close()
    for one in idle:
        one.close()
    return max(spent)


def require(holds: bool, what: str) -> None:
    """End the benchmark if an answer was not what it must be."""
    if not holds:
        raise SystemExit(f"{what}: the figures would mean nothing")


def cpu_seconds(process: int) -> float:
    """CPU time of a process, its own and the system's for it."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(port: int, server: int, rows: list[dict]) -> dict[str, Any]:
    """All figures."""
    ones = [encode_block([row]) for row in rows[:SINGLES]]
    whole = [encode_block(rows[i : i + BATCH]) for i in range(0, len(rows), BATCH)]
    many = (whole * (BATCHES // len(whole) + 1))[:BATCHES]
    singles(port, ones[:100])
    cpu = [cpu_seconds(server)]
    alone = singles(port, ones)
    cpu.append(cpu_seconds(server))
    rate = batches(port, many)
    cpu.append(cpu_seconds(server))
    stop, seen = threading.Event(), {}
    bad = threading.Thread(target=lambda: seen.update(bad_callers(port, stop)))
    bad.start()
    beside = singles(port, ones)
    stop.set()
    bad.join()
    return {
        "single_p50_ms": round(statistics.median(alone), 2),
        "single_p99_ms": round(statistics.quantiles(alone, n=100)[98], 2),
        "readings_per_s": round(rate),
        "single_cpu_ms": round(1000 * (cpu[1] - cpu[0]) / SINGLES, 2),
        "readings_per_cpu_s": round(BATCH * BATCHES / (cpu[2] - cpu[1])),
        "single_p99_beside_bad_callers_ms": round(statistics.quantiles(beside, n=100)[98], 2),
        "bad_callers": dict(sorted(seen.items())),
        f"health_max_with_{IDLE}_idle_ms": round(idle_health(port), 1),
        "load_average": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count(),
    }


def run() -> dict[str, Any]:
    """Start a server, measure it, stop it."""
    values = simulated_values()
    entry, onnx, _, _ = trained_model(values)
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "entry.json").write_text(json.dumps(entry))
        (Path(name) / "model.onnx").write_bytes(onnx)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [sys.executable, __file__, "--serve", str(port), "--folder", name]
        with subprocess.Popen(command, cwd=ROOT) as server:
            try:
                wait_for(port)
                pin(1)
                return measure(port, server.pid, stream_rows(values))
            finally:
                server.terminate()


def wait_for(port: int) -> None:
    """Wait until the server accepts connections."""
    for _ in range(300):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit("the server did not start")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    parser.add_argument("--serve", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    add_version(parser)
    options = parser.parse_args()
    if options.serve:
        serve(options.serve, options.folder)
        return
    figures = run()
    for name, value in figures.items():
        bar = f"   bar {BARS[name]}" if name in BARS else ""
        print(f"{name:34} {value}{bar}")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
