"""Shares, limits and verdicts of a quality report."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batch.quality_measures import MEASURES, ORDER, QualityMeasure, findings, in_words, worst

LAKE = {"landed_rows": 1010, "landed_readings": 1000, "readings": 1000, "quarantined": 0}
WELL = {
    "well_id": "WELL-00001", "facility_id": "FAC-01", "readings": 1000, "minutes": 17, "minutes_spanned": 17,
    "gaps": 0, "longest_gap_s": 1.0, "late_readings": 0, "delay_p95_s": 2.5, "mean_quality": 100.0,
}  # fmt: skip


def of(rows, measure, well="WELL-00001"):
    (row,) = (r for r in rows if (r["measure"], r["well_id"]) == (measure, well))
    return row["value"], row["verdict"]


def test_a_good_day_is_ok():
    rows = findings(LAKE, [WELL], [])
    assert worst(rows) == "OK"
    assert in_words(rows) == "1,000 readings of 1 wells"
    assert of(rows, "duplicate_share", None) == (10 / 1010, "OK")


@pytest.mark.parametrize(
    ("well", "measure", "value", "verdict"),
    [
        ({"minutes": 9, "minutes_spanned": 17}, "completeness", 9 / 17, "WARN"),
        ({"minutes": 8, "minutes_spanned": 17}, "completeness", 8 / 17, "FAILED"),
        ({"gaps": 10}, "gaps", 10, "WARN"),
        ({"longest_gap_s": 1799.0}, "longest_gap", 1799, "OK"),
        ({"longest_gap_s": None}, "longest_gap", None, "OK"),  # a single reading
        ({"delay_p95_s": 900.0}, "freshness", 900, "FAILED"),
        ({"delay_p95_s": None}, "freshness", None, "OK"),  # replayed with its original times
        ({"late_readings": 10}, "late_share", 0.01, "WARN"),
        ({"mean_quality": 49.0}, "mean_quality", 49, "FAILED"),
    ],
)
def test_a_well_is_measured_against_its_limits(well, measure, value, verdict):
    assert of(findings(LAKE, [WELL | well], []), measure) == (value, verdict)


@pytest.mark.parametrize(
    ("lake", "measure", "verdict"),
    [
        ({"quarantined": 53}, "quarantined_share", "FAILED"),
        ({"quarantined": 11}, "quarantined_share", "WARN"),
        ({"readings": 999}, "missing_share", "WARN"),
        ({"readings": 980}, "missing_share", "FAILED"),
        ({"readings": 1200}, "missing_share", "OK"),  # more than the curated zone has now
        ({"landed_rows": 2000}, "duplicate_share", "WARN"),
    ],
)
def test_the_lake_is_measured_against_its_limits(lake, measure, verdict):
    assert of(findings(LAKE | lake, [WELL], []), measure, None)[1] == verdict


def test_a_reason_is_a_share_of_its_wells_readings_and_never_fails_the_day():
    reasons = [
        {"well_id": "WELL-00001", "facility_id": "FAC-01", "reason": "out_of_range:p_pdg", "readings": 1000}
    ]
    rows = findings(LAKE, [WELL], reasons)
    (row,) = (r for r in rows if r["measure"] == "reason_share")
    assert (row["subject"], row["value"], row["verdict"]) == ("out_of_range:p_pdg", 1.0, "WARN")
    assert "WARN WELL-00001 reason_share out_of_range:p_pdg 1" in in_words(rows)


def test_a_day_without_readings_has_a_report():
    rows = findings({"landed_rows": 0, "landed_readings": 0, "readings": 0, "quarantined": 0}, [], [])
    assert (worst(rows), in_words(rows)) == ("OK", "0 readings of 0 wells")


def test_the_worst_comes_first_and_the_rest_is_counted():
    wells = [WELL | {"well_id": f"WELL-{n:05d}", "gaps": 11} for n in range(9)] + [
        WELL | {"mean_quality": 1.0}
    ]
    text = in_words(findings(LAKE, wells, []))
    assert text.split("; ")[1].startswith("FAILED WELL-00001 mean_quality 1")
    assert text.endswith("; 5 more")


@given(st.sampled_from(MEASURES), st.floats(allow_nan=False), st.floats(allow_nan=False))
def test_a_worse_value_never_has_a_better_verdict(measure: QualityMeasure, one: float, other: float):
    better, worse = sorted((one, other), reverse=measure.worse == "low")
    assert ORDER.index(measure.verdict(worse)) >= ORDER.index(measure.verdict(better))


def test_limits_are_in_order():
    for measure in MEASURES:
        warn, fail = measure.warn_at, measure.fail_at
        if warn is not None and fail is not None:
            assert math.copysign(1, fail - warn) == (1 if measure.worse == "high" else -1), measure.name
