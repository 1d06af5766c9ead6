"""What metrics see of a picture, in float32 with every rounding in its place: nothing fuses here."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ctc.kernels.compiled import compiled

Units = NDArray[np.float32]

SIGNATURES = tuple(f"void({sample}[:, :, ::1], float32[::1], float32[::1], float32, uint16[:, :, :])" for sample in ("uint8", "uint16"))


@compiled(*SIGNATURES, fused=False)
def luma_and_chroma(rgb: NDArray[Any], units: Units, constants: Units, top: float, codes: NDArray[np.uint16]) -> None:
    """Y' alone, or Y', Cb and Cr, of `rgb` (height, width, 3) into `codes` (1 or 3, height, width).

    `units` has the value in 0..1 of every sample code, `constants` the weights of R, G and B and the spans of Cb and Cr, `top` the
    largest code of the result.
    """
    red, green, blue, cb_span, cr_span = constants
    zero, one, half = np.float32(0.0), np.float32(1.0), np.float32(0.5)
    for i in range(rgb.shape[0]):
        for j in range(rgb.shape[1]):
            r, g, b = units[rgb[i, j, 0]], units[rgb[i, j, 1]], units[rgb[i, j, 2]]
            y = red * r + green * g + blue * b
            codes[0, i, j] = np.uint16(np.rint(min(max(y, zero), one) * top))
            if codes.shape[0] == 3:
                u, v = (b - y) / cb_span + half, (r - y) / cr_span + half
                codes[1, i, j] = np.uint16(np.rint(min(max(u, zero), one) * top))
                codes[2, i, j] = np.uint16(np.rint(min(max(v, zero), one) * top))


@compiled(*(f"void({sample}[:, :, ::1], uint16[::1], uint16[:, :, :])" for sample in ("uint8", "uint16")))
def on_grid(rgb: NDArray[Any], grid: NDArray[np.uint16], codes: NDArray[np.uint16]) -> None:
    """`rgb` (height, width, 3) into `codes` (3, height, width); `grid` has the code of every sample value."""
    for i in range(rgb.shape[0]):
        for j in range(rgb.shape[1]):
            codes[0, i, j] = grid[rgb[i, j, 0]]
            codes[1, i, j] = grid[rgb[i, j, 1]]
            codes[2, i, j] = grid[rgb[i, j, 2]]


@compiled("void(uint8[:, :, ::1], uint16[:, :, :])")
def anchor_forward(rgb: NDArray[np.uint8], codes: NDArray[np.uint16]) -> None:
    """8-bit RGB (height, width, 3) to 10-bit Y', Cb, Cr (3, height, width) in libswscale's integers; see `pixels.ANCHOR`."""
    for i in range(rgb.shape[0]):
        for j in range(rgb.shape[1]):
            r, g, b = int(rgb[i, j, 0]), int(rgb[i, j, 1]), int(rgb[i, j, 2])
            y = (5983 * r + 20127 * g + 2032 * b + 2**19 + 2**8) >> 9
            u = (-3298 * r - 11094 * g + 14392 * b + 2**22 + 2**8) >> 9
            v = (14392 * r - 13073 * g - 1320 * b + 2**22 + 2**8) >> 9
            y = (min(2 * y, 30189) * 19077 - 39057361) >> 14
            u = (min(2 * u, 30775) * 4663 - 9289992) >> 12
            v = (min(2 * v, 30775) * 4663 - 9289992) >> 12
            codes[0, i, j] = np.uint16(min(max((y + 16) >> 5, 0), 1023))
            codes[1, i, j] = np.uint16(min(max((u + 16) >> 5, 0), 1023))
            codes[2, i, j] = np.uint16(min(max((v + 16) >> 5, 0), 1023))


@compiled("void(uint16[:, :, :], uint8[:, :, ::1])")
def anchor_inverse(codes: NDArray[np.uint16], rgb: NDArray[np.uint8]) -> None:
    """The inverse of `anchor_forward`, of 10-bit codes."""
    for i in range(rgb.shape[0]):
        for j in range(rgb.shape[1]):
            y = int(codes[0, i, j]) * 128 * 8192 + 2**21
            u, v = int(codes[1, i, j]) * 128 - 65536, int(codes[2, i, j]) * 128 - 65536
            rgb[i, j, 0] = np.uint8(min(max(y + 12901 * v, 0), 2**30 - 1) >> 22)
            rgb[i, j, 1] = np.uint8(min(max(y - 3835 * v - 1534 * u, 0), 2**30 - 1) >> 22)
            rgb[i, j, 2] = np.uint8(min(max(y + 15201 * u, 0), 2**30 - 1) >> 22)
