"""What the metric families share: checks of the two pictures, padding rules, windows. Holds no metric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ctc.errors import MetricUndefined, ToolMissing
from ctc.protocols import Codes

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Plane = NDArray[np.float64]


def checked(reference: Codes, distorted: Codes, peak: int, planes: int = 1) -> None:
    """Refuses two pictures that cannot be compared.

    `planes` is 1 for shape (height, width), 3 for shape (3, height, width).
    Raises ValueError for different shapes, a wrong number of planes, an empty picture or codes above `peak`.
    """
    checked_alone(reference, peak, planes)
    checked_against(reference.shape, distorted, peak)


def checked_alone(reference: Codes, peak: int, planes: int = 1) -> None:
    """Refuses a picture that nothing can be compared with: what `checked` asks of one picture."""
    if reference.ndim != (2 if planes == 1 else 3) or (planes != 1 and reference.shape[0] != planes):
        raise ValueError(f"expected {'(height, width)' if planes == 1 else f'({planes}, height, width)'}, got {reference.shape}")
    if reference.size == 0:
        raise ValueError(f"empty picture of shape {reference.shape}")
    _not_above(reference, peak)


def checked_against(shape: tuple[int, ...], distorted: Codes, peak: int) -> None:
    """Refuses a picture that differs in shape from a reference of `shape`, or that has codes above `peak`, by ValueError."""
    if distorted.shape != shape:
        raise ValueError(f"the pictures differ in shape: reference {shape}, distorted {distorted.shape}")
    _not_above(distorted, peak)


def _not_above(codes: Codes, peak: int) -> None:
    highest = int(codes.max())
    if highest > peak:
        raise ValueError(f"code {highest} above the peak {peak}")


def defined(value: float, reason: str) -> float:
    """`value`, which may be infinite; raises MetricUndefined with `reason` where it is not a number."""
    if math.isnan(value):
        raise MetricUndefined(reason)
    return value


def zero_padded(codes: Codes, minimum_side: int) -> Codes:
    """(height, width) extended with zeros at the bottom and the right to `minimum_side`, as the JPEG AI quality framework does."""
    height, width = codes.shape
    if min(height, width) >= minimum_side:
        return codes
    return np.pad(codes, ((0, max(0, minimum_side - height)), (0, max(0, minimum_side - width))))


def own_copy(codes: Codes) -> Codes:
    """The same samples, contiguous, which nobody else can write to."""
    copy: Codes = np.array(codes, order="C")
    return copy


def gaussian(taps: int, sigma: float) -> NDArray[np.float64]:
    """Normalised Gaussian window of an odd number of taps."""
    offsets = np.arange(taps) - taps // 2
    window = np.exp(-(offsets**2) / (2.0 * sigma**2))
    return np.asarray(window / window.sum())


def mirrored(window: NDArray[np.float64], length: int) -> csr_array:
    """(length, length) operator: correlation with `window`, borders mirrored without repeating the last sample."""
    from scipy.sparse import csr_array

    offsets = np.arange(len(window)) - len(window) // 2
    reached = np.abs(np.arange(length)[:, None] + offsets)
    columns = np.where(reached >= length, 2 * (length - 1) - reached, reached)
    rows = np.repeat(np.arange(length), len(window))
    return csr_array((np.tile(window, length), (rows, columns.ravel())), shape=(length, length))


def interpolation(position: NDArray[np.float64], length: int) -> csr_array:
    """(len(position), length) operator: linear interpolation, or extrapolation of the end pair, at `position`."""
    from scipy.sparse import csr_array

    left = np.clip(np.floor(position).astype(np.intp), 0, length - 2)
    share = position - left
    rows = np.repeat(np.arange(len(position)), 2)
    columns = np.stack([left, left + 1], axis=1).ravel()
    return csr_array((np.stack([1.0 - share, share], axis=1).ravel(), (rows, columns)), shape=(len(position), length))


def installed(*distributions: str) -> str:
    """ "name version" of each distribution: the part of a metric's version that others own. Raises ToolMissing where one is absent."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return ", ".join(f"{name} {version(name)}" for name in distributions)
    except PackageNotFoundError as error:
        raise ToolMissing(f"the Python package {error.name} is missing: run `make setup`") from error
