"""Wells and facilities of one trial alone, whose clocks no other trial has moved."""

import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np

from ml.data.dataset import find_instances, read_instance, write_instance
from tests.support.lake import Lake
from tests.support.replays import simulate

WELLS = 4
MINUTES = 40
FACILITIES = 2

BEFORE_EVENT = 900
"""Readings of a real instance before its event that are played."""


def prepare(lake: Lake, data: Path, number: int, seed: int, real: Path | None) -> Path:
    """Write a trial's instances, and the file that says which facilities they belong to; returns that file.

    Args:
        lake: the lake, in whose environment they are simulated.
        data: folder for the instances.
        number: of the trial; their names follow from it.
        seed: of the trial.
        real: folder of real instances to take them from; None to simulate them.

    Raises:
        DatasetError: a real instance cannot be read.
    """
    if real is None:
        simulate(lake, data, seed % 100_000, WELLS, MINUTES)
        for place, path in enumerate(sorted(data.glob("*/*.parquet"))):
            path.rename(path.with_name(f"SIMULATED_{10_000 + 10 * number + place}.parquet"))
    else:
        _real(real, data, number, random.Random(seed))
    wells = [file.well_id for file in find_instances(data)]
    fleet = {well: f"FAC-CHAOS-{number}-{place % FACILITIES}" for place, well in enumerate(wells)}
    path = data.with_name("fleet.json")
    path.write_text(json.dumps(fleet), encoding="utf-8")
    return path


def _real(source: Path, data: Path, number: int, rng: random.Random) -> None:
    """Some real instances around the beginning of their events, each as a well of its own."""
    files = [file for file in find_instances(source) if file.is_real]
    for place, file in enumerate(rng.sample(files, min(WELLS, len(files)))):
        instance = read_instance(file)
        begin = max(int(np.argmax(instance.in_event)) - BEFORE_EVENT, 0)
        part = slice(begin, begin + 60 * MINUTES)
        stamp = file.path.stem.partition("_")[2]
        name = f"WELL-{90_000 + 10 * number + place}_{stamp}.parquet"
        kept = {column: getattr(instance, column)[part] for column in ("ts_ms", "values", "label", "state")}
        write_instance(replace(instance, path=data / str(file.event_class) / name, **kept))
