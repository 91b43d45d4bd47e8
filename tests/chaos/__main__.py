"""Run trials with faults: `python -m tests.chaos --help`.

Every fault is tried alone, then random pairs of them. Each trial's seed follows from --seed and its faults:
to repeat one, name its faults and its seed, which the page has.
"""

import argparse
import logging
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from tests.chaos.plan import BY_NAME, Planned, plan, seed_of
from tests.chaos.played import has_real_wells
from tests.chaos.reckoning import Reckoning
from tests.chaos.report import Report
from tests.support.paths import REAL_3W


def main() -> None:
    """The command line."""
    options = _options()
    logging.disable(logging.CRITICAL)
    if options.list:
        for row in BY_NAME.values():
            print(f"{row.name:24} {row.what}")
        return
    report = Report(options.seed, options.out, resume=options.resume)
    for planned in _trials(options, report):
        one = report.earlier(planned.key)
        if one is None:
            one = planned.run()
            print(_line(one), flush=True)
        report.add(one)
    print(report.summary())
    if options.out:
        print(f"{options.out}/chaos.html has the table, chaos.json the same for programs")
    sys.exit(any(not one.held for one in report.done))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("faults", nargs="*", metavar="FAULT", help="only these, all in one trial")
    parser.add_argument("--seed", type=int, default=20, help="seed of the run (default 20)")
    parser.add_argument("--trial-seed", type=int, help="seed of the trial that FAULT names")
    parser.add_argument("--pairs", type=int, default=100, help="random pairs after the singles (default 100)")
    parser.add_argument("--data", type=Path, help="folder of real 3W instances (default PETROSTREAM_3W)")
    parser.add_argument("--real", action="store_true", help="play real wells in the trial that FAULT names")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write chaos.html and chaos.json there")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run that DIR has: what held is not tried again"
    )
    parser.add_argument("--list", action="store_true", help="list the faults")
    options = parser.parse_args()
    unknown = [name for name in options.faults if name not in BY_NAME]
    if unknown:
        parser.error(f"no fault is called {', '.join(unknown)}; --list has their names")
    if options.data and not has_real_wells(options.data):
        parser.error(f"{options.data} has no real instances (<class>/WELL-*.parquet)")
    return options


def _trials(options: argparse.Namespace, report: Report) -> Iterator[Planned]:
    folder = options.data or REAL_3W
    real = folder if has_real_wells(folder) else None
    if not real and (options.real or not options.faults):
        reason = f"no real 3W wells at {folder}: set PETROSTREAM_3W, or --data"
        print(f"skipped: {reason}")
        report.skip(reason)
    if not options.faults:
        yield from plan(options.seed, options.pairs, real)
    elif real or not options.real:
        rows = tuple(BY_NAME[name] for name in options.faults)
        given = options.trial_seed
        seed = seed_of(options.seed, options.faults) if given is None else given
        yield Planned(rows, seed, real if options.real else None)


def _line(one: Reckoning) -> str:
    """A trial for people; one that failed tells everything, and how to repeat it."""
    verdict, names = "ok" if one.held else "FAILED", " + ".join(one.faults)
    counts = f"{one.strikes:4} strikes  {one.lost} of {one.sent} lost, {one.doubled} doubled"
    line = f"{verdict:6} {names:45} {one.wells:9} {counts}, recovered in {one.recovery_s:g} s ({one.clock})"
    if one.held:
        return line
    return f"{line}\n       {asdict(one)}\n       {_repeat(one)}"


def _repeat(one: Reckoning) -> str:
    real = " --real" if one.wells == "real" else ""
    return f"python -m tests.chaos {' '.join(one.faults)} --trial-seed {one.seed}{real}"


if __name__ == "__main__":
    main()
