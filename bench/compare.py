"""Compares a reading's cost with that of what one would pick instead, side by side in one run.

    make compare

PetroStream runs in this process, the others in `.venv-compare` (`bench/parts/compare_others.py` says what
each does), on the same readings, the same six features and the same forest of 100 trees, one thread each.
They take turns, so that all meet the same load; CPU time is measured, so that waiting for a core does not
count; and the best turn of each is reported. docs/reference/speed.md says what the figures include.
"""

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from bench.parts.figures import save
from bench.scoring import (
    FACILITY,
    NOW_MS,
    WELL,
    FacilityState,
    ModelSet,
    in_blocks,
    load_models,
    rows_to_blocks,
    run_blocks,
    score_batch,
    simulated_values,
    state_codec,
    stream_rows,
    trained_model,
    validate_block,
)
from petrostream.readings import encode_block
from toolchain.version_option import add_version

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv-compare" / "bin" / "python"
TURNS, SINGLES, WARM, BLOCKS = 9, 100, 200, 5
SINGLE = "PetroStream, a reading on its own"
BLOCK = "PetroStream, in blocks of 1,000"
OTHERS = {
    "sklearn_single": ("scikit-learn, five rows a call", SINGLE),
    "skl2onnx_single": ("skl2onnx on ONNX Runtime, five rows a run", SINGLE),
    "plain": ("features and skl2onnx' forest in a loop", SINGLE),
    "quixstreams": ("the same as a step of Quix Streams", SINGLE),
    "bytewax": ("the same as a step of Bytewax", SINGLE),
    "river": ("River's half-space trees", SINGLE),
    "sklearn_block": ("scikit-learn, 1,000 readings a call", BLOCK),
    "skl2onnx_block": ("skl2onnx on ONNX Runtime, 1,000 readings a run", BLOCK),
}


class Ours:
    """The scoring path, warm: a lone reading with its state read and written, and blocks."""

    def __init__(self, rows: list[dict], models: ModelSet) -> None:
        self._models = models
        self._blocks = in_blocks(rows[: 1000 * BLOCKS])
        self._ones = [encode_block([row]) for row in rows[: WARM + SINGLES]]
        self._state = state_codec.encode(FacilityState(FACILITY))
        for number, block in enumerate(self._ones[:WARM]):
            self._state = self._next(self._state, number, block)

    def _next(self, state: bytes, number: int, block: bytes) -> bytes:
        readings = validate_block(block, sequence=str(number), now_ms=NOW_MS).readings
        result = score_batch(state_codec.decode(state), readings, self._models, scored_at_ms=NOW_MS)
        rows_to_blocks(result.rows)
        return state_codec.encode(result.state)

    def single(self) -> float:
        """Microseconds a reading, each on its own."""
        state, begin = self._state, time.process_time()
        for number, block in enumerate(self._ones[WARM:], WARM):
            state = self._next(state, number, block)
        return 1e6 * (time.process_time() - begin) / SINGLES

    def block(self) -> float:
        """Microseconds a reading, in blocks."""
        begin = time.process_time()
        landed, _ = run_blocks(self._blocks, self._models)
        return 1e6 * (time.process_time() - begin) / landed


def measure(turns: int) -> dict[str, Any]:
    """Versions, and the best microseconds a reading of each, by name; or why it could not run."""
    values = simulated_values()
    rows = stream_rows(values)
    entry, onnx, forest, features = trained_model(values)
    ours = Ours(rows, ModelSet("bench", {WELL: load_models(entry, onnx)}))
    best: dict[str, float] = {}
    failed: dict[str, str] = {}
    with tempfile.TemporaryDirectory() as folder:
        # Rows come gauge after gauge; a reading's five shall stand together.
        of_gauge = len(features) // 5
        together = features.reshape(5, of_gauge, 6).transpose(1, 0, 2).reshape(-1, 6)
        np.save(Path(folder) / "features.npy", together)
        (Path(folder) / "lines").write_bytes(encode_block(rows[:2000]))
        (Path(folder) / "forest.pickle").write_bytes(pickle.dumps(forest))
        command = [str(PYTHON), str(ROOT / "bench" / "parts" / "compare_others.py"), folder]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as others:
            assert others.stdin is not None
            assert others.stdout is not None
            versions = json.loads(others.stdout.readline())
            for _ in range(turns):
                found = {SINGLE: ours.single(), BLOCK: ours.block()}
                for method, (name, _) in OTHERS.items():
                    others.stdin.write(f"{method}\n")
                    others.stdin.flush()
                    answer = json.loads(others.stdout.readline())
                    if "us" in answer:
                        found[name] = answer["us"]
                    else:
                        failed[name] = answer["error"]
                best = {name: min(us, best.get(name, us)) for name, us in found.items()}
    return {"versions": versions, "us": best, "failed": failed}


def table(figures: dict[str, Any]) -> str:
    """The figures as a Markdown table: microseconds a reading, and the ratio to PetroStream's."""
    best = figures["us"]
    lines = ["| what | µs a reading | times PetroStream's |", "|---|---:|---:|"]
    for whole in (SINGLE, BLOCK):
        lines.append(f"| **{whole}** | {best[whole]:,.1f} | 1 |")
        for name, against in OTHERS.values():
            if against == whole and name in best:
                lines.append(f"| {name} | {best[name]:,.1f} | {best[name] / best[whole]:.2f} |")
    lines += [f"| {name} | did not run: {why} | |" for name, why in figures["failed"].items()]
    return "\n".join(lines)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    parser.add_argument("--turns", type=int, default=TURNS, help=f"turns of each ({TURNS})")
    add_version(parser)
    options = parser.parse_args()
    if not PYTHON.is_file():
        parser.error(f"{PYTHON} is not there: make compare installs the libraries")
    figures = measure(options.turns)
    print(table(figures))
    print("\n" + ", ".join(f"{name} {version}" for name, version in figures["versions"].items()))
    save(figures, options.json)


if __name__ == "__main__":
    main()
