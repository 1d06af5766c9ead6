"""Picture files: PNG (8 or 16 bits, grey or RGB), PNM (8 to 16 bits), raw planar Y'CbCr or grey whose name says its size.

Colour profiles and gamma are ignored: samples are samples. A raw file is called STEM_WIDTHxHEIGHT_BITSbit_FORMAT.yuv, with 444, 422, 420 or
400 for the format, planes one after the other, 16-bit little-endian words above 8 bits.
"""

from __future__ import annotations

import re
import struct
from pathlib import Path

import imagecodecs
import numpy as np
from numpy.typing import NDArray

from jpegai_ref.picture import Colour, Picture, plane_sizes, sample_type
from jpegai_ref.picture_colour import rgb_of
from jpegai_ref.picture_header import BIT_DEPTHS

MOST_SAMPLES = 8192 * 8192
"""Larger pictures are refused before memory is asked for."""
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
RAW_FORMATS = {"444": (1, 1), "422": (1, 2), "420": (2, 2)}
GREY_FORMAT = "400"
WRITTEN = (".png", ".ppm", ".pgm", ".yuv")


class PictureFileError(Exception):
    """A file that holds no picture of a kind that is supported; one line."""


class WrongSuffix(Exception):
    """The name that a picture is to be written to stands for files that cannot hold it; one line."""


def read_picture(path: Path) -> Picture:
    """Raises PictureFileError; OSError where the file cannot be read."""
    content = path.read_bytes()
    try:
        if content.startswith(PNG_SIGNATURE):
            return _png(content)
        if content[:2] in (b"P5", b"P6"):
            return _pnm(content)
        if path.suffix == ".yuv":
            return _raw(path.name, content)
    except (ValueError, struct.error, imagecodecs.PngError) as error:
        reason = str(error).splitlines() or [type(error).__name__]
        raise PictureFileError(f"{path.name} cannot be read: {reason[0]}") from error
    raise PictureFileError(f"{path.name} is neither PNG nor binary PNM nor raw planar (.yuv)")


def check_suffix(suffix: str, colour: Colour | None = None) -> None:
    """Raises WrongSuffix where files of this suffix hold no picture, or none of this colour."""
    suffix = suffix.lower()
    if suffix not in WRITTEN:
        raise WrongSuffix(f"pictures are written as {', '.join(WRITTEN)}, not as {suffix or 'a file without suffix'}")
    if suffix == ".yuv" and colour == "rgb":
        raise WrongSuffix("the picture is R, G, B, which a raw Y'CbCr file cannot hold; write .png or .ppm")
    if suffix == ".pgm" and colour in ("rgb", "ycc"):
        raise WrongSuffix("the picture has colour, which a .pgm file cannot hold; write .png or .ppm")


def file_content(suffix: str, picture: Picture) -> bytes:
    """The bytes of a file of this suffix. Y'CbCr becomes RGB in PNG and PPM, 10 to 14 bits become 16 in PNG.

    Raises WrongSuffix where that format cannot hold the picture.
    """
    check_suffix(suffix, picture.colour)
    suffix = suffix.lower()
    if suffix == ".yuv":
        return b"".join(plane.astype(plane.dtype.newbyteorder("<")).tobytes() for plane in picture.planes)
    if suffix == ".ppm" and picture.colour == "grey":
        picture = Picture(picture.planes * 3, picture.bit_depth, "rgb")
    if picture.colour == "ycc":
        picture = rgb_of(picture)
    samples = picture.planes[0] if picture.colour == "grey" else np.stack(picture.planes, axis=-1)
    return _as_png(samples, picture.bit_depth) if suffix == ".png" else _as_pnm(samples, picture.bit_depth)


