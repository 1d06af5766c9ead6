"""The only colour and bit-depth code: RGB to Y'CbCr and back, chroma resampling, what codecs eat, what metrics see.

Arrays of pictures are RGB, shape (height, width, 3), uint8 or uint16 (all 16 bits used). Planar arrays are (3, height, width).
All Y'CbCr is full range: BT.709 of SDR pictures, BT.2020 with non-constant luminance of PQ pictures (ITU-R BT.2100). Three conversions,
each named in the provenance of what was made with it:

* `ANCHOR`: 8-bit RGB <-> 10-bit 4:4:4 in the integer arithmetic of libswscale up to ffmpeg 7.0, with which the published VVC anchor of
  JPEG AI was made (white becomes 1020). It is lossless in 8-bit RGB, and undone only by its own inverse.
* `ROUNDED`: the equations of ITU-T H.273, rounded to nearest (ties to even), for all other bit depths. Never mixed with the first.
* `metric_codes`: what the JPEG AI quality framework does before it computes metrics, in float32 as it does.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ctc.errors import ToolFailed
from ctc.records import PixelFormat, Transfer

Rgb = NDArray[Any]
"""uint8 or uint16, shape (height, width, 3)."""
Planes = NDArray[np.uint16]

ANCHOR = "bt709-full-int10"
ROUNDED = "bt709-full-rounded"

METRIC_PREPARATION = "bt709-full-float32-1"
"""Names what `metric_codes` does of SDR pictures; a change of its digits changes the number."""


@dataclass(frozen=True)
class Matrix:
    """The equations of non-constant luminance of ITU-T H.273."""

    name: str
    kr: float
    kg: float
    kb: float
    cb_span: float
    cr_span: float


MATRIX: dict[Transfer, Matrix] = {
    "sdr": Matrix("bt709", 0.2126, 0.7152, 0.0722, 1.8556, 1.5748),
    "pq": Matrix("bt2020", 0.2627, 0.6780, 0.0593, 1.8814, 1.4746),
}
WRITABLE: tuple[Literal["C"], Literal["W"]] = ("C", "W")
"""What compiled loops take: rows one after the other, and arrays that they could write to, though they do not."""

ROWS_OF_A_BAND = 128
"""Rows that a thread converts at once for the metrics."""

ROWS_AT_A_TIME = 512
"""Conversions run over bands of rows, so that their 64-bit intermediates stay small beside a 50-megapixel picture."""


def peak(array: Rgb) -> int:
    """Largest sample code of an RGB array: 255 or 65535."""
    return int(np.iinfo(array.dtype).max)


def sample_hash(rgb: Rgb) -> str:
    """sha256 of a picture's samples: size, bit depth, then R, G, B interleaved by row, 16-bit samples little-endian."""
    height, width, _ = rgb.shape
    content = hashlib.sha256(f"RGB {width}x{height} {rgb.dtype.itemsize * 8} bit\n".encode())
    content.update(np.ascontiguousarray(rgb, dtype=rgb.dtype.newbyteorder("<")).data)
    return content.hexdigest()


