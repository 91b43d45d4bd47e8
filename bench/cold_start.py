"""Measures a cold start of the packaged scoring function with Lambda's share of a core, without a container.

    python -m toolchain.package --target host
    python bench/cold_start.py --json build/bench-cold-start.json

A fresh interpreter imports the handler from the unpacked package, as Lambda's Init phase does, which creates
the clients and loads the model, and handles one event of a minute of one well.
AWS is a server beside it that answers at once, so network and TLS are left out, as are the download of the
package and the start of the micro-VM, which are AWS's.

A function has `memory / 1769` of a core (https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html).
Two figures say what that makes of the CPU time spent: the quotient, and, where this process may create a
control group for CPU (as root, version 1 or 2), the time by the clock under such a quota, the same way that
Lambda shares a core. `init_full_core_ms` is the first part with a whole core: AWS gives managed runtimes a
burst of CPU while they initialise, for up to ten seconds
(https://awslabs.github.io/aws-lambda-web-adapter/configuration/async-init.html), but promises no figure.
"""

import argparse
import base64
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench.parts.aws_stub import serving
from bench.parts.figures import save
from bench.parts.footprint import PROBE_ENV
from bench.scoring import FACILITY, WELL, simulated_values, stream_rows, trained_model
from petrostream.readings import encode_block
from petrostream.times import to_iso
from toolchain.version_option import add_version

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "build" / "lambda-host" / "scoring.zip"
MEMORY_MB, CORE_MB = 512, 1769
PERIOD_US = 20_000
READINGS, ROUNDS = 60, 7
BAR_MS = 1000

PROBE = """
import json, sys, time
started, zero = float(sys.argv[1]), time.clock_gettime(time.CLOCK_MONOTONIC)
cpu = [0.0, time.process_time()]
at = [started, zero]
def note():
    at.append(time.clock_gettime(time.CLOCK_MONOTONIC)); cpu.append(time.process_time())
from lambdas.scoring.handler import handler
note()
class Context:
    aws_request_id, function_name, function_version = "1", "petrostream-scoring", "1"
    memory_limit_in_mb = 512
    invoked_function_arn = "arn:aws:lambda:us-east-1:000000000000:function:petrostream-scoring"
    def get_remaining_time_in_millis(self): return 60_000
event = json.load(open(sys.argv[2]))
answer = handler(event, Context())
note()
assert answer == {"batchItemFailures": []}, answer
again = json.load(open(sys.argv[3]))
assert handler(again, Context()) == {"batchItemFailures": []}
note()
names = ("interpreter", "init", "first_event", "second_event")
print(json.dumps({
    **{name + "_ms": 1000 * (b - a) for name, a, b in zip(names, at, at[1:])},
    **{name + "_cpu_ms": 1000 * (b - a) for name, a, b in zip(names, cpu, cpu[1:])},
}))
"""


def stored_model() -> dict[str, bytes]:
    """A registry with one well's model, by key."""
    entry, onnx, _, _ = trained_model(simulated_values())
    file = {"path": "wells.onnx", "sha256": hashlib.sha256(onnx).hexdigest()}
    manifest = {"format": 1, "wells": {WELL: {**entry, "onnx": file}}}
    return {
        "models/current.json": json.dumps({"version": "bench"}).encode(),
        "models/bench/manifest.json": json.dumps(manifest).encode(),
        "models/bench/wells.onnx": onnx,
    }


def event_of(number: int, begin_ms: int) -> dict[str, Any]:
    """A Kinesis event of one record: a minute of the well from `begin_ms`, epoch ms."""
    rows = stream_rows(simulated_values()[number * READINGS : (number + 1) * READINGS])
    for second, row in enumerate(rows):
        row["ts"] = row["source_ts"] = to_iso(begin_ms + 1000 * (number * READINGS + second))
    kinesis = {
        "partitionKey": FACILITY,
        "sequenceNumber": f"{1000 + number:056d}",
        "data": base64.b64encode(encode_block(rows)).decode(),
        "approximateArrivalTimestamp": begin_ms / 1000 + (number + 1) * READINGS,
    }
    arn = "arn:aws:kinesis:us-east-1:000000000000:stream/petrostream-ingest"
    shard = f"shardId-000000000000:{kinesis['sequenceNumber']}"
    return {"Records": [{"kinesis": kinesis, "eventSourceARN": arn, "eventID": shard}]}


