"""Linear light to PQ and back: SMPTE ST 2084 as in ITU-R BT.2100, and RGB of other primaries to those of BT.2020.

How a picture of linear light becomes the 10-bit picture that codecs and metrics see, in float64 and in this order:

1. Samples below zero, which noise and filters leave in such files, become zero.
2. RGB of the file's primaries becomes RGB of BT.2020, by way of CIE XYZ; another white than D65 is adapted to it (Bradford).
3. Times the file's scale in cd/m2. A file without one has its 1.0 at 203 cd/m2, the HDR reference white of ITU-R BT.2408.
4. Clipped to 0..10000 cd/m2, then the inverse EOTF of PQ for R, G and B each.
5. Rounded to 10 bits, full range: code = round(1023 E').

There is no tone mapping, no exposure, no display: what is brighter than 10000 cd/m2 is lost, and its share is said.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]

BITS = 10
TOP = 2**BITS - 1
PEAK_CD_M2 = 10000.0
"""What PQ code 1.0 stands for."""
REFERENCE_WHITE_CD_M2 = 203.0
"""HDR reference white, ITU-R BT.2408-7 section 2.1 (58 % of PQ)."""
CONVERSION = "pq10-bt2020-1"
"""Names what `linear_to_pq` does; a change of its digits changes the number."""

M1, M2 = 2610 / 16384, 2523 / 4096 * 128
C1, C2, C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32

ROWS_AT_A_TIME = 256

Chromaticities = tuple[float, float, float, float, float, float, float, float]
"""x and y of red, green, blue and white, CIE 1931."""

PRIMARIES: dict[str, Chromaticities] = {
    "bt709": (0.640, 0.330, 0.300, 0.600, 0.150, 0.060, 0.3127, 0.3290),
    "p3-d65": (0.680, 0.320, 0.265, 0.690, 0.150, 0.060, 0.3127, 0.3290),
    "bt2020": (0.708, 0.292, 0.170, 0.797, 0.131, 0.046, 0.3127, 0.3290),
}
"""Those that an entry of datasets.yaml may name."""
D65 = 0.3127, 0.3290

BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])


@dataclass(frozen=True)
class Linear:
    """A picture of linear light as a file holds it."""

    samples: NDArray[np.float32]
    """RGB (height, width, 3), finite."""
    cd_m2_per_unit: float | None
    """What the file says that 1.0 is, None where it says nothing."""
    primaries: Chromaticities | None
    """What the file says, None where it says nothing."""


def pq_to_light(signal: NDArray[np.float64]) -> Samples:
    """EOTF of PQ, ITU-R BT.2100 table 4: signal 0..1 to cd/m2, of any shape."""
    power = np.maximum(signal, 0.0) ** (1 / M2)
    return PEAK_CD_M2 * (np.maximum(power - C1, 0.0) / (C2 - C3 * power)) ** (1 / M1)


def light_to_pq(light: NDArray[np.float64]) -> Samples:
    """Inverse EOTF of PQ, ITU-R BT.2100 table 4: cd/m2, clipped to 0..10000, to a signal of 0..1."""
    power = (np.clip(light, 0.0, PEAK_CD_M2) / PEAK_CD_M2) ** M1
    return ((C1 + C2 * power) / (1 + C3 * power)) ** M2


@lru_cache
def light_of_codes(peak: int) -> Samples:
    """cd/m2 of every full-range PQ code 0..peak."""
    light = pq_to_light(np.arange(peak + 1) / peak)
    light.flags.writeable = False
    return light


def to_bt2020(primaries: Chromaticities) -> NDArray[np.float64]:
    """(3, 3) matrix from linear RGB of these primaries to linear RGB of BT.2020; white stays white.

    For BT.709 that of ITU-R BT.2087-0. Raises ValueError for primaries that do not span a plane."""
    to_xyz, from_xyz = _rgb_to_xyz(primaries), np.linalg.inv(_rgb_to_xyz(PRIMARIES["bt2020"]))
    return np.asarray(from_xyz @ _adaptation((primaries[6], primaries[7])) @ to_xyz)


def _rgb_to_xyz(primaries: Chromaticities) -> NDArray[np.float64]:
    """Normalised primary matrix of SMPTE RP 177."""
    points = np.array(primaries).reshape(4, 2)
    if not np.isfinite(points).all() or (points[:, 1] == 0).any() or points[3, 1] < 0:
        raise ValueError(f"chromaticities {', '.join(f'{value:g}' for value in primaries)} are none of real primaries")
    columns = np.stack([_xyz_of(x, y) for x, y in points[:3]], axis=1)
    if abs(np.linalg.det(columns)) < 1e-6:
        raise ValueError(f"chromaticities {', '.join(f'{value:g}' for value in primaries)} lie on a line")
    return np.asarray(columns * np.linalg.solve(columns, _xyz_of(*points[3])))


def _xyz_of(x: float, y: float) -> NDArray[np.float64]:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _adaptation(white: tuple[float, float]) -> NDArray[np.float64]:
    """(3, 3) Bradford adaptation of CIE XYZ from `white` to D65."""
    if white == D65:
        return np.eye(3)
    gains = (BRADFORD @ _xyz_of(*D65)) / (BRADFORD @ _xyz_of(*white))
    return np.asarray(np.linalg.solve(BRADFORD, gains[:, None] * BRADFORD))


def linear_to_pq(samples: NDArray[np.float32], primaries: Chromaticities, cd_m2_per_unit: float) -> tuple[NDArray[np.uint16], float]:
    """RGB (height, width, 3) of linear light to PQ BT.2020 codes of 10 bits, and the share of samples clipped at 10000 cd/m2.

    The codes fill 16 bits, round(code x 65535 / 1023), as all arrays of deep pictures do. See the module for the steps."""
    matrix = to_bt2020(primaries) * cd_m2_per_unit
    codes = np.empty(samples.shape, np.uint16)
    clipped = 0
    for top in range(0, len(samples), ROWS_AT_A_TIME):
        light = np.maximum(samples[top : top + ROWS_AT_A_TIME].astype(np.float64), 0.0) @ matrix.T
        clipped += int((light > PEAK_CD_M2).sum())
        codes[top : top + ROWS_AT_A_TIME] = on_pq_grid(light_to_pq(light))
    return codes, clipped / samples.size


def on_pq_grid(signal: NDArray[np.float64]) -> NDArray[np.uint16]:
    """A PQ signal of 0..1 rounded to the codes of 10 bits, which fill 16."""
    return np.rint(np.rint(signal * TOP) * (65535 / TOP)).astype(np.uint16)
