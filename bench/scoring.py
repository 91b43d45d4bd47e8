"""Measures the scoring path on one core: decode, validate, features, forest, rules, encode.

    python bench/scoring.py --json build/bench-scoring.json

Readings and forest are made from a seed, so it runs anywhere. Blocks are measured in seconds of the one
core's own time, so that other work on the machine counts as little as possible, and the best of several
rounds is reported. A single reading is measured by the clock, as the median of many, with its state's codec.
"""

import argparse
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
import numpy as np  # noqa: E402  (after the thread limits)

from bench.parts.figures import save  # noqa: E402
from bench.parts.footprint import measure_process, package_mb  # noqa: E402
from bench.parts.yardstick import orjson_seconds  # noqa: E402
from petrostream.detection.detector import ModelSet, load_models  # noqa: E402
from petrostream.lake.scored_readings import rows_to_blocks  # noqa: E402
from petrostream.readings import encode_block, validate_block  # noqa: E402
from petrostream.scoring import codec as state_codec  # noqa: E402
from petrostream.scoring.history import FacilityState  # noqa: E402
from petrostream.scoring.score import score_batch  # noqa: E402
from petrostream.times import to_iso  # noqa: E402
from toolchain.version_option import add_version  # noqa: E402

WELL, FACILITY = "WELL-00001", "FAC-01"
SENSORS = ("p_pdg", "p_tpt", "t_tpt", "p_mon_ckp", "t_jus_ckp")
CENTER = np.array([2.1e7, 1.4e7, 95.0, 5.0e6, 70.0])
SCALE = np.array([1.0e4, 1.0e4, 0.05, 1.0e4, 0.05])
START_MS = 1_700_000_000_000
NOW_MS = START_MS + 10**9
TREES = 100
READINGS, BLOCK, ROUNDS, SINGLES = 20_000, 1000, 5, 500
BARS = {"readings_per_s": 50_000, "single_ms": 2.0, "package_mb": 160, "import_ms": 400, "memory_mb": 200}


