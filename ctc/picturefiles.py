"""Reads pictures of the kinds that people have (PNG, PPM, TIFF, JPEG) as RGB samples, and writes PNG.

ICC profiles, gamma chunks and EXIF orientation are ignored, as the JPEG AI quality framework does: samples are samples.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ctc.errors import PictureError
from ctc.pixels import Rgb

SUFFIXES = frozenset({".png", ".ppm", ".pgm", ".tif", ".tiff", ".jpg", ".jpeg"})
MAX_PIXELS = 1 << 28
"""Larger pictures (268 megapixels, five times the largest of the test set) are refused before memory is asked for."""

# What the decoders of foreign files are known to raise; imagecodecs' errors are RuntimeErrors, tifffile's ValueErrors.
DECODER_ERRORS = (
    OSError, ValueError, RuntimeError, SyntaxError, EOFError, KeyError, IndexError, TypeError, ZeroDivisionError,
    OverflowError, MemoryError, struct.error, zlib.error,
)  # fmt: skip


def of_same_size(path: Path, reference: Path, reference_rgb: Rgb) -> Rgb:
    """The samples of `path`. Raises PictureError where they cannot be read or are not as many as those of `reference`."""
    rgb = read_picture(path)[0]
    if rgb.shape != reference_rgb.shape:
        sizes = " and ".join(f"{shape[1]}x{shape[0]}" for shape in (reference_rgb.shape, rgb.shape))
        raise PictureError(f"{reference.name} and {path.name} differ in size: {sizes}; metrics need equal sizes")
    return rgb


def read_picture(path: Path) -> tuple[Rgb, str]:
    """RGB samples (height, width, 3), uint8 or uint16, and how the file became RGB.

    Raises PictureError, with one line that says what is wrong and what helps."""
    if not path.is_file():
        raise PictureError(f"{path.name}: no such file")
    reader = {".png": _read_png, ".ppm": _read_pnm, ".pgm": _read_pnm, ".tif": _read_tiff, ".tiff": _read_tiff}.get(
        path.suffix.lower(), _read_jpeg
    )
    try:
        samples, kind = reader(path)
    except DECODER_ERRORS as error:
        reason = str(error).strip().splitlines()
        raise PictureError(f"{path.name}: cannot be decoded ({reason[0] if reason else type(error).__name__}); is it whole?") from error
    return _as_rgb(path.name, samples, kind)


def write_png(path: Path, rgb: Rgb) -> None:
    """Writes RGB (height, width, 3), uint8 or uint16, as PNG without any metadata."""
    import imagecodecs

    path.write_bytes(imagecodecs.png_encode(np.ascontiguousarray(rgb), level=6))


def _check_size(name: str, width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise PictureError(f"{name}: has no samples ({width}x{height})")
    if width * height > MAX_PIXELS:
        limit = MAX_PIXELS / 1e6
        raise PictureError(f"{name}: {width}x{height} is more than the {limit:.0f} megapixels that are supported; crop or scale it")


def _read_png(path: Path) -> tuple[NDArray[np.generic], str]:
    import imagecodecs

    content = path.read_bytes()
    if content[:8] != b"\x89PNG\r\n\x1a\n" or content[12:16] != b"IHDR":
        raise ValueError("it is no PNG file")
    width, height, bits, colour_type = struct.unpack(">IIBB", content[16:26])
    _check_size(path.name, width, height)
    samples = imagecodecs.png_decode(content)
    return samples, "palette" if colour_type == 3 else f"{bits}-bit"


def _read_jpeg(path: Path) -> tuple[NDArray[np.generic], str]:
    from PIL import Image

    # Our own limit is checked before any sample is decoded.
    Image.MAX_IMAGE_PIXELS = None
    with Image.open(path, formats=("JPEG",)) as image:
        _check_size(path.name, *image.size)
        if image.mode not in ("L", "RGB"):
            raise PictureError(f"{path.name}: is {image.mode}, not RGB; convert it to RGB first")
        return np.asarray(image), "8-bit"


def _read_tiff(path: Path) -> tuple[NDArray[np.generic], str]:
    from tifffile import COMPRESSION, PHOTOMETRIC, TiffFile

    with TiffFile(path) as tiff:
        page = tiff.pages.first
        if len(tiff.pages) > 1:
            raise PictureError(f"{path.name}: holds {len(tiff.pages)} pages; save the one that is meant as a file of its own")
        _check_size(path.name, page.imagewidth, page.imagelength)
        if page.photometric not in (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR):
            name = PHOTOMETRIC(page.photometric).name
            kind = {"SEPARATED": "CMYK", "MINISWHITE": "grey with white as 0"}.get(name, name.lower())
            raise PictureError(f"{path.name}: is {kind}, not RGB; convert it to RGB first")
        # Only inside JPEG compression does the decoder itself turn YCbCr into RGB.
        if page.photometric == PHOTOMETRIC.YCBCR and page.compression != COMPRESSION.JPEG:
            raise PictureError(f"{path.name}: is YCbCr, not RGB; convert it to RGB first")
        if page.bitspersample not in (8, 16, 32, 64):
            raise PictureError(f"{path.name}: has {page.bitspersample} bits per sample; scale it to 8 or 16")
        samples = page.asarray()
        if samples.ndim == 3 and page.planarconfig == 2:
            samples = np.moveaxis(samples, 0, -1)
    return samples, "8-bit" if samples.dtype == np.uint8 else "16-bit"


def _read_pnm(path: Path) -> tuple[NDArray[np.generic], str]:
    content = path.read_bytes()
    fields: list[bytes] = []
    position = 0
    while len(fields) < 4:
        while content[position : position + 1].isspace():
            position += 1
        if content[position : position + 1] == b"#":
            position = content.index(b"\n", position)
            continue
        end = position
        while end < len(content) and not content[end : end + 1].isspace():
            end += 1
        if end == position:
            raise ValueError("its header ends too early")
        fields.append(content[position:end])
        position = end
    magic, width, height, maximum = fields[0], int(fields[1]), int(fields[2]), int(fields[3])
    if magic not in (b"P5", b"P6"):
        raise ValueError("only the binary kinds P5 and P6 are supported")
    if maximum not in (255, 1023, 4095, 65535):
        raise ValueError(f"its maximum of {maximum} is none of 255, 1023, 4095, 65535")
    _check_size(path.name, width, height)
    dtype = np.dtype(np.uint8 if maximum == 255 else ">u2")
    channels = 3 if magic == b"P6" else 1
    samples = np.frombuffer(content, dtype, width * height * channels, position + 1).reshape(height, width, channels)
    if maximum == 255:
        return samples, "8-bit"
    if int(samples.max()) > maximum:
        raise ValueError(f"it has samples above its own maximum of {maximum}")
    scaled = (samples.astype(np.uint64) * 65535 + maximum // 2) // maximum
    return scaled.astype(np.uint16), "16-bit" if maximum == 65535 else f"{maximum.bit_length()}-bit scaled to 16"


def _as_rgb(name: str, samples: NDArray[np.generic], kind: str) -> tuple[Rgb, str]:
    if samples.dtype.type not in (np.uint8, np.uint16):
        raise PictureError(f"{name}: has {samples.dtype} samples; 8 or 16 bit unsigned integers are supported")
    samples = samples[..., None] if samples.ndim == 2 else samples
    if samples.ndim != 3 or samples.shape[2] not in (1, 2, 3, 4):
        raise PictureError(f"{name}: has {samples.shape[2] if samples.ndim == 3 else samples.ndim} channels; grey or RGB are supported")
    _check_size(name, samples.shape[1], samples.shape[0])
    channels = samples.shape[2]
    description = "palette expanded to RGB" if kind == "palette" else f"{kind} {'RGB' if channels > 2 else 'grey repeated to RGB'}"
    if channels in (2, 4):
        if int(samples[..., -1].min()) != np.iinfo(samples.dtype).max:  # type: ignore[type-var]
            raise PictureError(f"{name}: has transparent samples; flatten it onto a background first")
        samples, description = samples[..., :-1], f"{description}, opaque alpha dropped"
    if samples.shape[2] == 1:
        samples = np.repeat(samples, 3, axis=2)
    native = samples.dtype.newbyteorder("=")
    return np.ascontiguousarray(samples, dtype=native), description