def to_depth(rgb: Rgb, bits: Literal[8, 16]) -> Rgb:
    """RGB at 8 or 16 bits, rounded to nearest; 8 to 16 bits and back is lossless (x 257)."""
    if rgb.dtype.itemsize * 8 == bits:
        return rgb
    if bits == 16:
        return rgb.astype(np.uint16) * np.uint16(257)
    return ((rgb.astype(np.uint32) + 128) // 257).astype(np.uint8)


# Y'CbCr -----------------------------------------------------------------------------------------------------------------------------


def preparation(transfer: Transfer) -> str:
    """Names what `metric_codes` does."""
    return METRIC_PREPARATION.replace(MATRIX["sdr"].name, MATRIX[transfer].name)


def conversion_name(pixels: PixelFormat, source_bits: int, transfer: Transfer = "sdr") -> str:
    """Name of the conversion that leads from a source of `source_bits` to `pixels`, for keys and provenance."""
    if pixels.container == "ppm":
        return "rgb" if pixels.bit_depth == 8 else f"rgb{pixels.bit_depth}-rounded"
    ycc = ANCHOR if (source_bits, pixels.bit_depth) == (8, 10) else ROUNDED.replace(MATRIX["sdr"].name, MATRIX[transfer].name)
    return ycc if pixels.chroma == "444" else f"{ycc}+420-centre"


def rgb_to_ycc(rgb: Rgb, bits: int, transfer: Transfer = "sdr") -> Planes:
    """(height, width, 3) RGB to (3, height, width) 4:4:4 codes of `bits` bits; ANCHOR for 8 to 10 bits, else ROUNDED."""
    height, width, _ = rgb.shape
    planes = np.empty((3, height, width), np.uint16)
    if rgb.dtype == np.uint8 and bits == 10:
        from ctc.kernels.colour import anchor_forward

        anchor_forward(np.require(rgb, requirements=WRITABLE), planes)
        return planes
    for top in range(0, height, ROWS_AT_A_TIME):
        rows = slice(top, top + ROWS_AT_A_TIME)
        planes[:, rows] = _rounded_forward(rgb[rows], bits, MATRIX[transfer])
    return planes


def ycc_to_rgb(planes: Planes, bits: int, rgb_bits: Literal[8, 16], transfer: Transfer = "sdr") -> Rgb:
    """Inverse of `rgb_to_ycc`: (3, height, width) codes of `bits` bits to (height, width, 3) RGB of 8 or 16 bits."""
    _, height, width = planes.shape
    rgb = np.empty((height, width, 3), np.uint8 if rgb_bits == 8 else np.uint16)
    if rgb_bits == 8 and bits == 10:
        from ctc.kernels.colour import anchor_inverse

        anchor_inverse(np.require(planes, requirements="W"), rgb)
        return rgb
    for top in range(0, height, ROWS_AT_A_TIME):
        rows = slice(top, top + ROWS_AT_A_TIME)
        rgb[rows] = _rounded_inverse(planes[:, rows], bits, rgb_bits, MATRIX[transfer])
    return rgb


def _rounded_forward(rgb: Rgb, bits: int, matrix: Matrix) -> NDArray[np.float64]:
    r, g, b = (rgb[..., channel] / peak(rgb) for channel in range(3))
    y = matrix.kr * r + matrix.kg * g + matrix.kb * b
    top, neutral = 2**bits - 1, 2 ** (bits - 1)
    u, v = ((colour - y) / span * top + neutral for colour, span in ((b, matrix.cb_span), (r, matrix.cr_span)))
    return np.clip(np.rint(np.stack((y * top, u, v))), 0, top)


def _rounded_inverse(planes: Planes, bits: int, rgb_bits: int, matrix: Matrix) -> NDArray[np.float64]:
    top, neutral = 2**bits - 1, 2 ** (bits - 1)
    y = planes[0] / top
    u, v = ((planes[plane].astype(np.float64) - neutral) / top for plane in (1, 2))
    r, b = y + matrix.cr_span * v, y + matrix.cb_span * u
    g = (y - matrix.kr * r - matrix.kb * b) / matrix.kg
    largest = 2**rgb_bits - 1
    return np.clip(np.rint(np.stack((r, g, b), axis=-1) * largest), 0, largest)


def halve_chroma(plane: Planes) -> Planes:
    """4:4:4 to 4:2:0 of one plane with even sides: mean of each 2x2 block, chroma sited in its centre, halves rounded up."""
    blocks = plane.astype(np.uint32)
    total = blocks[0::2, 0::2] + blocks[0::2, 1::2] + blocks[1::2, 0::2] + blocks[1::2, 1::2]
    return ((total + 2) >> 2).astype(np.uint16)


def double_chroma(plane: Planes) -> Planes:
    """4:2:0 to 4:4:4 of one plane: the triangle filter (3/4, 1/4) in both directions that matches centre siting, edges repeated."""
    padded = np.pad(plane.astype(np.uint32), 1, mode="edge")
    near, above, below = padded[1:-1], padded[:-2], padded[2:]
    rows = np.empty((2 * plane.shape[0], padded.shape[1]), np.uint32)
    rows[0::2], rows[1::2] = 3 * near + above, 3 * near + below
    near, left, right = rows[:, 1:-1], rows[:, :-2], rows[:, 2:]
    doubled = np.empty((rows.shape[0], 2 * plane.shape[1]), np.uint32)
    doubled[:, 0::2], doubled[:, 1::2] = 3 * near + left, 3 * near + right
    return ((doubled + 8) >> 4).astype(np.uint16)


# Files that codecs read and write ---------------------------------------------------------------------------------------------------


def raw_name(stem: str, width: int, height: int, pixels: PixelFormat, transfer: Transfer = "sdr") -> str:
    """File name of a raw planar picture; it alone carries size, bit depth, chroma format and transfer."""
    return f"{stem}_{width}x{height}_{pixels.bit_depth}bit_{pixels.chroma}{'' if transfer == 'sdr' else f'_{transfer}'}.yuv"


def raw_size(path: Path) -> tuple[int, int]:
    """(width, height) from the name that `raw_name` gave. Raises ValueError for another name."""
    found = re.search(r"_(\d+)x(\d+)_\d+bit_\d+(_pq)?\.yuv$", path.name)
    if found is None:
        raise ValueError(f"{path.name} is not named like a raw picture: STEM_WIDTHxHEIGHT_10bit_444.yuv")
    return int(found[1]), int(found[2])


def raw_transfer(path: Path) -> Transfer:
    """Transfer from the name that `raw_name` gave."""
    return "pq" if path.stem.endswith("_pq") else "sdr"


def coded_size(width: int, height: int, pixels: PixelFormat) -> tuple[int, int]:
    """(width, height) as the codec gets it: at least `minimum_side`, rounded up to `multiple_of`."""
    step = pixels.multiple_of
    coded = (-(-max(side, pixels.minimum_side) // step) * step for side in (width, height))
    return next(coded), next(coded)


def write_source(rgb: Rgb, pixels: PixelFormat, folder: Path, transfer: Transfer = "sdr") -> Path:
    """Writes a picture into `folder` as `pixels` asks; returns the file."""
    height, width, _ = rgb.shape
    coded_width, coded_height = coded_size(width, height, pixels)
    rgb = np.pad(rgb, ((0, coded_height - height), (0, coded_width - width), (0, 0)), mode="edge")
    if pixels.container == "ppm":
        path = folder / "source.ppm"
        write_ppm(path, to_depth(rgb, 8) if pixels.bit_depth == 8 else _codes(rgb, pixels.bit_depth), pixels.bit_depth)
        return path
    planes = rgb_to_ycc(rgb, pixels.bit_depth, transfer)
    chroma = [planes[1], planes[2]] if pixels.chroma == "444" else [halve_chroma(planes[1]), halve_chroma(planes[2])]
    path = folder / raw_name("source", coded_width, coded_height, pixels, transfer)
    with path.open("wb") as file:
        for plane in (planes[0], *chroma):
            file.write(np.ascontiguousarray(plane, dtype="<u2" if pixels.bit_depth > 8 else np.uint8).data)
    return path


def _codes(rgb: Rgb, bits: int) -> NDArray[np.uint16]:
    """Codes of `bits` bits, rounded to nearest."""
    return np.rint(rgb / peak(rgb) * (2**bits - 1)).astype(np.uint16)


def write_ppm(path: Path, codes: NDArray[Any], bits: int) -> None:
    """Writes codes (height, width, 3) of `bits` bits as binary PPM."""
    height, width, _ = codes.shape
    with path.open("wb") as file:
        file.write(f"P6\n{width} {height}\n{2**bits - 1}\n".encode())
        file.write(np.ascontiguousarray(codes, dtype=np.uint8 if bits == 8 else ">u2").data)


def read_decoded(path: Path, pixels: PixelFormat, width: int, height: int, bits: Literal[8, 16], transfer: Transfer = "sdr") -> Rgb:
    """The reconstruction in `path`, cropped to `width` x `height`, as RGB at the source's bit depth.

    Raises ToolFailed when the file does not hold a picture of the expected size."""
    coded_width, coded_height = coded_size(width, height, pixels)
    if pixels.container == "ppm":
        codes = read_ppm(path, coded_width, coded_height, pixels.bit_depth)[:height, :width]
        if pixels.bit_depth == 8:
            return to_depth(np.ascontiguousarray(codes), bits)
        return np.rint(codes / (2**pixels.bit_depth - 1) * (2**bits - 1)).astype(np.uint8 if bits == 8 else np.uint16)
    planes = _read_raw(path, pixels, coded_width, coded_height)
    return np.ascontiguousarray(ycc_to_rgb(planes, pixels.bit_depth, bits, transfer)[:height, :width])


def ppm_size(path: Path) -> tuple[int, int]:
    """(width, height) of a binary PPM. Raises ValueError for another file."""
    with path.open("rb") as file:
        found = re.match(rb"P6\s+(\d+)\s+(\d+)\s", file.read(64))
    if found is None:
        raise ValueError(f"{path.name} is no PPM")
    return int(found[1]), int(found[2])


def read_ppm(path: Path, width: int, height: int, bits: int) -> NDArray[Any]:
    """Codes (height, width, 3) of a binary PPM of `bits` bits. Raises ToolFailed for another file."""
    content = path.read_bytes()
    header = re.match(rb"P6\s+(\d+)\s+(\d+)\s+%d\s" % (2**bits - 1), content)
    found = f"no {bits}-bit PPM" if header is None else f"{int(header[1])}x{int(header[2])} samples"
    size = 3 * width * height * (1 if bits == 8 else 2)
    if header is None or (int(header[1]), int(header[2])) != (width, height) or len(content) != header.end() + size:
        raise ToolFailed(f"the decoder gave {found} in {len(content)} bytes where {width}x{height} RGB was expected")
    return np.frombuffer(content, np.uint8 if bits == 8 else ">u2", offset=header.end()).reshape(height, width, 3)


def _read_raw(path: Path, pixels: PixelFormat, width: int, height: int) -> Planes:
    divisor = 1 if pixels.chroma == "444" else 2
    shapes = [(height, width), *[(height // divisor, width // divisor)] * 2]
    dtype = np.dtype("<u2" if pixels.bit_depth > 8 else np.uint8)
    expected = sum(rows * columns for rows, columns in shapes)
    codes = np.fromfile(path, dtype)
    if codes.size != expected or path.stat().st_size != expected * dtype.itemsize:
        raise ToolFailed(
            f"the decoder gave {path.stat().st_size} bytes where {width}x{height} {pixels.chroma} has {expected * dtype.itemsize}"
        )
    if codes.size and int(codes.max()) >= 2**pixels.bit_depth:
        raise ToolFailed(f"the decoder gave sample codes up to {int(codes.max())}, more than {pixels.bit_depth} bits hold")
    parts = np.split(codes.astype(np.uint16), np.cumsum([rows * columns for rows, columns in shapes])[:-1])
    resample: Callable[[Planes], Planes] = (lambda plane: plane) if divisor == 1 else double_chroma
    luma, *chroma = (part.reshape(shape) for part, shape in zip(parts, shapes, strict=True))
    return np.stack((luma, *(resample(plane) for plane in chroma)))


# What metrics see -------------------------------------------------------------------------------------------------------------------


def metric_codes(rgb: Rgb, wants: Literal["y", "yuv", "rgb"], internal_bits: int = 10, transfer: Transfer = "sdr") -> Planes:
    """Sample codes on the grid of `internal_bits`: (height, width) for "y", (3, height, width) for "yuv" and "rgb".

    JPEG AI quality framework, `DataClass`: RGB / maximum in float32, rounded (half to even) to the grid, BT.709 full-range Y'CbCr of the
    rounded values with chroma + 1/2, clamped to [0, 1], rounded to the grid again. The codes are the grid values times 2^bits - 1.
    Of PQ pictures the same with the equations of BT.2020; at 10 bits their RGB is on the grid already."""
    from ctc.kernels.strips import done

    height, width, _ = rgb.shape
    top = np.float32(2**internal_bits - 1)
    grid = np.rint(np.arange(peak(rgb) + 1, dtype=np.float32) / np.float32(peak(rgb)) * top)
    codes = np.empty((1 if wants == "y" else 3, height, width), np.uint16)

    def band(first: int, last: int) -> None:
        samples = np.require(rgb[first:last], requirements=WRITABLE)
        if wants == "rgb":
            _on_grid(samples, grid.astype(np.uint16), codes[:, first:last])
        else:
            _luma_and_chroma(samples, grid / top, top, MATRIX[transfer], codes[:, first:last])

    done(band, height, ROWS_OF_A_BAND)
    return codes[0] if wants == "y" else codes


def _on_grid(rgb: Rgb, grid: Planes, codes: Planes) -> None:
    from ctc.kernels.colour import on_grid

    on_grid(rgb, grid, codes)


def _luma_and_chroma(rgb: Rgb, units: NDArray[np.float32], top: np.float32, matrix: Matrix, codes: Planes) -> None:
    from ctc.kernels.colour import luma_and_chroma

    constants = np.array([matrix.kr, matrix.kg, matrix.kb, matrix.cb_span, matrix.cr_span], np.float32)
    luma_and_chroma(rgb, units, constants, float(top), codes)
