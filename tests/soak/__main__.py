"""Send readings to a twin of its own for an hour, and see what grows: `python -m tests.soak --help`.

Wells are simulated, trained and played back and forth, with gas leaks now and then. Memory, open files and
threads of every process, stored state, latency and the twin's folder are measured; at the end every reading
is counted in SQL, and every closed minute in the live table. The exit code is 1 if a reading is lost or
doubled, or if anything grows that should not.
"""

import argparse
import json
import shutil
import sys
from dataclasses import asdict
from pathlib import Path

from tests.soak.course import courses
from tests.soak.outcome import LATE_PART, Load, Outcome
from tests.soak.page import page
from tests.soak.run import run
from tests.soak.slopes import Slope
from tests.support.lake import Lake


def main() -> None:
    """The command line."""
    options = _options()
    options.out.mkdir(parents=True, exist_ok=True)
    data, models = options.out / "wells", options.out / "models"
    for folder in (data, models):
        shutil.rmtree(folder, ignore_errors=True)
    with Lake.at(options.out / "home").on() as lake:
        print(f"A twin of its own is up. Simulating and training {options.wells} wells ...", flush=True)
        count = str(options.wells)
        lake.run("-m", "ml.simulate", "--out", str(data), "--instances", count, "--seed", str(options.seed))
        lake.run("-m", "ml.train", "--data", str(data), "--out", str(models))
        lake.run("-m", "local", "publish-model", str(models))
        load = Load(courses(data), options.rate, options.seconds)
        print(f"{load.each * len(load.courses):,} readings a second for {load.seconds:,} s ...", flush=True)
        outcome = run(lake, load, lambda line: print(line, flush=True))
    _write(options.out, options.seed, outcome)
    sys.exit(not outcome.held)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.soak", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=3600, help="for how long to send (default 3600)")
    parser.add_argument("--rate", type=int, default=1000, help="readings a second (default 1000)")
    parser.add_argument("--wells", type=int, default=42, help="number of wells (default 42)")
    parser.add_argument("--seed", type=int, default=7, help="seed of the simulated wells (default 7)")
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("build/soak"),
        metavar="DIR",
        help="for soak.html and soak.json, and the twin",
    )
    options = parser.parse_args()
    for name in ("seconds", "rate", "wells"):
        if getattr(options, name) < 1:
            parser.error(f"--{name} is {getattr(options, name)}: it must be 1 or more")
    return options


def _write(folder: Path, seed: int, outcome: Outcome) -> None:
    """Both reports, and the verdicts in the terminal."""
    figures, table = folder / "soak.json", folder / "soak.html"
    table.write_text(page(outcome), encoding="utf-8")
    figures.write_text(json.dumps(_figures(seed, outcome), indent=1) + "\n", encoding="utf-8")
    for (who, what), line in sorted(outcome.slopes.items()):
        if line:
            span = f"{line.low:+.2f} to {line.high:+.2f} an hour"
            print(f"{line.verdict:10} {who}: {what:24} mean {line.mean:10,.1f}   {span}")
    print(
        f"{outcome.sent:,} readings sent: {outcome.lost} lost, {outcome.doubled} doubled, "
        f"{outcome.unseen} unseen; "
        f"{outcome.minutes_wrong} of {outcome.minutes:,} minutes wrong; "
        f"{outcome.alerts:,} alerts, {outcome.alerts_doubled} twice"
    )
    print(f"{table} has the lines, {figures} the same for programs")


def _figures(seed: int, outcome: Outcome) -> dict[str, object]:
    load = outcome.load
    slopes, late = outcome.slopes, outcome.slopes_after(LATE_PART)
    series = [
        {
            **{"who": key[0], "what": key[1], "minutes": points},
            **{"slope": _slope(slopes[key]), "second_half": _slope(late[key])},
        }
        for key, points in sorted(outcome.series.items())
    ]
    counts = {name: value for name, value in vars(outcome).items() if isinstance(value, int | float)}
    sent = {"seconds": load.seconds, "wells": len(load.courses), "readings_of_a_well_a_second": load.each}
    return {"seed": seed, "held": outcome.held, **sent, **counts, "lost": outcome.lost, "series": series}


def _slope(line: Slope | None) -> dict[str, object] | None:
    return None if line is None else asdict(line) | {"verdict": line.verdict}


if __name__ == "__main__":
    main()
