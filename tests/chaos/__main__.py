"""Run trials with faults: `python -m tests.chaos --help`.

Every fault is tried alone, then random pairs of them. Each trial's seed follows from --seed and its faults:
to repeat one, name its faults and its seed, which the page has.
"""

import argparse
import hashlib
import itertools
import json
import logging
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from tests.chaos.faults import ROWS, Row
from tests.chaos.page import page
from tests.chaos.trial import Reckoning, run

BY_NAME = {row.name: row for row in ROWS}


def seed_of(seed: int, rows: Sequence[Row]) -> int:
    """The seed of a trial: of the run, and of its faults, whatever else is tried."""
    text = f"{seed} {' '.join(row.name for row in rows)}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:6], "big")


def plan(seed: int, pairs: int) -> Iterator[tuple[Row, ...]]:
    """The faults of each trial: all alone, then some pairs, each at most once."""
    yield from ((row,) for row in ROWS)
    every = list(itertools.combinations(ROWS, 2))
    yield from random.Random(seed).sample(every, min(pairs, len(every)))


def main() -> None:
    """The command line."""
    options = _options()
    logging.disable(logging.CRITICAL)
    if options.list:
        for row in ROWS:
            print(f"{row.name:24} {row.what}")
        return
    done = list(_run(options))
    failed = [one for one in done if not one.held]
    if options.out:
        _write(options.out, options.seed, done)
    sent, lost, doubled = (sum(getattr(one, name) for one in done) for name in ("sent", "lost", "doubled"))
    print(
        f"{len(done)} trials, {sent:,} readings: {lost} lost, {doubled} doubled, {len(failed)} trials failed"
    )
    sys.exit(bool(failed))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="only these, all in one trial")
    parser.add_argument("--seed", type=int, default=20, help="seed of the run (default 20)")
    parser.add_argument("--trial-seed", type=int, help="seed of the trial that FAULT names")
    parser.add_argument("--pairs", type=int, default=100, help="random pairs after the singles (default 100)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write chaos.html and chaos.json there")
    parser.add_argument("--list", action="store_true", help="list the faults")
    options = parser.parse_args()
    unknown = [name for name in options.faults if name not in BY_NAME]
    if unknown:
        parser.error(f"no fault is called {', '.join(unknown)}; --list has their names")
    return options


def _run(options: argparse.Namespace) -> Iterator[Reckoning]:
    named = tuple(BY_NAME[name] for name in options.faults)
    for rows in [named] if named else plan(options.seed, options.pairs):
        given = options.trial_seed if named else None
        reckoning = run(rows, seed_of(options.seed, rows) if given is None else given)
        print(_line(reckoning), flush=True)
        yield reckoning


def _line(one: Reckoning) -> str:
    """A trial for people; one that failed tells everything, and how to repeat it."""
    verdict, names = "ok" if one.held else "FAILED", " + ".join(one.faults)
    counts = f"{one.strikes:4} strikes  {one.lost} of {one.sent} lost, {one.doubled} doubled"
    line = f"{verdict:6} {names:45} {counts}, recovered in {one.recovery_s:g} s"
    if one.held:
        return line
    return f"{line}\n       {asdict(one)}\n       {_repeat(one)}"


def _repeat(one: Reckoning) -> str:
    return f"python -m tests.chaos {' '.join(one.faults)} --trial-seed {one.seed}"


def _write(folder: Path, seed: int, done: Sequence[Reckoning]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    figures, table = folder / "chaos.json", folder / "chaos.html"
    trials = [asdict(one) | {"held": one.held} for one in done]
    figures.write_text(json.dumps({"seed": seed, "trials": trials}, indent=1) + "\n", encoding="utf-8")
    table.write_text(page(seed, done), encoding="utf-8")
    print(f"{table} has the table, {figures} the same for programs")


if __name__ == "__main__":
    main()
