"""Reads pictures of the kinds that people have (PNG, PPM, TIFF, JPEG, OpenEXR, Radiance HDR) as RGB samples, and writes PNG.

ICC profiles, gamma chunks and EXIF orientation are ignored, as the JPEG AI quality framework does: samples are samples. Files of linear
light become PQ of 10 bits, see `light`. Integers are PQ where a PNG says so in a cICP chunk, or the data set's entry does.
"""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ctc import light
from ctc.errors import PictureError
from ctc.hdrfiles import read_exr, read_radiance
from ctc.pixels import Rgb
from ctc.records import NOTHING_SAID, Light, Transfer

LINEAR = {".exr": read_exr, ".hdr": read_radiance}
SUFFIXES = frozenset({".png", ".ppm", ".pgm", ".tif", ".tiff", ".jpg", ".jpeg", *LINEAR})
MAX_PIXELS = 1 << 28
"""Larger pictures (268 megapixels, five times the largest of the test set) are refused before memory is asked for."""

# What the decoders of foreign files are known to raise; imagecodecs' errors are RuntimeErrors, tifffile's ValueErrors.
DECODER_ERRORS = (
    OSError, ValueError, RuntimeError, SyntaxError, EOFError, KeyError, IndexError, TypeError, ZeroDivisionError,
    OverflowError, MemoryError, struct.error, zlib.error,
)  # fmt: skip


@dataclass(frozen=True)
class Samples:
    """What a file holds."""

    rgb: Rgb
    """(height, width, 3), uint8 or uint16."""
    colour: str
    """How the file became RGB."""
    transfer: Transfer = "sdr"

    @property
    def bit_depth(self) -> int:
        """8 or 16; 10 where the transfer is PQ, whose codes of 10 bits fill 16."""
        return light.BITS if self.transfer == "pq" else self.rgb.dtype.itemsize * 8


def of_same_size(path: Path, reference: Path, samples: Samples, said: Light = NOTHING_SAID) -> Samples:
    """What `path` holds. Raises PictureError where it cannot be read or is of another size or transfer than `reference`."""
    found = read_samples(path, said)
    if found.rgb.shape != samples.rgb.shape:
        sizes = " and ".join(f"{shape[1]}x{shape[0]}" for shape in (samples.rgb.shape, found.rgb.shape))
        raise PictureError(f"{reference.name} and {path.name} differ in size: {sizes}; metrics need equal sizes")
    if found.transfer != samples.transfer:
        kinds = " and ".join(TRANSFERS[each.transfer] for each in (samples, found))
        raise PictureError(f"{reference.name} and {path.name} differ in kind: {kinds}; metrics need equal kinds")
    return found


TRANSFERS = {"sdr": "SDR", "pq": "HDR (PQ)"}


def read_picture(path: Path) -> tuple[Rgb, str]:
    """RGB samples (height, width, 3), uint8 or uint16, of an SDR picture, and how the file became RGB.

    Raises PictureError as `read_samples`, and for an HDR picture."""
    samples = read_samples(path)
    if samples.transfer != "sdr":
        raise PictureError(f"{path.name}: is {TRANSFERS[samples.transfer]}, where only SDR can be used")
    return samples.rgb, samples.colour


def read_samples(path: Path, said: Light = NOTHING_SAID) -> Samples:
    """What the file holds, where `said` is what is known of it beside.

    Raises PictureError, with one line that says what is wrong and what helps."""
    if not path.is_file():
        raise PictureError(f"{path.name}: no such file")
    try:
        if path.suffix.lower() in LINEAR:
            return _of_light(LINEAR[path.suffix.lower()](path, _check_size), said)
        return _of_integers(path, said)
    except DECODER_ERRORS as error:
        reason = str(error).strip().splitlines()
        raise PictureError(f"{path.name}: cannot be decoded ({reason[0] if reason else type(error).__name__}); is it whole?") from error


def transfer_of(path: Path) -> Transfer:
    """Of the picture that a file holds, without decoding it. Raises PictureError as `read_samples`."""
    if path.suffix.lower() in LINEAR:
        return "pq"
    try:
        return (path.suffix.lower() == ".png" and _png_transfer(path)) or "sdr"
    except OSError as error:
        raise PictureError(f"{path.name}: cannot be read ({error.strerror})") from error


