"""Figures of the bill that are measured: the state of a well is as large as the bill says, and no larger."""

import numpy as np
import pandas as pd
import pytest

from cost import figures as f
from petrostream.schema import SENSOR_NAMES
from petrostream.scoring import codec
from petrostream.scoring.history import FacilityState
from petrostream.scoring.score import score_batch
from tests.support.paths import REAL_3W
from tests.support.wells import FACILITY, START, readings

BATCH = 1000
CHARGED = f.STATE_WELL_BYTES + f.STATE_SECONDS * f.STATE_BYTES_PER_OBSERVATION


def state_sizes(values):
    """Size of a well's state after each batch of a series at 1 Hz, without what a state has but once."""
    state, sizes = FacilityState(FACILITY), []
    alone = len(codec.encode(state))
    for start in range(0, len(values), BATCH):
        part = values[start : start + BATCH]
        ts_ms = START + 1000 * np.arange(start, start + len(part))
        state = score_batch(state, readings(part, ts_ms, sequence="49" * 20), None, scored_at_ms=0).state
        sizes.append(len(codec.encode(state)) - alone)
    return sizes


def white_noise(n):
    """Five gauges like those of `bench/scoring.py`: noise of 5,000 times their resolution."""
    names = ("p_pdg", "p_tpt", "t_tpt", "p_mon_ckp", "t_jus_ckp")
    levels = np.array([2.1e7, 1.4e7, 95.0, 5.0e6, 70.0])
    scales = np.array([1e4, 1e4, 0.05, 1e4, 0.05])
    values = np.full((n, len(SENSOR_NAMES)), np.nan)
    noise = np.random.default_rng(20).normal(size=(n, len(names)))
    values[:, [SENSOR_NAMES.index(name) for name in names]] = levels + scales * noise
    return values


def test_not_even_noise_takes_more_than_the_cost_page_says():
    largest = max(state_sizes(white_noise(12_000)))
    assert 0.9 * f.NOISE_STATE_BYTES < largest <= f.NOISE_STATE_BYTES


def real_wells():
    """The longest instance of each real well."""
    found: dict[str, list] = {}
    for path in REAL_3W.glob("*/WELL-*.parquet"):
        found.setdefault(path.name[:10], []).append(path)
    return {well: max(paths, key=lambda path: path.stat().st_size) for well, paths in sorted(found.items())}


def real_values(path):
    table = pd.read_parquet(path).rename(columns=lambda name: name.lower().replace("-", "_"))
    table = table.reindex(columns=list(SENSOR_NAMES)).iloc[:16_000]
    values = table.astype(float).to_numpy().copy()
    # What validation replaces by missing values.
    values[~np.isfinite(values) | (np.abs(values) > 1e8)] = np.nan
    return values


@pytest.mark.skipif(not REAL_3W.is_dir(), reason=f"no real 3W instances at {REAL_3W} (set PETROSTREAM_3W)")
def test_the_states_of_real_wells_are_as_large_as_the_bill_says():
    largest = {well: max(state_sizes(real_values(path))) for well, path in real_wells().items()}
    assert len(largest) > 3
    assert np.mean(list(largest.values())) <= CHARGED
    assert 0.9 * f.LARGEST_STATE_BYTES < max(largest.values()) <= f.LARGEST_STATE_BYTES
