"""Generates 3W-format instances from a seed: a fresh clone works without downloading anything.

    python -m ml.simulate --out data/simulated --seed 7

Every instance is a well of its own. It begins with at least 20 minutes of normal operation; then comes its
event, labelled as 3W labels: null for some seconds around the onset, the transient (102, 106), and the steady
event (2, 6). Slugging (3) has no transient class in 3W. An instance depends on the seed, its class and its
number only: a larger set contains the smaller one.
"""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from ml.data.dataset import EVENT_NAMES, NO_LABEL, TRANSIENT, Instance, identify, write_instance
from ml.data.gauges import break_gauges, compress, round_to_resolution
from ml.data.physics import EVENTS
from ml.data.simulated_well import draw_well, operate
from petrostream.arrays import FloatArray, IntArray
from toolchain import commands
from toolchain.terminal import print_error

DEFAULT_SEED = 7
DEFAULT_INSTANCES = 8
DEFAULT_MINUTES = 52.0
MIN_MINUTES = 40.0
MAX_INSTANCES = 4000

MIN_NORMAL_S = 1230
"""Normal seconds before any event: 20 minutes, plus half a minute for the unlabelled onset."""

FIRST_START_MS = 1_709_272_800_000
"""2024-03-01T06:00Z: no real instance of 3W lies in the week of the simulated wells."""

_ROUND = (2, 6, 3, 2, 0, 6, 3, 0)
_HAS_TRANSIENT = (2, 6, 7, 8)

app = typer.Typer(add_completion=False, rich_markup_mode=None)
console = Console()


def plan(instances: int) -> Iterator[tuple[int, int]]:
    """Class and number of each instance of a set; each eight hold two of each kind."""
    counts = dict.fromkeys(_ROUND, 0)
    for at in range(instances):
        event_class = _ROUND[at % len(_ROUND)]
        counts[event_class] += 1
        yield event_class, counts[event_class]


def simulate_instance(
    folder: Path, event_class: int, number: int, *, seed: int, minutes: float = DEFAULT_MINUTES
) -> Instance:
    """One instance at 1 Hz; the same arguments give the same values.

    Args:
        folder: the dataset's folder (nothing is written).
        event_class: 0 to 3 or 5 to 8. Classes 1, 5, 7 and 8 take hours: set `minutes` accordingly.
        number: 1 to 99999, the number in the file name.
        seed: seed of the whole set.
        minutes: mean length; instances differ by up to 10 %.

    Returns:
        The instance: n observations, values as in 3W, `state` 0 (open) throughout.

    Raises:
        ValueError: the class can't be simulated, or the instance would be too short for its normal period.
    """
    if event_class != 0 and event_class not in EVENTS:
        known = ", ".join(str(one) for one in sorted({0, *EVENTS}))
        raise ValueError(f"class {event_class} can't be simulated; choose from {known}")
    if minutes < MIN_MINUTES:
        raise ValueError(f"{minutes:g} minutes is too short; an instance needs at least {MIN_MINUTES:g}")
    rng = np.random.default_rng([seed, event_class, number])
    seconds = int(minutes * 60.0 * rng.uniform(0.9, 1.1))
    onset = seconds if event_class == 0 else int(rng.uniform(0.42, 0.5) * seconds)
    onset = min(max(onset, MIN_NORMAL_S), seconds)
    label = _labels(event_class, seconds, onset, rng)
    values = _values(event_class, number, seconds, onset, rng)
    file = identify(folder / str(event_class) / f"SIMULATED_{number:05d}.parquet")
    start = FIRST_START_MS + int(rng.integers(0, 6 * 86_400)) * 1000
    return Instance(
        path=file.path,
        event_class=event_class,
        well_id=file.well_id,
        ts_ms=start + 1000 * np.arange(seconds, dtype=np.int64),
        values=values,
        label=label,
        state=np.zeros(seconds, dtype=np.int64),
    )


def _labels(event_class: int, seconds: int, onset: int, rng: np.random.Generator) -> IntArray:
    label = np.zeros(seconds, dtype=np.int64)
    if event_class == 0:
        return label
    visible = onset + int(rng.integers(8, 25))
    steady = visible + (int(rng.uniform(700, 1000)) if event_class in _HAS_TRANSIENT else 0)
    label[onset - int(rng.integers(3, 12)) : visible] = NO_LABEL
    label[visible:steady] = event_class + TRANSIENT
    label[steady:] = event_class
    return label


def _values(event_class: int, number: int, seconds: int, onset: int, rng: np.random.Generator) -> FloatArray:
    well = draw_well(rng)
    since = np.arange(seconds, dtype=np.float64) - onset
    deltas = EVENTS[event_class](well, since, rng) if event_class else {}
    values = operate(well, deltas, seconds, rng)
    compress(values, rng)
    round_to_resolution(values)
    break_gauges(values, event_class + number, onset, rng)
    return values


def simulate_dataset(folder: Path, *, seed: int, instances: int, minutes: float) -> Iterator[Instance]:
    """Writes a set of instances under `folder`, and yields each one once it is written.

    Raises:
        ValueError: the instances would be too short.
        OSError: the folder can't be written.
    """
    for event_class, number in islice(plan(instances), instances):
        instance = simulate_instance(folder, event_class, number, seed=seed, minutes=minutes)
        write_instance(instance)
        yield instance


@app.command()
def main(
    out: Annotated[Path, typer.Option(help="Folder to write <class>/SIMULATED_<number>.parquet into.")],
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same values.")] = DEFAULT_SEED,
    instances: Annotated[
        int, typer.Option(min=1, max=MAX_INSTANCES, help="How many; each eight hold two of each kind.")
    ] = DEFAULT_INSTANCES,
    minutes: Annotated[
        float, typer.Option(min=MIN_MINUTES, max=1440.0, help="Mean length of an instance.")
    ] = DEFAULT_MINUTES,
) -> None:
    """Simulate wells in the layout of 3W 2.0.0: normal operation and three kinds of event."""
    made: list[Instance] = []
    work = simulate_dataset(out, seed=seed, instances=instances, minutes=minutes)
    try:
        made.extend(track(work, "Simulating wells", total=instances, console=console, transient=True))
    except OSError as error:
        print_error(f"Can't write {out}: {error.strerror or error}. Choose another --out.")
        raise typer.Exit(1) from error
    console.print(_summary(made))
    console.print(
        f"{sum(map(len, made)):,} readings in {len(made)} instances under {out}",
        highlight=False,
        markup=False,
    )


def _summary(made: list[Instance]) -> Table:
    table = Table(title="Simulated instances")
    for name in ("well", "event"):
        table.add_column(name)
    for name in ("readings", "normal min", "gauges"):
        table.add_column(name, justify="right")
    for one in made:
        gauges = int(np.isfinite(one.values).any(axis=0).sum())
        normal = int((one.label == 0).sum()) / 60
        table.add_row(
            one.well_id, EVENT_NAMES[one.event_class], f"{len(one):,}", f"{normal:.0f}", str(gauges)
        )
    return table


if __name__ == "__main__":
    commands.run(app)