def _of_light(linear: light.Linear, said: Light) -> Samples:
    """The PQ picture that light becomes, the entry's word above the file's."""
    if said.cd_m2_per_unit is not None:
        scale, whose = said.cd_m2_per_unit, "as the set says"
    elif linear.cd_m2_per_unit is not None:
        scale, whose = linear.cd_m2_per_unit, "as the file says"
    else:
        scale, whose = light.REFERENCE_WHITE_CD_M2, "reference white of BT.2408"
    if said.primaries is not None:
        primaries, name = light.PRIMARIES[said.primaries], said.primaries
    else:
        primaries, name = (linear.primaries, "the file's") if linear.primaries else (light.PRIMARIES["bt709"], "bt709")
    rgb, clipped = light.linear_to_pq(linear.samples, primaries, scale)
    negative = float((linear.samples < 0).mean())
    parts = [f"linear light, 1.0 at {scale:g} cd/m2 ({whose}), primaries {name}, to PQ BT.2020 of 10 bits"]
    parts += [f"{100 * negative:.2g} % below zero made zero"] if negative else []
    parts += [f"{100 * clipped:.2g} % clipped at {light.PEAK_CD_M2:g} cd/m2"] if clipped else []
    return Samples(rgb, ", ".join(parts), "pq")


def _of_integers(path: Path, said: Light) -> Samples:
    reader = {".png": _read_png, ".ppm": _read_pnm, ".pgm": _read_pnm, ".tif": _read_tiff, ".tiff": _read_tiff}.get(
        path.suffix.lower(), _read_jpeg
    )
    samples, kind = reader(path)
    rgb, colour = _as_rgb(path.name, samples, kind)
    in_file = _png_transfer(path) if path.suffix.lower() == ".png" else None
    if (said.transfer or in_file or "sdr") == "sdr":
        return Samples(rgb, colour)
    if rgb.dtype != np.uint16:
        raise PictureError(f"{path.name}: has 8 bits per sample, too few for PQ; give a file of 10 to 16")
    whose = "as the set says" if said.transfer else "as its cICP chunk says"
    return Samples(light.on_pq_grid(np.arange(65536) / 65535)[rgb], f"{colour}, PQ BT.2020 {whose}, rounded to {light.BITS} bits", "pq")


PQ, HLG, BT2020 = 16, 18, 9
"""Code points of ITU-T H.273."""


def _png_transfer(path: Path) -> Transfer | None:
    """What the cICP chunk says, None without one. Of the file no more is read than the heads of the chunks before the samples.

    Raises PictureError for HLG, and for PQ that is not full-range BT.2020."""
    with path.open("rb") as file:
        file.seek(8)
        while len(head := file.read(8)) == 8 and head[4:] not in (b"IDAT", b"IEND"):
            (size,) = struct.unpack(">I", head[:4])
            if head[4:] != b"cICP" or size != 4:
                file.seek(size + 4, os.SEEK_CUR)
                continue
            primaries, transfer, _, full = file.read(4).ljust(4)
            if transfer == HLG:
                raise PictureError(f"{path.name}: is HLG, which is not supported; convert it to PQ")
            if transfer == PQ and (primaries, full) != (BT2020, 1):
                raise PictureError(f"{path.name}: is PQ with other primaries than those of BT.2020, or not full range; convert it")
            return "pq" if transfer == PQ else "sdr"
    return None


def write_png(path: Path, rgb: Rgb, transfer: Transfer = "sdr") -> None:
    """Writes RGB (height, width, 3), uint8 or uint16, as PNG without any metadata but, where it is PQ, the cICP chunk that says so."""
    import imagecodecs

    content = imagecodecs.png_encode(np.ascontiguousarray(rgb), level=6)
    chunk = b"" if transfer == "sdr" else b"cICP" + bytes((BT2020, PQ, 0, 1))
    # Behind the signature and the IHDR chunk.
    path.write_bytes(content[:33] + (struct.pack(">I", 4) + chunk + struct.pack(">I", zlib.crc32(chunk)) if chunk else b"") + content[33:])


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
        if page.bitspersample not in (8, 10, 12, 14, 16, 32, 64):
            raise PictureError(f"{path.name}: has {page.bitspersample} bits per sample; scale it to 8, 10, 12, 14 or 16")
        samples = page.asarray()
        if samples.ndim == 3 and page.planarconfig == 2:
            samples = np.moveaxis(samples, 0, -1)
    if page.bitspersample in (10, 12, 14):
        return _to_16_bits(samples, 2**page.bitspersample - 1), f"{page.bitspersample}-bit scaled to 16"
    return samples, "8-bit" if samples.dtype == np.uint8 else "16-bit"


def _to_16_bits(samples: NDArray[np.generic], maximum: int) -> NDArray[np.uint16]:
    """Codes 0..maximum over 0..65535, rounded to nearest."""
    return ((samples.astype(np.uint64) * 65535 + maximum // 2) // maximum).astype(np.uint16)


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
    return _to_16_bits(samples, maximum), "16-bit" if maximum == 65535 else f"{maximum.bit_length()}-bit scaled to 16"


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
