"""Bits in, bits out: the most significant bit first, with the variable-length codes ue and se.

ue(v): k zeros, a one, k more bits; v = 2^k + those - 1. se(x): ue of 2|x| for x <= 0 and of 2x - 1 for x > 0.
"""

from __future__ import annotations

import numpy as np

from jpegai_ref.errors import BitstreamError, CutShort

LONGEST_PREFIX = 31
"""Most zeros ahead of a ue code: its value is below 2^32."""


class BitWriter:
    """Collects bits; `aligned()` gives the bytes, filled up with zero bits."""

    def __init__(self) -> None:
        self._bits: list[str] = []

    def u(self, value: int, count: int) -> None:
        """`value` in `count` bits. Raises ValueError where it does not fit."""
        if not 0 <= value < 1 << count:
            raise ValueError(f"{value} does not fit in {count} bits")
        if count:
            self._bits.append(f"{value:0{count}b}")

    def flag(self, value: bool) -> None:
        self.u(int(value), 1)

    def ue(self, value: int) -> None:
        """Raises ValueError outside of 0..2^32 - 2."""
        prefix = (value + 1).bit_length() - 1
        if value < 0 or prefix > LONGEST_PREFIX:
            raise ValueError(f"{value} has no code: 0..2^32 - 2")
        self.u(0, prefix)
        self.u(value + 1, prefix + 1)

    def se(self, value: int) -> None:
        self.ue(2 * abs(value) - (value > 0))

    def aligned(self) -> bytes:
        bits = "".join(self._bits)
        size = -(-len(bits) // 8)
        return int(bits.ljust(8 * size, "0") or "0", 2).to_bytes(size, "big")


class BitReader:
    """Takes bits from the front of `data`. Every method raises CutShort where the data end too early."""

    def __init__(self, data: bytes | memoryview) -> None:
        self._data = memoryview(data)
        self._at = 0

    @property
    def left(self) -> int:
        """Bits not yet read."""
        return 8 * len(self._data) - self._at

    def u(self, count: int) -> int:
        """An unsigned number of `count` bits."""
        if count > self.left:
            raise CutShort("the data end inside a field")
        end = self._at + count
        last = -(-end // 8)
        value = int.from_bytes(self._data[self._at // 8 : last], "big") >> (8 * last - end) & ((1 << count) - 1)
        self._at = end
        return value

    def flag(self) -> bool:
        return self.u(1) == 1

    def numbers(self, count: int, width: int) -> list[int]:
        """`count` unsigned numbers of `width` bits each, 0 to 32; faster than one after the other."""
        if count * width > self.left:
            raise CutShort("the data end inside a field")
        first, self._at = self._at, self._at + count * width
        octets = np.frombuffer(self._data[first // 8 : -(-self._at // 8)], np.uint8)
        bits = np.unpackbits(octets)[first % 8 :][: count * width].reshape(count, width)
        return (bits @ (1 << np.arange(width, dtype=np.int64)[::-1])).tolist()

    def ue(self) -> int:
        """A value of 0..2^32 - 2. Also raises BitstreamError where the code is longer."""
        prefix = 0
        while not self.flag():
            prefix += 1
            if prefix > LONGEST_PREFIX:
                raise BitstreamError(f"a variable-length code has more than {LONGEST_PREFIX} leading zeros")
        return (1 << prefix) - 1 + self.u(prefix)

    def se(self) -> int:
        code = self.ue()
        return (code + 1) // 2 if code & 1 else -(code // 2)

    def align(self) -> None:
        """Goes to the next byte. Raises BitstreamError where the bits in between are not zero."""
        if self.u(-self._at % 8):
            raise BitstreamError("bits that fill up a byte are not zero")

    def rest(self) -> memoryview:
        """The bytes from the next whole byte to the end."""
        self.align()
        start = self._at // 8
        self._at = 8 * len(self._data)
        return self._data[start:]

    def finish(self) -> None:
        """Raises BitstreamError where anything but the filling of the last byte is left."""
        self.align()
        if self.left:
            raise BitstreamError(f"{self.left // 8} bytes are left over behind the last field")
