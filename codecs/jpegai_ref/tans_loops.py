"""The inner loops of the tANS coder, compiled. One call codes what one thread of the stream holds.

The symbols of a stream come in calls (a channel, a few channels); thread t of n has the symbols t, t + n, ... of each call. A lone thread
alternates between two states by the parity of a symbol in its call, each of several threads has one state. Four symbols form a group: the
bits of their four steps come first, then those of their escapes. Encoding runs backwards, so that the decoder starts at the last bit.

All loops that call each other are in this file, because the cache of machine code looks at the file of a function only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
import numpy as np
from numpy.typing import NDArray

Function = TypeVar("Function", bound=Callable[..., Any])

DECODED, EXHAUSTED, OUT_OF_RANGE, UNFINISHED = range(4)
"""What `decode_thread` returns: all well; more bits needed than there are; an escape that is no such symbol; bits left at the end."""

RESIDUAL, HYPER = 0, 1
"""Which symbols: residuals, int16, at the positions 0, -1, +1, -2, ...; or hyper-latents, 0..62, each at its own position."""

ESCAPED = 1 << 12
"""The bit of a decoding entry that `tans_tables` sets for the escape."""


def compiled(signature: str) -> Callable[[Function], Function]:
    """Compiles when the module is imported, or loads the machine code of an earlier process. Without the interpreter's lock."""

    def decorate(function: Function) -> Function:
        try:
            return cast(Function, numba.njit(signature, cache=True, nogil=True)(function))
        except RuntimeError:  # no folder where machine code can be kept
            return cast(Function, numba.njit(signature, nogil=True)(function))

    return decorate


@compiled("int64(uint32[:, ::1], uint8[::1], int64[::1], int64, int64, uint32[::1], int64, int64, int64, int64[::1], int16[::1])")
def decode_thread(
    decoding: NDArray[np.uint32],
    rows: NDArray[np.uint8],
    ends: NDArray[np.int64],
    thread: int,
    threads: int,
    words: NDArray[np.uint32],
    size: int,
    kind: int,
    stop: int,
    left: NDArray[np.int64],
    symbols: NDArray[np.int16],
) -> int:
    """Fills `symbols[thread::threads]` of each call from a stream of `size` bits; returns one of the statuses above.

    rows  distribution of each symbol; ends  end of each call in `rows`; words  the stream, its first bit the lowest of `words[0]`
    stop  so many symbols are asked for; where that is not all, those behind them may be left as they are, and the end is not looked at
    left  is given the bits that are not yet read after each call that was come to
    """
    word = (size + 31) >> 5
    have = np.int64(size - 32 * (word - 1) if word > 0 else 0)
    acc = np.uint64(0)
    if word > 0:
        word -= 1
        acc = np.uint64(words[word])
    if have < 32 and word > 0:
        word -= 1
        acc = (acc << np.uint64(32)) | np.uint64(words[word])
        have += 32
    pair = threads == 1
    if have < (16 if pair else 8):
        return EXHAUSTED
    have -= 8
    one = np.int64(acc >> np.uint64(have)) & 255
    two = np.int64(0)
    if pair:
        have -= 8
        two = np.int64(acc >> np.uint64(have)) & 255
    group = np.empty(4, np.int64)
    begin = np.int64(0)
    for call in range(len(ends)):
        end = ends[call]
        at = begin + thread
        swapped = False
        # A group is decoded whole, because its escapes stand behind its last step.
        limit = min(end, stop)
        while at < limit:
            if have < 32 and word > 0:
                word -= 1
                acc = (acc << np.uint64(32)) | np.uint64(words[word])
                have += 32
            escaped = np.int64(0)
            count = 0
            place = at
            while count < 4 and place < end:
                entry = np.int64(decoding[rows[place], one])
                have -= (entry >> 8) & 15
                read = np.int64(acc >> np.uint64(have & 63)) & ((np.int64(1) << ((entry >> 8) & 15)) - 1)
                state = (entry & 255) | read
                if pair:
                    one = two
                    two = state
                    swapped = not swapped
                else:
                    one = state
                escaped |= entry
                position = entry >> 16
                symbols[place] = position if kind == HYPER else (position >> 1 if position & 1 == 0 else -((position + 1) >> 1))
                group[count] = entry
                count += 1
                place += threads
            if have < 0:
                return EXHAUSTED
            if escaped & ESCAPED:
                for k in range(count):
                    if group[k] & ESCAPED == 0:
                        continue
                    if have < 32 and word > 0:
                        word -= 1
                        acc = (acc << np.uint64(32)) | np.uint64(words[word])
                        have += 32
                    length = np.int64(6)
                    if kind == RESIDUAL:
                        have -= 1
                        length = np.int64(3) if (acc >> np.uint64(have & 63)) & np.uint64(1) else np.int64(16)
                    have -= length
                    if have < 0:
                        return EXHAUSTED
                    code = np.int64(acc >> np.uint64(have & 63)) & ((np.int64(1) << length) - 1)
                    if kind == RESIDUAL:
                        magnitude = (code >> 1) + (group[k] >> 17) + 1
                        code = -magnitude if code & 1 else magnitude
                        if code < -32768 or code > 32767:
                            return OUT_OF_RANGE
                    elif code > 62:
                        return OUT_OF_RANGE
                    symbols[at + k * threads] = code
            at = place
        if swapped:
            one, two = two, one
        left[call] = have + 32 * word
        if stop <= end and stop < ends[-1]:
            return DECODED
        begin = end
    if have != 0 or word != 0 or one != 0 or two != 0:
        return UNFINISHED
    return DECODED


