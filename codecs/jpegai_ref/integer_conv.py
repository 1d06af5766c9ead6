"""A convolution in integers: int8 inputs and weights, int32 sums, a right shift per output channel.

    x int8 (Cin, H, W) -> sum of weight * x, + bias -> >> shift -> int32 (Cout, H', W')

Nothing is padded: the output of a k x k kernel is smaller by k - 1 each way. Two ways to compute it give the same integers: int32 loops,
and float64 matrix products on any device, where all sums are exact, being below 2^53.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.integer_loops import convolve_rows

LOWEST_INPUT, HIGHEST_INPUT = -128, 127
LARGEST_SUM = (1 << 31) - 1
LARGEST_SHIFT = 31


@dataclass(frozen=True, eq=False)
class IntegerConv:
    """weight (Cout, Cin, k, k) int8, k odd; bias (Cout,) int32 with the rounding offset 2^(shift - 1) in it; shift (Cout,) int8, 0..31.

    Raises ValueError where types or shapes differ, or where an input in -128..127 exists for which a sum, or a part of it in whatever
    order, leaves int32: 128 * sum|weight| + |bias| must not exceed 2^31 - 1 for any output channel.
    """

    weight: NDArray[np.int8]
    bias: NDArray[np.int32]
    shift: NDArray[np.int8]

    def __post_init__(self) -> None:
        outputs = self.weight.shape[:1]
        if self.weight.ndim != 4 or self.weight.shape[2] != self.weight.shape[3] or self.weight.shape[2] % 2 == 0:
            raise ValueError(f"weights of an integer convolution are (Cout, Cin, k, k), k odd, not {self.weight.shape}")
        if self.bias.shape != outputs or self.shift.shape != outputs:
            raise ValueError(f"{self.bias.shape} biases and {self.shift.shape} shifts for {outputs} output channels")
        if [array.dtype.name for array in (self.weight, self.bias, self.shift)] != ["int8", "int32", "int8"]:
            raise ValueError("weights of an integer convolution are int8, biases int32, shifts int8")
        if self.shift.min(initial=0) < 0 or self.shift.max(initial=0) > LARGEST_SHIFT:
            raise ValueError(f"shifts are in 0..{LARGEST_SHIFT}")
        if self.largest_sums.max(initial=0) > LARGEST_SUM:
            raise ValueError(f"the sums of output channel {int(self.largest_sums.argmax())} can leave int32")

    @property
    def kernel(self) -> int:
        return int(self.weight.shape[2])

    @property
    def largest_sums(self) -> NDArray[np.int64]:
        """(Cout,): no partial sum is larger in magnitude, for any input in -128..127."""
        sums = np.abs(self.weight.astype(np.int64)).sum(axis=(1, 2, 3))
        return -LOWEST_INPUT * sums + np.abs(self.bias.astype(np.int64))

    def in_int32(self, x: NDArray[np.int8]) -> NDArray[np.int32]:
        """Output (Cout, H - k + 1, W - k + 1) for x (Cin, H, W) by loops over int32."""
        width = x.shape[2]
        rows, columns = x.shape[1] - self.kernel + 1, width - self.kernel + 1
        flat = np.ascontiguousarray(x.reshape(len(x), -1)).astype(np.int32)
        sums = np.empty((len(self.weight), rows * width), np.int32)
        convolve_rows(flat, self._taps_int32, self.bias, self.shift, width, sums)
        return sums.reshape(-1, rows, width)[:, :, :columns]

    def in_float64(self, x: Tensor) -> Tensor:
        """The same integers as float64 for x (Cin, H, W) float64 on any device."""
        width = x.shape[2]
        rows, columns = x.shape[1] - self.kernel + 1, width - self.kernel + 1
        flat = x.reshape(len(x), -1)
        reach = rows * width - (self.kernel - 1)
        sums = torch.zeros(len(self.weight), rows * width, dtype=torch.float64, device=x.device)
        part = sums[:, :reach]
        part += torch.from_numpy(self.bias.astype(np.float64)).to(x.device)[:, None]
        for index, taps in enumerate(self._taps_float64.to(x.device)):
            start = index // self.kernel * width + index % self.kernel
            part += taps @ flat[:, start : start + reach]
        part *= torch.from_numpy(np.ldexp(1.0, -self.shift.astype(np.int64))).to(x.device)[:, None]
        return torch.floor_(sums).reshape(-1, rows, width)[:, :, :columns]

    @cached_property
    def _taps_int32(self) -> NDArray[np.int32]:
        """(k * k, Cout, Cin)."""
        return np.ascontiguousarray(self.weight.transpose(2, 3, 0, 1).reshape(-1, *self.weight.shape[:2])).astype(np.int32)

    @cached_property
    def _taps_float64(self) -> Tensor:
        return torch.from_numpy(self._taps_int32.astype(np.float64))
