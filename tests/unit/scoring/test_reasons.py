"""Explanations of readings and alarms: what changed, by how much, and what it resembles."""

import numpy as np
import pytest

from petrostream.gauges.features import quantise
from petrostream.schema.sensors import SENSOR_INDEX
from petrostream.scoring.reasons import UNLIKE_NORMAL, alarm_sentence, gas_sentence, reading_reasons, size

START = 1_700_000_000_000
MEANING = "like a spurious DHSV closure"


def sentence(columns, *, at=-1, first=(), seconds=None, meaning=MEANING, otherwise=None):
    n = len(next(iter(columns.values())))
    seconds = np.arange(n) if seconds is None else np.asarray(seconds)
    names = sorted(columns, key=SENSOR_INDEX.__getitem__)
    sensors = np.array([SENSOR_INDEX[name] for name in names])
    values = np.array([columns[name] for name in names], float).T
    return alarm_sentence(
        START + 1000 * seconds,
        quantise(values, sensors),
        sensors,
        range(n)[at],
        first=[SENSOR_INDEX[name] for name in first],
        meaning=meaning,
        otherwise=otherwise,
    )


def ramp(level, change, n=120, start=70):
    return level + change * np.clip((np.arange(n) - start) / (n - 10 - start), 0, 1)


def test_an_alarm_states_changes_valve_and_meaning():
    columns = {
        "p_pdg": ramp(2.1e7, 1.4e6),
        "t_tpt": ramp(95.0, -6.0),
        "p_tpt": np.full(120, 1.4e7),
        "estado_m1": np.ones(120),
    }
    assert sentence(columns) == (
        "P-PDG rose 14 bar and T-TPT fell 6 °C in 60 s while M1 stayed open: like a spurious DHSV closure"
    )


def test_sensors_of_the_rule_come_first_and_three_are_named_at_most():
    columns = {
        "p_pdg": ramp(2.1e7, 5e6),
        "p_tpt": ramp(1.4e7, -3.2e5),
        "t_tpt": ramp(95.0, -1.5),
        "p_mon_ckp": ramp(5e6, 2e6),
    }
    assert sentence(columns, first=["p_tpt", "t_tpt"]) == (
        "P-TPT fell 3.2 bar, T-TPT fell 1.5 °C and P-PDG rose 50 bar in 60 s: like a spurious DHSV closure"
    )


def test_a_valve_that_moved_is_mentioned():
    columns = {"p_tpt": ramp(1.4e7, -3e5), "estado_m1": np.where(np.arange(120) < 80, 1.0, 0.0)}
    assert sentence(columns) == "P-TPT fell 3 bar in 60 s as M1 closed: like a spurious DHSV closure"


def test_without_a_change_only_the_meaning_is_stated():
    assert sentence({"p_tpt": np.full(120, 1.4e7)}, meaning=UNLIKE_NORMAL) == (
        "Unlike this well's normal operation"
    )


def test_a_change_across_a_gap_is_no_change():
    seconds = np.concatenate([np.arange(60), 200 + np.arange(20)])
    values = np.where(np.arange(80) < 60, 1.4e7, 1.0e7)
    assert sentence({"p_tpt": values}, seconds=seconds) == "Like a spurious DHSV closure"


def test_a_missing_gauge_is_not_mentioned():
    columns = {"p_pdg": np.full(120, np.nan), "p_tpt": ramp(1.4e7, -3e5)}
    assert sentence(columns) == "P-TPT fell 3 bar in 60 s: like a spurious DHSV closure"


def test_a_reading_states_how_far_its_sensors_are_from_the_baseline():
    p_tpt, t_tpt, p_pdg = (SENSOR_INDEX[name] for name in ("p_tpt", "t_tpt", "p_pdg"))
    ranking = np.array([[p_tpt, t_tpt, p_pdg], [-1, -1, -1], [p_tpt, -1, -1]])
    deviation = np.array([[-1.42e6, 6.24, 200.0], [np.nan] * 3, [np.nan] * 3])
    assert reading_reasons(ranking, deviation) == [
        "P-TPT 14 bar below normal, T-TPT 6.2 °C above normal, P-PDG moves about its usual level",
        None,
        "P-TPT moves unlike normal",
    ]


def test_an_alarm_of_slow_drift_states_the_deviation():
    words = sentence(
        {"p_tpt": np.full(120, 1.4e7)}, meaning=UNLIKE_NORMAL, otherwise="P-TPT 14 bar below normal"
    )
    assert words == "P-TPT 14 bar below normal: unlike this well's normal operation"


@pytest.mark.parametrize(
    ("change", "words"), [(1.4e6, "14 bar"), (-9.96e5, "10 bar"), (3.4e4, "0.3 bar"), (2.55e7, "255 bar")]
)
def test_sizes_are_rounded_to_the_precision_of_a_gauge(change, words):
    assert size(SENSOR_INDEX["p_pdg"], change) == words


def test_a_leak_is_stated_in_ppm():
    assert gas_sentence(650.2, 500.0, "a methane leak") == "Methane is 650 ppm, above 500 ppm: a methane leak"
