"""Run trials with faults: `python -m tests.chaos --help`.

Every fault is tried alone, then random pairs of them. Each trial's seed follows from --seed and its faults:
to repeat one, name its faults and its seed, which the page has.
"""

import argparse
import logging
import signal
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path

from tests.chaos.plan import BY_NAME, Planned, plan, seed_of
from tests.chaos.played import has_real_wells
from tests.chaos.reckoning import Reckoning
from tests.chaos.report import Report
from tests.chaos.twin.plan import TWIN_BY_NAME, TwinPlanned, twin_plan
from tests.chaos.twin.session import Session
from tests.support.paths import REAL_3W

TERMINATED = 128 + signal.SIGTERM

PLACES = ("simulation", "twin", "both")


def main() -> None:
    """The command line."""
    options = _options()
    logging.disable(logging.CRITICAL)
    if options.list:
        for row in (*BY_NAME.values(), *TWIN_BY_NAME.values()):
            print(f"{row.name:24} {row.what}")
        return
    report = Report(options.seed, options.out, resume=options.resume)
    with ExitStack() as stack:
        for planned in _trials(options, report, stack):
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
    parser.add_argument(
        "--on", choices=PLACES, default=PLACES[0], help="run on services in memory (default), on a twin, both"
    )
    parser.add_argument("--data", type=Path, help="folder of real 3W instances (default PETROSTREAM_3W)")
    parser.add_argument("--real", action="store_true", help="play real wells in the trial that FAULT names")
    parser.add_argument("--out", type=Path, metavar="DIR", help="write chaos.html and chaos.json there")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run that DIR has: what held is not tried again"
    )
    parser.add_argument("--list", action="store_true", help="list the faults")
    options = parser.parse_args()
    if problem := _problem(options):
        parser.error(problem)
    return options


def _problem(options: argparse.Namespace) -> str:
    unknown = [name for name in options.faults if name not in BY_NAME | TWIN_BY_NAME]
    if unknown:
        return f"no fault is called {', '.join(unknown)}; --list has their names"
    if len(options.faults) > 1 and any(name in TWIN_BY_NAME for name in options.faults):
        return "a fault on the twin is tried alone"
    if options.data and not has_real_wells(options.data):
        return f"{options.data} has no real instances (<class>/WELL-*.parquet)"
    return ""


def _trials(options: argparse.Namespace, report: Report, stack: ExitStack) -> Iterator[Planned | TwinPlanned]:
    folder = options.data or REAL_3W
    real = folder if has_real_wells(folder) else None
    if not real and (options.real or not options.faults):
        _skip(report, f"no real 3W wells at {folder}: set PETROSTREAM_3W, or --data")
    if options.faults:
        if real or not options.real:
            yield from _named(options, report, stack, real if options.real else None)
        return
    if options.on != "twin":
        yield from plan(options.seed, options.pairs, real)
    if options.on != "simulation":
        session = stack.enter_context(closing(Session()))
        yield from _possible(twin_plan(options.seed, session, real), report)


def _named(
    options: argparse.Namespace, report: Report, stack: ExitStack, real: Path | None
) -> Iterator[Planned | TwinPlanned]:
    given = options.trial_seed
    seed = seed_of(options.seed, options.faults) if given is None else given
    if options.faults[0] in TWIN_BY_NAME:
        session = stack.enter_context(closing(Session()))
        row = TWIN_BY_NAME[options.faults[0]]
        yield from _possible([TwinPlanned(row, seed, session, real)], report)
    else:
        yield Planned(tuple(BY_NAME[name] for name in options.faults), seed, real)


def _possible(trials: Iterable[TwinPlanned], report: Report) -> Iterator[TwinPlanned]:
    for planned in trials:
        if planned.refused:
            _skip(report, f"{planned.row.name}: {planned.refused}")
        else:
            yield planned


def _skip(report: Report, reason: str) -> None:
    print(f"skipped: {reason}", flush=True)
    report.skip(reason)


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
    # Whoever ends it ends the twin with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
    main()
