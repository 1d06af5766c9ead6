"""What the metric families share: checks of the two pictures, padding rules, windows, reproducible threading. Holds no metric."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ctc.errors import MetricUndefined
from ctc.protocols import Codes

if TYPE_CHECKING:
    from scipy.sparse import csr_array
    from threadpoolctl import ThreadpoolController  # type: ignore[import-untyped]

Plane = NDArray[np.float64]

BAND = 24
"""Outputs of one banded product: enough for a BLAS to run at speed, few enough that the zeros cost little."""

STRIP_ROWS = 96
"""Rows that are worked on at once: a strip's temporaries of a few thousand columns stay in the processor's cache."""


def checked(reference: Codes, distorted: Codes, peak: int, planes: int = 1) -> None:
    """Refuses two pictures that cannot be compared.

    `planes` is 1 for shape (height, width), 3 for shape (3, height, width).
    Raises ValueError for different shapes, a wrong number of planes, an empty picture or codes above `peak`.
    """
    if reference.shape != distorted.shape:
        raise ValueError(f"the pictures differ in shape: reference {reference.shape}, distorted {distorted.shape}")
    if reference.ndim != (2 if planes == 1 else 3) or (planes != 1 and reference.shape[0] != planes):
        raise ValueError(f"expected {'(height, width)' if planes == 1 else f'({planes}, height, width)'}, got {reference.shape}")
    if reference.size == 0:
        raise ValueError(f"empty picture of shape {reference.shape}")
    highest = max(int(reference.max()), int(distorted.max()))
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


def gaussian(taps: int, sigma: float) -> NDArray[np.float64]:
    """Normalised Gaussian window of an odd number of taps."""
    offsets = np.arange(taps) - taps // 2
    window = np.exp(-(offsets**2) / (2.0 * sigma**2))
    return np.asarray(window / window.sum())


def filtered(plane: Plane, window: NDArray[np.float64]) -> Plane:
    """Correlation of (height, width) with outer(window, window), valid region only: each side shrinks by len(window) - 1.

    Done as products with small banded matrices, which a BLAS does several times faster than a tap at a time. Call it inside
    `one_blas_thread`, so that the digits do not depend on the number of cores.
    """
    reach = len(window) - 1
    height, width = plane.shape[0] - reach, plane.shape[1] - reach
    rows = np.empty((height, plane.shape[1]))
    for start in range(0, height, BAND):
        stop = min(start + BAND, height)
        np.matmul(_banded(window, stop - start), plane[start : stop + reach], out=rows[start:stop])
    whole = width // BAND
    result = np.empty((height, width))
    if whole:
        blocks = sliding_window_view(rows, BAND + reach, axis=1)[:, : whole * BAND : BAND].swapaxes(0, 1)
        products = blocks @ _banded(window, BAND).T
        result[:, : whole * BAND] = products.swapaxes(0, 1).reshape(height, whole * BAND)
    if width % BAND:
        result[:, whole * BAND :] = rows[:, whole * BAND :] @ _banded(window, width % BAND).T
    return result


def _banded(window: NDArray[np.float64], outputs: int) -> NDArray[np.float64]:
    """(outputs, outputs + len(window) - 1): row i holds the window from column i on."""
    matrix = np.zeros((outputs, outputs + len(window) - 1))
    for row in range(outputs):
        matrix[row, row : row + len(window)] = window
    return matrix


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


def applied(rows: csr_array, columns: csr_array, plane: Plane) -> Plane:
    """rows @ plane @ columns.T: one sparse operator along each axis of (height, width)."""
    return np.ascontiguousarray((columns @ np.ascontiguousarray((rows @ plane).T)).T)


def strips(height: int, halo: int) -> Iterator[slice]:
    """Row ranges that overlap by `halo` rows, such that valid windows of halo + 1 rows meet every position once."""
    for start in range(0, height - halo, STRIP_ROWS):
        yield slice(start, min(start + STRIP_ROWS + halo, height))


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """One thread of NumPy's BLAS inside, the former number afterwards: the digits of its sums depend on the number."""
    with _blas().limit(limits=1, user_api="blas"):
        yield


@lru_cache(maxsize=1)
def _blas() -> ThreadpoolController:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()


@contextmanager
def one_torch_thread() -> Iterator[None]:
    """One torch thread inside, the former number afterwards: the digits of sums in float32 depend on the number."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)


def installed(*distributions: str) -> str:
    """ "name version" of each distribution, "name absent" where it is not installed: the part of a metric's version that others own."""
    return ", ".join(f"{name} {_version(name)}" for name in distributions)


def _version(distribution: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return "absent"
