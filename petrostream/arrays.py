"""Array types in the signatures of domain functions, and the questions most often asked of few values."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

# On a handful of values `any` and `all` of NumPy cost ten times as much as a look at their bytes; on
# thousands they are no quicker.


def anywhere(mask: BoolArray) -> bool:
    """Return whether any element of a mask of any shape is true, as `mask.any()`."""
    return 1 in mask.tobytes()


def everywhere(mask: BoolArray) -> bool:
    """Return whether all elements of a mask of any shape are true, as `mask.all()`; True for an empty one."""
    return 0 not in mask.tobytes()


def filled(shape: int | tuple[int, ...], value: float) -> FloatArray:
    """Return float64 of one value, as `np.full` at half the cost."""
    values: FloatArray = np.empty(shape)
    values.fill(value)
    return values


def filled_whole(shape: int | tuple[int, ...], value: int) -> IntArray:
    """Return int64 of one value, as `filled`."""
    values: IntArray = np.empty(shape, np.int64)
    values.fill(value)
    return values
