"""What `bench/compare.py` compares PetroStream with, in an environment of its own (`.venv-compare`).

    .venv-compare/bin/python bench/parts/compare_others.py FOLDER

reads `features.npy` (rows of six features, five a reading), `lines` (the same readings as JSON lines) and
`forest.pickle` from the folder, and then the name of a candidate from each line of its input. The answer is
the microseconds a reading took, once over its share of the readings, or why it cannot run.

The frameworks get the same function, which is what one would write: parse the line, keep the last 60
readings, compute mean, deviation and change over 30 and 60 of them with NumPy, and score the five gauges with
the forest that skl2onnx made. Gaps, late readings, missing values and all that makes an alarm are not in it.
"""

import json
import os
import pickle
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402  (after the thread limits)
import orjson  # noqa: E402

SENSORS = ("p_pdg", "p_tpt", "t_tpt", "p_mon_ckp", "t_jus_ckp")
GAUGES, TREES, BLOCK = len(SENSORS), 100, 1000
MESSAGES, SLOW_MESSAGES = 200, 40
Scorer = Callable[[np.ndarray], np.ndarray]


class LastMinute:
    """The last 60 readings of a well, and the features of its gauges."""

    def __init__(self) -> None:
        self._rows: deque[list[float]] = deque(maxlen=60)

    def features(self, reading: dict[str, Any]) -> np.ndarray:
        """Add a reading; its features, shape (5, 6), zero until the window is full."""
        self._rows.append([reading[name] for name in SENSORS])
        if len(self._rows) < 60:
            return np.zeros((GAUGES, 6), np.float32)
        long = np.array(self._rows)
        parts = []
        for values in (long[30:], long):
            time_s = np.arange(len(values)) - (len(values) - 1) / 2
            mean = values.mean(axis=0)
            slope = time_s @ (values - mean) / (time_s @ time_s)
            parts += [mean, values.std(axis=0), slope * len(values)]
        return np.array(parts, np.float32).T


