"""The formula of the Isolation Forest, which training and scoring share."""

import numpy as np
import pytest

from petrostream.detection import average_path_length


@pytest.mark.parametrize(
    ("samples", "expected"), [(0, 0), (1, 0), (2, 1), (3, 2 * (np.log(2) + np.euler_gamma) - 4 / 3)]
)
def test_average_path_length_of_small_counts(samples, expected):
    assert average_path_length(samples) == pytest.approx(expected)
