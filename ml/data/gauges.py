"""What gauges and the historian do to a signal: missing stretches, frozen gauges, sentinels, compression.

Real 3W instances have all of these (two thirds of the variable slots are missing, a tenth are frozen, a
broken P-PDG reports -1.2e42 Pa or 0 for hours), so a pipeline that has never met them is untested.
"""

import numpy as np

from petrostream.arrays import FloatArray
from petrostream.schema import SENSOR_INDEX, SENSORS

BROKEN_PRESSURE_PA = -1.180116e42
"""What a broken P-PDG of the real dataset reports."""

_COMPRESSED = ("p_pdg", "p_mon_ckp", "t_jus_ckp", "t_tpt", "qgl")
_SPARE = ("p_jus_ckp", "p_anular", "t_pdg", "t_mon_ckp", "pt_p", "p_mon_sdv_p", "p_jus_ckgl", "t_jus_ckp")


def compress(values: FloatArray, rng: np.random.Generator) -> None:
    """Thins some gauges to a value every few seconds with straight lines between, as a historian does.

    Args:
        values: shape (n, 27), changed in place.
        rng: random generator.
    """
    at = np.arange(len(values))
    for name in _COMPRESSED:
        if rng.random() < 0.4:
            column = SENSOR_INDEX[name]
            kept = at[:: int(rng.integers(2, 7))]
            values[:, column] = np.interp(at, kept, values[kept, column])


def round_to_resolution(values: FloatArray) -> None:
    """Rounds to what the instruments resolve: 10 Pa, 0.001 degC and 0.0001 m3/s; shape (n, 27), in place."""
    places = {"pressure": -1, "temperature": 3, "flow": 4}
    for column, sensor in enumerate(SENSORS):
        if sensor.quantity in places:
            values[:, column] = np.round(values[:, column], places[sensor.quantity])


def break_gauges(values: FloatArray, turn: int, onset: int, rng: np.random.Generator) -> None:
    """Breaks some gauges; faults of whole instances alternate, so that a small set has every one.

    Headline gauges (P-TPT, T-TPT) only ever lose single stretches: an event must stay visible.

    Args:
        values: shape (n, 27), changed in place.
        turn: selects the fault, modulo 4: 1 breaks P-PDG, 2 freezes P-JUS-CKP, 3 starts without values.
        onset: row at which the event begins (n if there is none).
        rng: random generator.
    """
    if turn % 4 == 3:
        values[: int(rng.integers(40, 160))] = np.nan
    if turn % 4 == 1:
        values[:, SENSOR_INDEX["p_pdg"]] = BROKEN_PRESSURE_PA if rng.random() < 0.5 else 0.0
    if turn % 4 == 2:
        _freeze(values, SENSOR_INDEX["p_jus_ckp"], 0, len(values))
    for name in rng.choice(_SPARE, size=2, replace=False):
        start = int(rng.integers(0, onset))
        _freeze(values, SENSOR_INDEX[str(name)], start, start + int(rng.integers(120, 600)))
    for name in ("p_tpt", "t_tpt", "p_mon_ckp"):
        start = int(rng.integers(0, len(values)))
        values[start : start + int(rng.integers(5, 45)), SENSOR_INDEX[name]] = np.nan
    column = SENSOR_INDEX["t_jus_ckp"]
    start = int(rng.integers(0, len(values)))
    values[start : start + int(rng.integers(2, 10)), column] = -999.0


def _freeze(values: FloatArray, column: int, start: int, end: int) -> None:
    """Holds the first value of the stretch."""
    values[start:end, column] = values[start, column]