def simulated_values() -> np.ndarray:
    """Healthy gauges with noise, the last tenth with every gauge 30 times its noise away: shape (n, 5)."""
    noise = np.random.default_rng(20).normal(size=(READINGS, len(SENSORS)))
    noise[-READINGS // 10 :] += 30
    return CENTER + SCALE * noise


def stream_rows(values: np.ndarray) -> list[dict]:
    """The readings as the producer sends them, one a second."""
    rows = []
    for i, line in enumerate(values.tolist()):
        ts = to_iso(START_MS + 1000 * i)
        identity = {"kind": "well", "well_id": WELL, "facility_id": FACILITY, "ts": ts}
        origin = {"source": "0/WELL-00001_20231114221320", "source_ts": ts, "class": 0}
        rows.append(identity | origin | dict(zip(SENSORS, line, strict=True)))
    return rows


def trained_model(values: np.ndarray) -> tuple[dict, bytes, Any, np.ndarray]:
    """An Isolation Forest on the first readings: its manifest entry, ONNX bytes, itself, its features."""
    from ml.training.forest import fit_forest  # noqa: PLC0415  (only the parent process may hold scikit-learn)
    from petrostream.detection.extraction import FeatureExtractor, feature_names, series_rows  # noqa: PLC0415
    from petrostream.schema.sensors import SENSOR_INDEX  # noqa: PLC0415

    names = feature_names()
    table = np.full((5000, 27), np.nan)
    table[:, [SENSOR_INDEX[name] for name in SENSORS]] = values[:5000]
    extractor = FeatureExtractor.build(names, SENSORS, CENTER, SCALE)
    rows, whole = series_rows(START_MS + 1000 * np.arange(5000), table, extractor)
    fitted = fit_forest(rows[whole], names, np.random.default_rng(20), trees=TREES)
    entry = {
        "well_id": WELL,
        "kind": "commissioned",
        "version": "bench",
        "sensors": SENSORS,
        "center": CENTER.tolist(),
        "scale": SCALE.tolist(),
        "threshold": 0.56,
        "feature_names": names,
    }
    return entry, fitted.onnx, fitted.forest, rows[whole]


def in_blocks(rows: list[dict]) -> list[bytes]:
    """Readings as the blocks of a stream."""
    return [encode_block(rows[i : i + BLOCK]) for i in range(0, len(rows), BLOCK)]


def run_blocks(blocks: list[bytes], models: ModelSet) -> tuple[int, dict[str, float]]:
    """One pass over all blocks; returns the rows landed and the seconds of each stage."""
    state, rows = FacilityState(FACILITY), 0
    seconds = dict.fromkeys(("decode", "score", "encode"), 0.0)
    for number, block in enumerate(blocks):
        begin = time.process_time()
        readings = validate_block(block, sequence=str(number), now_ms=NOW_MS).readings
        decoded = time.process_time()
        result = score_batch(state, readings, models, scored_at_ms=NOW_MS)
        state, scored = result.state, time.process_time()
        rows += sum(out.rows for out in rows_to_blocks(result.rows))
        state_codec.encode(state)
        for stage, spent in (
            ("decode", decoded - begin),
            ("score", scored - decoded),
            ("encode", time.process_time() - scored),
        ):
            seconds[stage] += spent
    return rows, seconds


def measure_blocks(rows: list[dict], models: ModelSet) -> dict:
    """Readings per second through the whole path, and microseconds per reading of its stages.

    `orjson_ratio` is a reading's cost over its own `orjson.loads` and `orjson.dumps`, measured in turn.
    """
    blocks = in_blocks(rows)
    best: dict[str, float] = {}
    parsed: list[float] = []
    for _ in range(ROUNDS):
        landed, seconds = run_blocks(blocks, models)
        if landed != len(rows):
            raise SystemExit(f"{landed} of {len(rows)} readings came out: the figures would mean nothing")
        if not best or sum(seconds.values()) < sum(best.values()):
            best = seconds
        parsed.append(orjson_seconds(blocks))
    stages = {f"{stage}_us": round(1e6 * spent / len(rows), 2) for stage, spent in best.items()}
    whole = sum(best.values())
    return {
        "readings_per_s": round(len(rows) / whole),
        **stages,
        "orjson_us": round(1e6 * min(parsed) / len(rows), 2),
        "orjson_ratio": round(whole / min(parsed), 2),
    }


def measure_single(rows: list[dict], models: ModelSet) -> float:
    """Median milliseconds of one reading on its own, its state read from and written to bytes."""
    blocks = [encode_block([row]) for row in rows[: 200 + SINGLES]]
    state, spent = state_codec.encode(FacilityState(FACILITY)), []
    for number, block in enumerate(blocks):
        begin = time.perf_counter()
        readings = validate_block(block, sequence=str(number), now_ms=NOW_MS).readings
        result = score_batch(state_codec.decode(state), readings, models, scored_at_ms=NOW_MS)
        rows_to_blocks(result.rows)
        state = state_codec.encode(result.state)
        spent.append(time.perf_counter() - begin)
    return 1000 * statistics.median(spent[200:])


def measure_sklearn(forest: Any, features: np.ndarray) -> float:  # noqa: ANN401  (scikit-learn has no types)
    """Median milliseconds of scikit-learn's `score_samples` for one reading: a row for each sensor."""
    spent = []
    for i in range(50):
        begin = time.perf_counter()
        forest.score_samples(features[len(SENSORS) * i : len(SENSORS) * (i + 1)])
        spent.append(time.perf_counter() - begin)
    return 1000 * statistics.median(spent)


def measure() -> dict:
    """All figures."""
    values = simulated_values()
    rows = stream_rows(values)
    entry, onnx_bytes, forest, features = trained_model(values)
    models = ModelSet("bench", {WELL: load_models(entry, onnx_bytes)})
    blocks = measure_blocks(rows, models)
    single = measure_single(rows, models)
    sklearn = measure_sklearn(forest, features)
    return {
        **blocks,
        "single_ms": round(single, 3),
        "package_mb": package_mb(),
        **measure_process(in_blocks(rows), entry, onnx_bytes, FACILITY, NOW_MS),
        "sklearn_ms": round(sklearn, 3),
        "sklearn_ratio": round(sklearn / single, 2),
        "sklearn_ratio_in_blocks": round(sklearn * blocks["readings_per_s"] / 1000, 1),
        "state_bytes": len(_state_of(rows, models)),
        "trees": TREES,
        "features": len(entry["feature_names"]),
        "block": BLOCK,
    }


def _state_of(rows: list[dict], models: ModelSet) -> bytes:
    readings = validate_block(encode_block(rows[:BLOCK]), sequence="1", now_ms=NOW_MS).readings
    return state_codec.encode(
        score_batch(FacilityState(FACILITY), readings, models, scored_at_ms=NOW_MS).state
    )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures to FILE")
    add_version(parser)
    options = parser.parse_args()
    report(measure(), options.json)


def report(figures: dict, path: Path | None) -> None:
    """Prints the figures beside their bars, and writes them to a file if asked to."""
    for name, value in figures.items():
        bar = f"   bar {BARS[name]}" if name in BARS else ""
        print(f"{name:24} {value}{bar}")
    save(figures, path)


if __name__ == "__main__":
    main()
