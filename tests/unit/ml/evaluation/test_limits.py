"""Plain limits in the forest's place, and on the benchmark's features."""

import numpy as np
import pytest

from ml.evaluation.limits import AT_LIMIT, LIMITS, plain_limit
from ml.evaluation.methods import LargestZ, Mahalanobis

RNG = np.random.default_rng(5)
ROWS = RNG.normal(size=(500, 6)).astype(np.float32)


@pytest.mark.parametrize("kind", LIMITS)
def test_no_row_of_normal_operation_is_above_the_limit(kind):
    found = plain_limit(kind, ROWS)

    assert found.score(ROWS).max() == pytest.approx(AT_LIMIT)
    assert (found.score(ROWS * 20) > AT_LIMIT).all()


def test_the_largest_feature_counts():
    found = plain_limit("max_z", np.array([[3, 0], [0, -4]], np.float32))

    assert found.limit == 4
    np.testing.assert_allclose(found.score(np.array([[-4, 1], [12, 1]])), [0.5, 0.75])


def test_mahalanobis_knows_which_features_go_together():
    along = RNG.normal(size=2000)
    rows = np.column_stack([along, along + 0.1 * RNG.normal(size=2000)]).astype(np.float32)
    found = plain_limit("mahalanobis", rows)

    together, apart = found.distance(np.array([[2.0, 2.0], [2.0, -2.0]]))
    assert apart > 10 * together
    covariance = np.cov(rows.astype(float), rowvar=False)
    moved = np.array([2.0, 2.0]) - rows.mean(axis=0)
    assert together == pytest.approx(np.sqrt(moved @ np.linalg.inv(covariance) @ moved), rel=1e-3)


def test_an_unknown_limit_is_refused():
    with pytest.raises(ValueError, match="max_z, mahalanobis"):
        plain_limit("cubic", ROWS)


@pytest.mark.parametrize("method", [LargestZ(), Mahalanobis()])
def test_methods_on_windows_call_training_normal_and_far_windows_anomalous(method):
    train = RNG.normal(size=(9, 30))

    assert not method(train, train).any()
    assert method(train, train + 100).all()


def test_a_feature_that_never_varies_is_left_out():
    train = np.column_stack([np.arange(9.0), np.ones(9)])

    score, limit = LargestZ().scored(train, np.array([[4.0, 99.0]]))
    assert score[0] == 0
    assert limit == pytest.approx(4 / np.arange(9.0).std())