@compiled(
    "int64(int16[:, ::1], uint8[:, ::1], int32[::1], uint8[::1], int64[::1], int64, int64, int64, int16[::1], uint8[::1])",
)
def encode_thread(
    starts: NDArray[np.int16],
    states: NDArray[np.uint8],
    escapes: NDArray[np.int32],
    rows: NDArray[np.uint8],
    ends: NDArray[np.int64],
    thread: int,
    threads: int,
    kind: int,
    symbols: NDArray[np.int16],
    stream: NDArray[np.uint8],
) -> int:
    """Writes `symbols[thread::threads]` of each call into `stream` (large enough: 25 bits a symbol and 4 bytes), returns the bytes used."""
    pair = threads == 1
    one = np.int64(0)
    two = np.int64(0)
    acc = np.uint64(0)
    have = np.int64(0)
    used = 0
    for call in range(len(ends) - 1, -1, -1):
        begin = ends[call - 1] if call > 0 else np.int64(0)
        total = (ends[call] - begin - thread + threads - 1) // threads
        first = (total - 1) // 4 * 4
        while first >= 0 and total > 0:
            last = min(first + 4, total) - 1
            for phase in range(2):
                for k in range(last, first - 1, -1):
                    place = begin + thread + k * threads
                    row = rows[place]
                    value = np.int64(symbols[place])
                    position = value
                    if kind == RESIDUAL:
                        position = 2 * value if value >= 0 else -2 * value - 1
                    beyond = position >= escapes[row] if kind == RESIDUAL else starts[row, position + 1] == starts[row, position]
                    if phase == 0:
                        if not beyond:
                            continue
                        if kind == RESIDUAL:
                            code = abs(value) - ((escapes[row] + 1) >> 1)
                            short = code < 4
                            length = np.int64(3) if short else np.int64(16)
                            code = (code << 1) | (1 if value < 0 else 0) | ((1 << length) if short else 0)
                            length += 1
                        else:
                            code = value
                            length = np.int64(6)
                    else:
                        if beyond:
                            position = np.int64(escapes[row])
                        start = np.int64(starts[row, position])
                        mass = np.int64(starts[row, position + 1]) - start
                        odd = pair and k & 1 == 1
                        x = 256 + (two if odd else one)
                        length = np.int64(0)
                        while x >> length >= 2 * mass:
                            length += 1
                        code = x & ((np.int64(1) << length) - 1)
                        state = np.int64(states[row, start + (x >> length) - mass])
                        if odd:
                            two = state
                        else:
                            one = state
                    acc |= np.uint64(code) << np.uint64(have)
                    have += length
                    while have >= 8:
                        stream[used] = np.uint8(acc & np.uint64(255))
                        used += 1
                        acc >>= np.uint64(8)
                        have -= 8
            first -= 4
    acc |= np.uint64(1 << 8 | one if not pair else 1 << 16 | one << 8 | two) << np.uint64(have)
    have += 17 if pair else 9
    while have > 0:
        stream[used] = np.uint8(acc & np.uint64(255))
        used += 1
        acc >>= np.uint64(8)
        have -= 8
    return used


@compiled("uint8[::1](boolean[::1], uint8[::1])")
def gathered(chosen: NDArray[np.bool_], values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """`values[chosen]`, without a branch."""
    found = np.empty(len(values) + 1, np.uint8)
    count = np.int64(0)
    for place in range(len(values)):
        found[count] = values[place]
        count += np.int64(chosen[place])
    return found[:count].copy()


@compiled("int16[::1](boolean[::1], int16[::1])")
def scattered(chosen: NDArray[np.bool_], values: NDArray[np.int16]) -> NDArray[np.int16]:
    """The array that has `values` where it is chosen, in their order, and 0 elsewhere. There is a value for every chosen place."""
    spread = np.zeros(len(chosen), np.int16)
    count = 0
    for place in range(len(chosen)):
        if chosen[place]:
            spread[place] = values[count]
            count += 1
    return spread
