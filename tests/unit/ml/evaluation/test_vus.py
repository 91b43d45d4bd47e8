"""VUS-PR against cases computed by hand from its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.evaluation.vus import soft_labels, vus_pr


def label(*points):
    return np.array(points, np.bool_)


def test_soft_labels_fade_on_both_sides_of_an_event():
    soft = soft_labels(label(0, 0, 0, 1, 1, 0, 0, 0), 4)

    # l = 4: sqrt(1 - d / 4), two points before the event; after it one, as its last point has distance 0.
    np.testing.assert_allclose(soft, [0, np.sqrt(0.5), np.sqrt(0.75), 1, 1, np.sqrt(0.75), 0, 0])


def test_soft_labels_end_with_the_series():
    np.testing.assert_allclose(soft_labels(label(0, 1), 6), [np.sqrt(1 - 1 / 6), 1])


def test_a_hand_computed_case():
    """Label 0 1 0, scores 0.5 0.9 0.1, buffers 0 to 2.

    l = 0 and l = 1 leave the labels as they are and the ranking is perfect: 1. l = 2 makes them 0.7071 1 0,
    (1 + 1.7071) / 2 = 1.3536 positives. Threshold 0.9: precision 1, recall 0.7388. Threshold 0.5:
    precision 0.8536, recall 1. Area 0.7388 + 0.2612 x 0.8536 = 0.9617.
    """
    found = vus_pr(label(0, 1, 0), np.array([0.5, 0.9, 0.1]), 2)

    assert found == pytest.approx((1 + 1 + 0.96174) / 3, abs=1e-5)


def test_an_event_that_is_not_found_lowers_recall():
    """Two events, of one and two points; the threshold 0.9 finds only the first: recall 1/3 x 1/2."""
    found = vus_pr(label(1, 0, 1, 1), np.array([0.9, 0.8, 0.7, 0.6]), 0)

    assert found == pytest.approx(1 / 6 * 1 + (2 / 3 - 1 / 6) * 2 / 3 + 1 / 3 * 3 / 4)


def test_a_constant_score_is_worth_the_share_of_anomalous_points():
    assert vus_pr(label(0, 0, 0, 1), np.zeros(4), 0) == pytest.approx(0.25)


def test_without_an_event_there_is_nothing_to_rank():
    with pytest.raises(ValueError, match="anomalous point"):
        vus_pr(label(0, 0), np.zeros(2), 0)


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 1, width=16)), min_size=2, max_size=40), st.integers(0, 8)
)
def test_it_is_a_share_and_depends_on_order_alone(points, buffer):
    truth = np.array([True, *(one for one, _ in points)])
    score = np.array([0.5, *(value for _, value in points)])
    found = vus_pr(truth, score, buffer)

    assert 0 <= found <= 1 + 1e-12
    assert vus_pr(truth, 3 * score - 7, buffer) == pytest.approx(found)


@given(st.integers(1, 30), st.integers(1, 30))
def test_a_perfect_ranking_is_worth_one_without_buffers(before, after):
    truth = np.arange(before + after) >= before

    assert vus_pr(truth, truth.astype(float), 0) == pytest.approx(1)
