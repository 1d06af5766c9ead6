"""Weights of the adaptive filters as the tool header has them.

weight = (code - 32767) / 2048, codes of 16 bits: -16 to 16. A list of codes is sent as its smallest (16 bits), the range above it
(16 bits), and the differences from the smallest, in as many bits as the range needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jpegai_ref.bits import BitReader, BitWriter
from jpegai_ref.errors import BitstreamError

CODE_BITS = 16
LARGEST_CODE = (1 << CODE_BITS) - 1
ZERO = LARGEST_CODE // 2
"""The code of weight 0."""
CODES_PER_UNIT = 2048


def weights_of(codes: Sequence[int] | NDArray[Any]) -> NDArray[np.float64]:
    """Exact in 32 bits too."""
    return (np.asarray(codes, np.float64) - ZERO) / CODES_PER_UNIT


def codes_of(weights: NDArray[np.float64]) -> NDArray[np.int64]:
    """The nearest codes."""
    return np.clip(np.rint(weights * CODES_PER_UNIT) + ZERO, 0, LARGEST_CODE).astype(np.int64)


@dataclass(frozen=True)
class CodeRange:
    """Codes from `lowest` to `lowest + span`. Raises ValueError where there are no such codes."""

    lowest: int
    span: int

    def __post_init__(self) -> None:
        if self.lowest < 0 or self.span < 0 or self.lowest + self.span > LARGEST_CODE:
            raise ValueError(f"weights have codes of 0..{LARGEST_CODE}, not {self.lowest}..{self.lowest + self.span}")

    @staticmethod
    def of(codes: Iterable[int]) -> CodeRange:
        """The narrowest that holds all; of none, that of weight 0 alone."""
        found = list(codes)
        lowest = min(found, default=ZERO)
        return CodeRange(lowest, max(found, default=ZERO) - lowest)

    @property
    def bits(self) -> int:
        """Of each code."""
        return self.span.bit_length()

    def write(self, out: BitWriter) -> None:
        out.u(self.lowest, CODE_BITS)
        out.u(self.span, CODE_BITS)

    def write_codes(self, out: BitWriter, codes: Iterable[int]) -> None:
        for code in codes:
            out.u(code - self.lowest, self.bits)

    @staticmethod
    def read(source: BitReader) -> CodeRange:
        """Raises BitstreamError where the range is not valid."""
        try:
            return CodeRange(source.u(CODE_BITS), source.u(CODE_BITS))
        except ValueError as error:
            raise BitstreamError(str(error)) from error

    def read_codes(self, source: BitReader, count: int) -> tuple[int, ...]:
        """Raises BitstreamError where one is beyond the range, or the data end."""
        differences = source.numbers(count, self.bits)
        if max(differences, default=0) > self.span:
            raise BitstreamError("a weight of a filter is beyond the range that was announced")
        return tuple(self.lowest + difference for difference in differences)