class Candidates:
    """Everything that can be measured; each method runs its share once and returns microseconds a reading."""

    def __init__(self, folder: Path) -> None:
        self.rows = np.load(folder / "features.npy").astype(np.float32)
        self.lines = (folder / "lines").read_bytes().splitlines()
        # Written by the same release of scikit-learn a moment ago.
        self.forest = pickle.loads((folder / "forest.pickle").read_bytes())
        self._onnx: Scorer | None = None

    def _readings(self, number: int) -> Iterator[np.ndarray]:
        return (self.rows[at : at + GAUGES] for at in range(0, GAUGES * number, GAUGES))

    def sklearn_single(self) -> float:
        """`IsolationForest.score_samples` of the five rows of one reading."""
        return _timed(self.forest.score_samples, self._readings(SLOW_MESSAGES), SLOW_MESSAGES)

    def sklearn_block(self) -> float:
        """`IsolationForest.score_samples` of the rows of a thousand readings."""
        return _timed(self.forest.score_samples, [self.rows[: GAUGES * BLOCK]], BLOCK)

    def skl2onnx_single(self) -> float:
        """The forest as converted by skl2onnx, on ONNX Runtime, five rows a run."""
        return _timed(self._scorer(), self._readings(MESSAGES), MESSAGES)

    def skl2onnx_block(self) -> float:
        """The same, the rows of a thousand readings in one run."""
        return _timed(self._scorer(), [self.rows[: GAUGES * BLOCK]], BLOCK)

    def plain(self) -> float:
        """The function of the frameworks, called in a loop."""
        return _timed(self._function(), self.lines[:MESSAGES], MESSAGES)

    def quixstreams(self) -> float:
        """The same as the one step of a StreamingDataFrame, without broker, checkpoint and state store."""
        from quixstreams.dataframe import StreamingDataFrame  # noqa: PLC0415
        from quixstreams.dataframe.registry import DataFrameRegistry  # noqa: PLC0415
        from quixstreams.models import Topic  # noqa: PLC0415

        topic, registry = Topic("readings"), DataFrameRegistry()
        frame = StreamingDataFrame(
            topic,
            topic_manager=SimpleNamespace(),
            registry=registry,
            processing_context=SimpleNamespace(producer=None),
            stream_id="readings",
        )
        registry.register_root(frame)
        frame = frame.apply(self._function())
        scored: list[float] = []
        composed = frame.compose(sink=lambda value, *_: scored.append(value))[topic.name]
        spent = _timed(lambda line: composed(line, b"WELL-00001", 0, None), self.lines[:MESSAGES], MESSAGES)
        assert len(scored) == MESSAGES
        return spent

    def bytewax(self) -> float:
        """The same as a stateful step of a dataflow with one worker, its start and end included."""
        import bytewax.operators as op  # noqa: PLC0415
        from bytewax.dataflow import Dataflow  # noqa: PLC0415
        from bytewax.testing import TestingSink, TestingSource, run_main  # noqa: PLC0415

        function, scored = self._function(), list[Any]()
        flow = Dataflow("readings")
        lines = op.input("in", flow, TestingSource(self.lines[:MESSAGES]))
        keyed = op.key_on("key", lines, lambda _: "WELL-00001")
        out = op.stateful_map("score", keyed, lambda state, line: (state, function(line)))
        op.output("out", out, TestingSink(scored))
        spent = _timed(lambda _: run_main(flow), [None], MESSAGES)
        assert len(scored) == MESSAGES
        return spent

    def river(self) -> float:
        """Half-space trees: `score_one` and `learn_one` of each gauge, its features given."""
        from river.anomaly import HalfSpaceTrees  # noqa: PLC0415

        names = [f"f{at}" for at in range(6)]
        low, high = self.rows[:5000].min(axis=0).tolist(), self.rows[:5000].max(axis=0).tolist()
        limits = {name: (a, b) for name, a, b in zip(names, low, high, strict=True)}
        trees = HalfSpaceTrees(n_trees=TREES, height=6, window_size=64, limits=limits, seed=20)
        chosen = self.rows[: 64 + GAUGES * SLOW_MESSAGES].tolist()
        rows = [dict(zip(names, row, strict=True)) for row in chosen]
        for row in rows[:64]:
            trees.learn_one(row)

        def step(row: dict[str, float]) -> None:
            trees.score_one(row)
            trees.learn_one(row)

        return _timed(step, rows[64:], SLOW_MESSAGES)

    def _function(self) -> Callable[[bytes], float]:
        window, scorer = LastMinute(), self._scorer()
        for line in self.lines[-60:]:
            window.features(orjson.loads(line))
        return lambda line: float(scorer(window.features(orjson.loads(line))).min())

    def _scorer(self) -> Scorer:
        if self._onnx is None:
            import onnxruntime  # noqa: PLC0415
            from skl2onnx import convert_sklearn  # noqa: PLC0415
            from skl2onnx.common.data_types import FloatTensorType  # noqa: PLC0415

            types = [("features", FloatTensorType([None, 6]))]
            model = convert_sklearn(self.forest, initial_types=types, target_opset={"": 17, "ai.onnx.ml": 3})
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            self._onnx = lambda rows: session.run(["scores"], {"features": rows})[0]
        return self._onnx


def _timed(function: Callable[[Any], Any], arguments: Any, readings: int) -> float:  # noqa: ANN401
    given = list(arguments)
    begin = time.process_time()
    for argument in given:
        function(argument)
    return 1e6 * (time.process_time() - begin) / readings


def main() -> None:
    """Answer each line of the input."""
    candidates = Candidates(Path(sys.argv[1]))
    packages = ("scikit-learn", "skl2onnx", "onnxruntime", "quixstreams", "bytewax", "river", "numpy")
    print(json.dumps({name: version(name) for name in packages}), flush=True)
    for line in sys.stdin:
        try:
            answer: dict[str, Any] = {"us": getattr(candidates, line.strip())()}
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