@contextmanager
def quota(share: float) -> Iterator[Path | None]:
    """A control group whose processes have that share of one core; None where none can be created."""
    name = f"petrostream-cold-start-{os.getpid()}"
    root = Path("/sys/fs/cgroup")
    most = round(PERIOD_US * share)
    version_2 = (root / "cgroup.controllers").is_file()
    folder = root / name if version_2 else root / "cpu" / name
    try:
        folder.mkdir()
    except OSError:
        yield None
        return
    try:
        if version_2:
            (folder / "cpu.max").write_text(f"{most} {PERIOD_US}")
        else:
            (folder / "cpu.cfs_period_us").write_text(str(PERIOD_US))
            (folder / "cpu.cfs_quota_us").write_text(str(most))
        yield folder
    except OSError:
        yield None
    finally:
        folder.rmdir()


def start(folder: Path, endpoint: str, events: list[Path], group: Path | None) -> dict[str, float]:
    """One cold start of the package in `folder`; milliseconds by the clock and of CPU, by stage."""
    environment = {
        **os.environ,
        **PROBE_ENV,
        "PYTHONPATH": str(folder),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
    }

    def join() -> None:
        if group is not None:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    began = str(time.clock_gettime(time.CLOCK_MONOTONIC))
    done = subprocess.run(
        [sys.executable, "-c", PROBE, began, *map(str, events)],
        env=environment,
        cwd=folder,
        preexec_fn=join,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"the function did not start:\n{done.stdout}{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def measure(rounds: int) -> dict[str, Any]:
    """All figures: medians of several starts, milliseconds."""
    share = MEMORY_MB / CORE_MB
    begin_ms = time.time_ns() // 1_000_000 - 600_000
    with tempfile.TemporaryDirectory() as name, serving(stored_model()) as (endpoint, calls):
        folder = Path(name) / "function"
        with zipfile.ZipFile(PACKAGE) as archive:
            archive.extractall(folder)
        events = [Path(name) / f"event-{number}.json" for number in range(2)]
        for number, path in enumerate(events):
            path.write_text(json.dumps(event_of(number, begin_ms)))
        start(folder, endpoint, events, None)
        of_start = sorted(set(calls))
        free = [start(folder, endpoint, events, None) for _ in range(rounds)]
        with quota(share) as group:
            held = [start(folder, endpoint, events, group) for _ in range(rounds)] if group else []
    return {**figures_of(free, held, share), "calls": of_start}


def figures_of(
    free: list[dict[str, float]], held: list[dict[str, float]], share: float
) -> dict[str, float | None]:
    """The figures of starts with a whole core, and of those under a quota."""
    stages = ("interpreter", "init", "first_event")

    def median(starts: list[dict[str, float]], *names: str) -> float:
        return round(statistics.median(sum(one[name] for name in names) for one in starts), 1)

    cpu = {f"{stage}_cpu_ms": median(free, f"{stage}_cpu_ms") for stage in stages}
    whole = median(free, *(f"{stage}_cpu_ms" for stage in stages))
    of_init = median(free, "interpreter_cpu_ms", "init_cpu_ms")
    return {
        "memory_mb": MEMORY_MB,
        "share_of_core": round(share, 3),
        **cpu,
        "cold_start_cpu_ms": whole,
        "cold_start_by_share_ms": round(whole / share, 1),
        "cold_start_by_quota_ms": median(held, *(f"{s}_ms" for s in stages)) if held else None,
        "init_full_core_ms": of_init,
        "cold_start_with_burst_ms": round(of_init + (whole - of_init) / share, 1),
        "second_event_cpu_ms": median(free, "second_event_cpu_ms"),
    }


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help=f"starts of each kind ({ROUNDS})")
    add_version(parser)
    options = parser.parse_args()
    if not PACKAGE.is_file():
        parser.error(f"{PACKAGE} is not there: python -m toolchain.package --target host")
    figures = measure(options.rounds)
    for name, value in figures.items():
        bar = f"   bar {BAR_MS}" if name == "cold_start_with_burst_ms" else ""
        print(f"{name:28} {value}{bar}")
    save(figures, options.json)


if __name__ == "__main__":
    main()