def _as_png(samples: NDArray[np.generic], bit_depth: int) -> bytes:
    if 8 < bit_depth < 16:
        peak = (1 << bit_depth) - 1
        samples = ((samples.astype(np.uint32) * 65535 + peak // 2) // peak).astype(np.uint16)
    return bytes(imagecodecs.png_encode(np.ascontiguousarray(samples), level=6))


def _as_pnm(samples: NDArray[np.generic], bit_depth: int) -> bytes:
    kind = "P5" if samples.ndim == 2 else "P6"
    header = f"{kind}\n{samples.shape[1]} {samples.shape[0]}\n{(1 << bit_depth) - 1}\n".encode()
    return header + samples.astype(samples.dtype.newbyteorder(">")).tobytes()


def _png(content: bytes) -> Picture:
    width, height = struct.unpack(">II", content[16:24])
    _check_size(width, height)
    samples = imagecodecs.png_decode(content)
    if samples.ndim == 2:
        samples = samples[..., None]
    if samples.shape[2] in (2, 4):
        if samples[..., -1].min() != np.iinfo(samples.dtype).max:
            raise ValueError("it has transparent samples; flatten it onto a background first")
        samples = samples[..., :-1]
    return _interleaved(samples, 8 * samples.dtype.itemsize)


def _pnm(content: bytes) -> Picture:
    # A comment may stand wherever there is white space.
    found = re.match(rb"P([56])" + rb"(?:\s|#[^\n]*\n)+(\d{1,9})" * 3 + rb"\s", content)
    if found is None:
        raise ValueError("its header is damaged")
    width, height, peak = (int(number) for number in found.groups()[1:])
    _check_size(width, height)
    if peak + 1 not in [1 << bits for bits in BIT_DEPTHS]:
        raise ValueError(f"its largest sample is {peak}, not that of {', '.join(map(str, BIT_DEPTHS))} bits")
    channels = 3 if found[1] == b"6" else 1
    bit_depth = peak.bit_length()
    size = height * width * channels * (1 if bit_depth == 8 else 2)
    if len(content) - found.end() < size:
        raise ValueError(f"{len(content) - found.end()} bytes of samples are too few for {width}x{height}")
    samples = np.frombuffer(content, np.uint8 if bit_depth == 8 else ">u2", height * width * channels, found.end())
    return _interleaved(samples.reshape(height, width, channels), bit_depth)


def _interleaved(samples: NDArray[np.generic], bit_depth: int) -> Picture:
    planes = tuple(np.ascontiguousarray(samples[..., channel], sample_type(bit_depth)) for channel in range(samples.shape[2]))
    return Picture(planes, bit_depth, "rgb" if len(planes) == 3 else "grey")


def _raw(name: str, content: bytes) -> Picture:
    found = re.search(r"_(\d{1,9})x(\d{1,9})_(\d{1,2})bit_(\d{3})\.yuv$", name)
    if found is None or found[4] not in (*RAW_FORMATS, GREY_FORMAT):
        raise ValueError("a raw picture is called STEM_WIDTHxHEIGHT_BITSbit_FORMAT.yuv, with 444, 422, 420 or 400 for the format")
    width, height, bit_depth = int(found[1]), int(found[2]), int(found[3])
    _check_size(width, height)
    if bit_depth not in BIT_DEPTHS:
        raise ValueError(f"a picture has {', '.join(map(str, BIT_DEPTHS))} bits, not {bit_depth}")
    colour: Colour = "grey" if found[4] == GREY_FORMAT else "ycc"
    subsampling = RAW_FORMATS.get(found[4], (1, 1))
    sizes = plane_sizes(height, width, colour, subsampling)
    expected = sum(rows * columns for rows, columns in sizes)
    codes = np.frombuffer(content, np.uint8 if bit_depth == 8 else "<u2", len(content) // (1 if bit_depth == 8 else 2))
    if len(content) != expected * codes.itemsize:
        raise ValueError(f"it has {len(content)} bytes where {width}x{height} {found[4]} has {expected * codes.itemsize}")
    ends = np.cumsum([rows * columns for rows, columns in sizes])[:-1]
    parts = zip(np.split(codes, ends), sizes, strict=True)
    planes = tuple(np.ascontiguousarray(part.reshape(size), sample_type(bit_depth)) for part, size in parts)
    return Picture(planes, bit_depth, colour, subsampling)


def _check_size(width: int, height: int) -> None:
    if not (width and height):
        raise ValueError(f"it has no samples ({width}x{height})")
    if width * height > MOST_SAMPLES:
        raise ValueError(f"{width}x{height} is more than the {MOST_SAMPLES} samples that are supported")
