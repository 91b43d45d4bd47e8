"""Fuzz the path from a stream record to the lake: `python -m tests.fuzz --inputs 1000000`, or `make fuzz`.

An input is a line of a stream record, or a record that is no block of lines. Counts are printed as they grow.
On the first broken promise the smallest failing batch is printed and written to a file, which `--repeat` runs
again; so does the printed command, from the seed.
"""

import argparse
import base64
import logging
import random
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import orjson

from tests.fuzz.drive import Lake, Measured, deliver, to_batch
from tests.fuzz.inputs import Episode, Record
from tests.fuzz.reconcile import Broken
from tests.fuzz.smallest import smallest

PRINT_SECONDS = 15.0
TWICE_EVERY = 6
"""Every so many batches one is processed a second time from the states before it."""

States = dict[str, dict[str, Any]]


def main() -> int:
    """Exit status: 0 if every promise held, 1 if one is broken."""
    options = _options()
    logging.disable(logging.CRITICAL)  # each odd input has its line in the log, and there are a million
    if options.repeat:
        return _repeat(options.repeat)
    print(f"seed {options.seed}: {options.inputs:,} inputs, {options.seconds:,} s at most", flush=True)
    measured = Measured()
    progress = _Progress(measured)
    try:
        failure = _run(options, measured, progress)
    except KeyboardInterrupt:  # the figures so far are worth something
        failure = 0
    if measured.seconds:
        print(line_of(measured, progress.seconds()))
        print(summary(measured))
    return failure


def _run(options: argparse.Namespace, measured: Measured, progress: "_Progress") -> int:
    number = options.first
    while measured.counts["inputs"] < options.inputs and progress.seconds() < options.seconds:
        failure = run_episode(options.seed, number, measured, progress.show)
        if failure is not None:
            return _report(options.seed, number, *failure, options.out)
        number += 1
    print("nothing lost, nothing doubled, nothing thrown")
    return 0


class _Progress:
    """Prints the counts every so often."""

    def __init__(self, measured: Measured) -> None:
        self._measured = measured
        self._started = self._printed = time.monotonic()

    def seconds(self) -> float:
        return time.monotonic() - self._started

    def show(self) -> None:
        if time.monotonic() - self._printed > PRINT_SECONDS:
            self._printed = time.monotonic()
            print(line_of(self._measured, self.seconds()), flush=True)


def run_episode(
    seed: int, number: int, measured: Measured, after_each: Callable[[], None] = lambda: None
) -> tuple[Broken, list[Record], States] | None:
    """Deliver an episode's batches; on a broken promise return it, its batch and the states before."""
    lake = Lake()
    for place, records in enumerate(Episode(seed, number).batches()):
        before = lake.states()
        try:
            deliver(lake, to_batch(records), measured, twice=place % TWICE_EVERY == 0)
        except Broken as broken:
            return broken, records, before
        after_each()
    return None


def failure_of(records: list[Record], states: States) -> str | None:
    """Which promise a batch breaks from these states, None if every one holds."""
    try:
        deliver(Lake(states), to_batch(records), Measured(), twice=True)
    except Broken as broken:
        return broken.what
    return None


def line_of(measured: Measured, seconds: float) -> str:
    """The counts so far, in one line."""
    counts = measured.counts
    parts = [
        f"{name} {counts[name]:,}"
        for name in ("inputs", "scored", "quarantined", "tanks", "joined", "alarms")
    ]
    state = f"state at most {measured.state_bytes:,} B"
    slow = f"batch at most {max(measured.seconds, default=0):.2f} CPU s"
    return f"{seconds:6.0f} s: {', '.join(parts)}; {counts['batches']:,} batches; {state}; {slow}"


def summary(measured: Measured) -> str:
    """The figures of a whole run."""
    seconds = sorted(measured.seconds)
    share = {part: seconds[int(len(seconds) * part / 100)] for part in (50, 99)} if seconds else {}
    times = ", ".join(f"p{part} {value * 1000:.1f} ms" for part, value in share.items())
    lines, size = measured.slowest
    reasons = {name[7:]: n for name, n in measured.counts.most_common() if name.startswith("reason:")}
    return "\n".join(
        [
            f"time per batch: {times}, most {seconds[-1]:.2f} s ({lines:,} lines, {size:,} bytes)",
            f"largest state {measured.state_bytes:,} bytes",
            f"memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024:,} MiB at most",
            "reasons: " + ", ".join(f"{name} {n:,}" for name, n in reasons.items()),
        ]
    )


def _report(seed: int, number: int, broken: Broken, records: list[Record], before: States, out: Path) -> int:
    print(f"\n{broken}\n", flush=True)
    print(f"again: python -m tests.fuzz --seed {seed} --first {number} --inputs 1")
    for states in ({}, before):
        if failure_of(records, states) == broken.what:
            least = smallest(records, lambda some, states=states: failure_of(some, states) == broken.what)
            _write(out, least, states)
            break
    else:
        print("the batch alone does not fail, nor does it from the states before it: run its episode again")
    return 1


def _write(out: Path, records: list[Record], states: States) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    content = {"records": [asdict(record) for record in records], "states": states}
    out.write_bytes(orjson.dumps(content, default=_as_base64, option=orjson.OPT_INDENT_2))
    print(f"smallest failing batch, in {out} (--repeat {out}), from {len(states)} states:")
    for record in records:
        try:
            data = repr(base64.b64decode(record.text, validate=True))
        except ValueError:
            data = f"not base64: {record.text[:2_000]!r}"
        print(f"  key {record.partition_key!r}, arrived {record.arrival_ms}: {data[:4_000]}")


def _repeat(path: Path) -> int:
    content = orjson.loads(path.read_bytes())
    states = {
        key: {
            name: {kind: base64.b64decode(value) if kind == "B" else value for kind, value in typed.items()}
            for name, typed in item.items()
        }
        for key, item in content["states"].items()
    }
    what = failure_of([Record(**record) for record in content["records"]], states)
    print(what or "every promise holds")
    return int(what is not None)


def _as_base64(value: Any) -> str:
    return base64.b64encode(value).decode()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("--inputs", type=int, default=20_000, help="stop after so many lines")
    parser.add_argument("--seconds", type=int, default=3_600, help="stop after so long")
    parser.add_argument(
        "--seed", type=int, default=random.SystemRandom().randrange(2**32), help="default: random"
    )
    parser.add_argument("--first", type=int, default=0, help="number of the first episode")
    parser.add_argument("--repeat", type=Path, help="run a failing batch from its file")
    parser.add_argument("--out", type=Path, default=Path("build/fuzz-failure.json"))
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
