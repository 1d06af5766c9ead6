"""One encode or one decode, exactly as a run does them: reproduces a point of a table by hand."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Literal, cast

from ctc import pixels, plugins
from ctc.coding import unsupported
from ctc.errors import DataSetMissing, PictureError, ToolFailed, UsageError
from ctc.picturefiles import read_samples, write_png
from ctc.records import NOTHING_SAID, Light, PixelFormat, Transfer
from ctc.scratch import scratch_prefix
from ctc.store import explained, file_hash, whole_file


def encode(picture: Path, bitstream: Path, codec_name: str, setting: float, said: Light = NOTHING_SAID) -> str:
    """Encodes and returns one line: bytes, bpp, sha256. Raises UsageError, DataSetMissing, PictureError, ToolMissing, ToolFailed."""
    plain = plugins.codecs()[codec_name]
    if not picture.is_file():
        raise DataSetMissing(f"{picture}: there is no such file")
    samples = read_samples(picture, said)
    codec = plugins.codec_for_depth(plain, samples.bit_depth)
    knob = codec.knob
    if not knob.lowest <= setting <= knob.highest or (knob.integer and setting != int(setting)):
        kind = "a whole number" if knob.integer else "a number"
        raise UsageError(f"--setting {setting:g}: the {knob.name} of {codec_name} is {kind} from {knob.lowest:g} to {knob.highest:g}")
    if bitstream.exists() and bitstream.samefile(picture):
        raise UsageError(f"{bitstream}: is the picture itself; name another file for the bitstream")
    codec.version()
    if why := unsupported(codec, samples.transfer):
        raise PictureError(f"{picture.name}: {why}")
    rgb = samples.rgb
    with tempfile.TemporaryDirectory(prefix=scratch_prefix()) as scratch, explained(bitstream.parent), whole_file(bitstream) as temporary:
        source = pixels.write_source(rgb, codec.pixels, Path(scratch), samples.transfer)
        codec.encode(source, temporary, setting)
        if not temporary.stat().st_size:
            raise ToolFailed(f"{codec_name} wrote no bitstream at {knob.name} {setting:g}")
    size = bitstream.stat().st_size
    height, width, _ = rgb.shape
    return f"{size} bytes, {8 * size / (width * height):.6g} bpp, sha256 {file_hash(bitstream)}"


def decode(bitstream: Path, picture: Path, codec_name: str, size: str | None, bit_depth: int, transfer: Transfer = "sdr") -> str:
    """Decodes to PNG and returns one line: size and hash of the samples. Raises as `encode`.

    `size` of the source, "WIDTHxHEIGHT": needed where the decoder gives samples alone."""
    if transfer == "pq" and bit_depth == 8:
        raise UsageError("--transfer pq: HDR pictures have more than 8 bits; give --bit-depth 16 too")
    codec = plugins.codec_for_depth(plugins.codecs()[codec_name], bit_depth)
    codec.version()
    if not bitstream.is_file():
        raise DataSetMissing(f"{bitstream}: there is no such file")
    if picture.suffix.lower() != ".png":
        raise UsageError(f"{picture}: the decoded picture is written as PNG; give it a name that ends in .png")
    if picture.exists() and picture.samefile(bitstream):
        raise UsageError(f"{picture}: is the bitstream itself; name another file for the picture")
    named = None if size is None and _carries_size(codec.pixels) else _size(size, bitstream, codec_name)
    with tempfile.TemporaryDirectory(prefix=scratch_prefix()) as scratch, explained(picture.parent):
        decoded = Path(scratch) / "decoded"
        codec.decode(bitstream, decoded)
        if not decoded.is_file():
            raise ToolFailed(f"{codec_name} decoded nothing from {bitstream.name}")
        width, height = named or _carried_size(decoded)
        rgb = pixels.read_decoded(decoded, codec.pixels, width, height, cast(Literal[8, 16], bit_depth), transfer)
        with whole_file(picture) as temporary:
            write_png(temporary, rgb, transfer)
    return f"{width}x{height}, decoded samples sha256 {pixels.sample_hash(rgb)}"


def _carries_size(form: PixelFormat) -> bool:
    """Whether a decoded picture is of the source's size, and says it."""
    return form.container == "ppm" and form.minimum_side == form.multiple_of == 1


def _carried_size(decoded: Path) -> tuple[int, int]:
    try:
        return pixels.ppm_size(decoded)
    except ValueError as error:
        raise ToolFailed(f"the decoder gave no picture: {error}") from error


def _size(size: str | None, bitstream: Path, codec_name: str) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", size or "")
    if found is None:
        raise UsageError(f"--size WIDTHxHEIGHT of the source is needed to decode {bitstream.name} with {codec_name}, e.g. --size 512x512")
    return int(found[1]), int(found[2])
