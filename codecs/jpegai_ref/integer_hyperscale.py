"""The hyper-scale decoder in integers: from z to the sigma index, the same on every machine.

    z (C, hz, wz) int8 -> C1 C->C, ReLU -> C3 C->C, ReLU -> C1 C->16C -> pixel shuffle by 4 -> crop (C, h, w) -> |.| -> at most 3967

Between two convolutions values are limited to -128..127. The sigma index has 7 bits after the point.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from jpegai_ref.distributions import LARGEST_INDEX
from jpegai_ref.integer_conv import HIGHEST_INPUT, IntegerConv

LAYERS = ("first", "second", "third")
SHUFFLE = 4
BAND = 4096
"""About how many positions of z are worked on at once, which bounds memory."""


@dataclass(frozen=True, eq=False)
class IntegerHyperScale:
    """Three convolutions: C1 C->C, C3 C->C, C1 C->16C. Raises ValueError where they are of other shapes."""

    first: IntegerConv
    second: IntegerConv
    third: IntegerConv
    elsewhere: Callable[[NDArray[np.int8]], NDArray[np.int32]] | None = field(default=None, kw_only=True)
    """Where another engine than our loops computes the three layers: from z (C, hz, wz), zeros beyond it, to the limited output
    (16C, hz, wz)."""

    def __post_init__(self) -> None:
        c = self.channels
        shapes = tuple(conv.weight.shape for conv in (self.first, self.second, self.third))
        if shapes != ((c, c, 1, 1), (c, c, 3, 3), (SHUFFLE**2 * c, c, 1, 1)):
            raise ValueError(f"a hyper-scale decoder has kernels of 1, 3 and 1 and 16 times as many channels at its end, not {shapes}")

    @property
    def channels(self) -> int:
        return len(self.first.weight)

    def sigma_index(self, z: NDArray[np.int8], height: int, width: int, device: torch.device | str | None = None) -> NDArray[np.int32]:
        """Sigma index (C, height, width), int32 in 0..3967, of z (C, hz, wz), int8.

        By float64 matrix products on `device`, or by int32 loops where that is None: the results are the same.
        Raises ValueError where z has other channels or is too small for the latent.
        """
        if z.dtype != np.int8 or z.ndim != 3 or len(z) != self.channels:
            raise ValueError(f"z is int8 ({self.channels}, hz, wz), not {z.dtype} {z.shape}")
        if not (0 < height <= SHUFFLE * z.shape[1] and 0 < width <= SHUFFLE * z.shape[2]):
            raise ValueError(f"z of {z.shape[1:]} does not make a latent of {height}x{width}")
        index = np.empty((self.channels, height, width), np.int32)
        for start, rows in _bands(z.shape[1], z.shape[2]):
            above, below = start > 0, start + rows < z.shape[1]
            part = z[:, start - above : start + rows + below]
            top, bottom = int(not above), int(not below)
            if self.elsewhere is not None:
                band = np.ascontiguousarray(self.elsewhere(part)[:, above : above + rows])
            else:
                band = self._in_int32(part, top, bottom) if device is None else self._in_float64(part, top, bottom, torch.device(device))
            shuffled = (
                band.reshape(-1, SHUFFLE, SHUFFLE, rows, z.shape[2]).transpose(0, 3, 1, 4, 2).reshape(self.channels, SHUFFLE * rows, -1)
            )
            target = index[:, SHUFFLE * start : SHUFFLE * (start + rows)]
            target[:] = shuffled[:, : target.shape[1], :width]
        return index

    def sigma_index_of(
        self, z: NDArray[np.int8], window: tuple[slice, slice], device: torch.device | str | None = None
    ) -> NDArray[np.int32]:
        """The sigma index of a window of the latent, which begins at whole hyper-latents, from z of the picture.

        It costs what a picture of the window's size and one hyper-latent more around it does. Raises ValueError as `sigma_index`."""
        near, inside = [], []
        for part, length in zip(window, z.shape[1:], strict=True):
            start, stop = part.start // SHUFFLE, -(-part.stop // SHUFFLE)
            near.append(slice(max(start - 1, 0), min(stop + 1, length)))
            first = part.start - SHUFFLE * near[-1].start
            inside.append(slice(first, first + part.stop - part.start))
        around = z[:, *near]
        index = self.sigma_index(around, SHUFFLE * around.shape[1], SHUFFLE * around.shape[2], device)
        return index[:, *inside]

    def tensors(self) -> dict[str, Tensor]:
        """The integers by the names first.weight, first.bias, first.shift, second.weight, ...: what a file of weights keeps."""
        return {
            f"{layer}.{part}": torch.from_numpy(getattr(getattr(self, layer), part))
            for layer in LAYERS
            for part in ("weight", "bias", "shift")
        }

    @staticmethod
    def from_tensors(tensors: Mapping[str, Tensor]) -> IntegerHyperScale:
        """The reverse of `tensors`. Raises KeyError for a missing name, ValueError as the records do."""
        convs = [IntegerConv(*[tensors[f"{layer}.{part}"].numpy() for part in ("weight", "bias", "shift")]) for layer in LAYERS]
        return IntegerHyperScale(*convs)

    def _in_int32(self, z: NDArray[np.int8], top: int, bottom: int) -> NDArray[np.int32]:
        hidden = np.clip(self.first.in_int32(z), 0, HIGHEST_INPUT).astype(np.int8)
        hidden = np.pad(hidden, ((0, 0), (top, bottom), (1, 1)))
        hidden = np.clip(self.second.in_int32(hidden), 0, HIGHEST_INPUT).astype(np.int8)
        return np.minimum(np.abs(self.third.in_int32(hidden).astype(np.int64)), LARGEST_INDEX).astype(np.int32)

    def _in_float64(self, z: NDArray[np.int8], top: int, bottom: int, device: torch.device) -> NDArray[np.int32]:
        x = torch.from_numpy(np.ascontiguousarray(z)).to(device, torch.float64)
        hidden: Tensor = self.first.in_float64(x).clamp(0, HIGHEST_INPUT)
        hidden = torch.nn.functional.pad(hidden, (1, 1, top, bottom))
        hidden = self.second.in_float64(hidden).clamp(0, HIGHEST_INPUT)
        index = self.third.in_float64(hidden).abs().clamp(max=LARGEST_INDEX)
        return index.to(torch.int32).cpu().numpy()


def _bands(height: int, width: int) -> Iterator[tuple[int, int]]:
    """First row and number of rows of each band."""
    rows = max(1, BAND // width)
    for start in range(0, height, rows):
        yield start, min(rows, height - start)
