"""Inner loops over integers, compiled: the convolution, the choice of a distribution, the prediction of a quality map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from jpegai_ref.tans_loops import compiled


@compiled("void(int32[:, ::1], int32[:, :, ::1], int32[::1], int8[::1], int64, int32[:, ::1])")
def convolve_rows(
    flat: NDArray[np.int32],
    taps: NDArray[np.int32],
    bias: NDArray[np.int32],
    shift: NDArray[np.int8],
    width: int,
    sums: NDArray[np.int32],
) -> None:
    """Adds up taps (k * k, Cout, Cin) over flat rows (Cin, H * width) into sums (Cout, (H - k + 1) * width); the last k - 1 of a row are no
    sums of the picture."""
    side = int(np.sqrt(len(taps)))
    reach = sums.shape[1] - (side - 1)
    for output in range(len(sums)):
        line = sums[output]
        line[:] = bias[output]
        for index in range(len(taps)):
            start = index // side * width + index % side
            for channel in range(flat.shape[0]):
                tap = taps[index, output, channel]
                if tap == 0:
                    continue
                source = flat[channel, start : start + reach]
                for place in range(reach):
                    line[place] = np.int32(line[place] + np.int32(tap * source[place]))
        amount = np.int32(shift[output])
        for place in range(len(line)):
            line[place] = line[place] >> amount


@compiled("void(int32[::1], uint8[::1])")
def nearest_levels(scale: NDArray[np.int32], levels: NDArray[np.uint8]) -> None:
    """clamp((scale + 64) >> 7, 0, 31), in one pass over memory."""
    for place in range(len(scale)):
        levels[place] = min(max((scale[place] + 64) >> 7, 0), 31)


@compiled("void(int32[:, :, ::1], int32[:, :, ::1], uint8[:, :, ::1])")
def nearest_levels_of_blocks(scale: NDArray[np.int32], additions: NDArray[np.int32], levels: NDArray[np.uint8]) -> None:
    """The same of scale (C, h, w) plus what is added in blocks of 8x8, (C, ceil(h/8), ceil(w/8))."""
    for channel in range(scale.shape[0]):
        for row in range(scale.shape[1]):
            for column in range(scale.shape[2]):
                whole = scale[channel, row, column] + additions[channel, row >> 3, column >> 3]
                levels[channel, row, column] = min(max((whole + 64) >> 7, 0), 31)


@compiled("void(int32[:, :, ::1], int64, int32[:, :, ::1])")
def block_sums(scale: NDArray[np.int32], outside: int, sums: NDArray[np.int32]) -> None:
    """Sums (C, ceil(h/8), ceil(w/8)) of scale (C, h, w) over blocks of 8x8; a position beyond the edge counts `outside`."""
    height, width = scale.shape[1:]
    for channel in range(scale.shape[0]):
        for row in range(sums.shape[1]):
            rows = min(8, height - 8 * row)
            for column in range(sums.shape[2]):
                columns = min(8, width - 8 * column)
                total = (64 - rows * columns) * outside
                for inner in range(8 * row, 8 * row + rows):
                    for place in range(8 * column, 8 * column + columns):
                        total += scale[channel, inner, place]
                sums[channel, row, column] = total


@compiled("boolean(int16[:, ::1], int64, int8[:, ::1])")
def add_predictions(differences: NDArray[np.int16], largest: int, values: NDArray[np.int8]) -> bool:
    """Values (h, w) from their differences to what the left and the upper one predict; False where one is beyond +-largest."""
    for row in range(differences.shape[0]):
        for column in range(differences.shape[1]):
            left = values[row, column - 1] if column else 0
            upper = values[row - 1, column] if row else 0
            value = differences[row, column] + ((left + upper) >> 1 if row and column else left + upper)
            if abs(value) > largest:
                return False
            values[row, column] = value
    return True
