"""Planes of a Laplacian pyramid in float64 on a device: only low-pass planes are kept whole, all else comes some rows at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch

from ctc.metrics._planes import Plane, mirrored

if TYPE_CHECKING:
    from scipy.sparse import csr_array

SAMPLES_AT_ONCE = 2**20
"""Rows that are worked on at a time hold about this many samples: 8 MiB in each intermediate plane."""


class Rows(Protocol):
    """A plane (height, width) of which rows can be had, stored or computed."""

    @property
    def shape(self) -> Sequence[int]: ...

    def __getitem__(self, rows: torch.Tensor, /) -> torch.Tensor:
        """The rows whose indices are asked for, float64."""
        ...


def weighted_sum(parts: Iterable[torch.Tensor], weights: Plane | torch.Tensor) -> torch.Tensor:
    """Sum of weight times part, in order."""
    products = (part * weight for part, weight in zip(parts, weights, strict=True))
    total = next(products)
    for product in products:
        total += product
    return total


class Samples:
    """float32 codes (height, width) as real numbers of another range."""

    def __init__(self, codes: torch.Tensor, factor: float) -> None:
        self.codes, self.factor, self.shape = codes, factor, codes.shape

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        return self.codes[rows].to(torch.float64).mul_(self.factor)


@dataclass(frozen=True)
class Enlargement:
    """One direction: sample k of the larger is the sum over t of weights[t, k] * smaller[first[k] + t]."""

    first: torch.Tensor
    weights: torch.Tensor

    @classmethod
    def of(cls, operator: csr_array, device: str) -> Enlargement:
        """From a sparse (larger, smaller) matrix whose nonzero columns lie together."""
        entries = operator.tocoo()
        larger, smaller = operator.shape
        first, last = np.full(larger, smaller), np.zeros(larger, np.intp)
        np.minimum.at(first, entries.row, entries.col)
        np.maximum.at(last, entries.row, entries.col)
        taps = min(int((last - first).max()) + 1, smaller)
        first = np.clip(first, 0, smaller - taps)
        weights = np.zeros((taps, larger))
        np.add.at(weights, (entries.col - first[entries.row], entries.row), entries.data)
        return cls(torch.tensor(first, device=device), torch.tensor(weights, dtype=torch.float64, device=device))


class Enlarged:
    """`plane` enlarged in both directions."""

    def __init__(self, plane: torch.Tensor, down: Enlargement, across: Enlargement) -> None:
        self.plane, self.down, self.across = plane, down, across
        self.shape = (len(down.first), len(across.first))

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        first, weights = self.down.first[rows], self.down.weights[:, rows, None]
        lines = weighted_sum((self.plane[first + tap] for tap in range(len(weights))), weights)
        first, weights = self.across.first, self.across.weights
        return weighted_sum((lines[:, first + tap] for tap in range(len(weights))), weights)


class Band:
    """What `low`, enlarged, lacks of `plane`."""

    def __init__(self, plane: Rows, low: Enlarged) -> None:
        self.plane, self.low, self.shape = plane, low, plane.shape

    def __getitem__(self, rows: torch.Tensor) -> torch.Tensor:
        return self.plane[rows] - self.low[rows]


def chunks(shape: Sequence[int]) -> Iterator[tuple[int, int]]:
    """(first row, row after the last) of the parts that a plane of `shape` is worked on in."""
    rows = max(1, SAMPLES_AT_ONCE // shape[1])
    for start in range(0, shape[0], rows):
        yield start, min(start + rows, shape[0])


def whole(plane: Rows, device: str) -> torch.Tensor:
    """All rows."""
    result = torch.empty(tuple(plane.shape), dtype=torch.float64, device=device)
    for start, stop in chunks(plane.shape):
        result[start:stop] = plane[torch.arange(start, stop, device=device)]
    return result


def reflected(first: int, last: int, length: int, device: str) -> torch.Tensor:
    """Indices first..last - 1 of a line of `length` samples that is mirrored at both ends without repeating the end."""
    wanted = torch.arange(first, last, device=device).abs()
    return torch.where(wanted >= length, 2 * (length - 1) - wanted, wanted)


def low_pass(plane: Rows, window: Plane, device: str) -> torch.Tensor:
    """Every second sample of `plane` filtered by outer(window, window), borders mirrored: sides are halved and rounded up."""
    height, width = plane.shape
    half = len(window) // 2
    result = torch.empty((height + 1) // 2, (width + 1) // 2, dtype=torch.float64, device=device)
    columns = reflected(-half, 2 * result.shape[1] + half, width, device)
    for start, stop in chunks(result.shape):
        x = plane[reflected(2 * start - half, 2 * stop - 1 + half, height, device)]
        lines = weighted_sum((x[tap : tap + 2 * (stop - start) - 1 : 2] for tap in range(len(window))), window)
        taken = (lines[:, columns[tap : tap + 2 * result.shape[1] : 2]] for tap in range(len(window)))
        result[start:stop] = weighted_sum(taken, window)
    return result


def filtered(planes: torch.Tensor, window: Plane) -> torch.Tensor:
    """Valid region of `planes` (..., height, width) filtered by outer(window, window), term by term: the same sums on every device."""
    for dimension in (-2, -1):
        length = planes.shape[dimension] - len(window) + 1
        planes = weighted_sum((planes.narrow(dimension, tap, length) for tap in range(len(window))), window)
    return planes


def zeros_between(window: Plane, length: int, device: str) -> Enlargement:
    """To `length` samples from half of them: zeros inserted, then `window` with mirrored borders."""
    return Enlargement.of(mirrored(window, length).tocsc()[:, ::2], device)
