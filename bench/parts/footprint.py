"""The process of the scoring function: how long its import takes, how much memory it needs, and its package.

    python bench/parts/footprint.py FOLDER FACILITY NOW_MS

is a probe, which `bench/scoring.py` runs: the peak memory of a process that imports the function and scores
the blocks of a folder. Nothing else may be imported here, since all of it would count.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

IMPORTS = 5

IMPORT_PROBE = """
import time
begin = time.perf_counter()
import lambdas.scoring.handler
print('{"import_ms": %.1f}' % (1000 * (time.perf_counter() - begin)))
"""

PROBE_ENV = {
    "LIVE_TABLE": "petrostream-live",
    "DELIVERY_STREAM": "petrostream-delivery",
    "QUARANTINE_STREAM": "petrostream-quarantine",
    "FACILITY_STREAM": "petrostream-facility",
    "ALARM_STREAM": "petrostream-alarms",
    "ARTIFACTS_BUCKET": "petrostream-artifacts",
    "MODEL_REFRESH_SECONDS": "60",
    "PARTIAL_BATCH_RESPONSE": "true",
    "POWERTOOLS_SERVICE_NAME": "petrostream-scoring",
    "POWERTOOLS_METRICS_NAMESPACE": "PetroStream",
    "POWERTOOLS_METRICS_DISABLED": "true",
    "LOG_LEVEL": "ERROR",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


def child(*arguments: str, compiled: str) -> dict:
    """Runs a probe in a fresh interpreter with the function's environment and its byte code."""
    byte_code = {"PYTHONPYCACHEPREFIX": compiled, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        [sys.executable, *arguments],
        env=os.environ | PROBE_ENV | byte_code,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"probe {' '.join(arguments)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def probe_memory(folder: Path, facility: str, now_ms: int) -> dict:
    """Peak resident memory of a process that imports the function and scores every block of one facility."""
    import lambdas.scoring.handler  # noqa: F401, PLC0415  (measured with all it brings along)
    from petrostream.detection import ModelSet, load_models  # noqa: PLC0415
    from petrostream.lake import rows_to_blocks  # noqa: PLC0415
    from petrostream.readings import validate_block  # noqa: PLC0415
    from petrostream.scoring import FacilityState, score_batch  # noqa: PLC0415

    entry = json.loads((folder / "entry.json").read_text())
    models = load_models(entry, (folder / "model.onnx").read_bytes())
    chosen = ModelSet("bench", {entry["well_id"]: models})
    with (folder / "blocks").open("rb") as file:
        state = FacilityState(facility)
        while block := file.read(int.from_bytes(file.read(8), "little")):
            readings = validate_block(block, sequence="1", now_ms=now_ms).readings
            result = score_batch(state, readings, chosen, scored_at_ms=now_ms)
            state = result.state
            rows_to_blocks(result.rows)
    return {"memory_mb": round(peak_bytes() / 1e6, 1)}


def peak_bytes() -> int:
    """Peak resident memory of this process."""
    status = Path("/proc/self/status")
    if status.is_file():
        # Not getrusage: on Linux its peak starts at that of the parent, which holds scikit-learn.
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return 1024 * int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def measure_process(
    blocks: Sequence[bytes], entry: dict, onnx_bytes: bytes, facility: str, now_ms: int
) -> dict:
    """Import time and memory of the function, each in processes of its own.

    Args:
        blocks: of one facility, to be scored.
        entry: the manifest entry of its well's model.
        onnx_bytes: the model's forest.
        facility: the facility.
        now_ms: when the blocks arrive, epoch ms.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "entry.json").write_text(json.dumps(entry))
        (folder / "model.onnx").write_bytes(onnx_bytes)
        with (folder / "blocks").open("wb") as file:
            for block in blocks:
                file.write(len(block).to_bytes(8, "little") + block)
        memory = child(__file__, name, facility, str(now_ms), compiled=name)
        imports = [child("-c", IMPORT_PROBE, compiled=name) for _ in range(IMPORTS)]
    return {**min(imports, key=lambda probe: probe["import_ms"]), **memory}


def package_mb() -> float | None:
    """Unpacked size of the function's package, None if it was not built."""
    package = ROOT / "build" / "lambda" / "scoring.zip"
    if not package.is_file():
        print("package_mb: build/lambda/scoring.zip is not there; `make package` builds it", file=sys.stderr)
        return None
    with zipfile.ZipFile(package) as archive:
        return round(sum(member.file_size for member in archive.infolist()) / 1e6, 1)


if __name__ == "__main__":
    print(json.dumps(probe_memory(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))))
