"""The official names of what a codec made: reconstructions, bitstreams, and the folders that hold them.

    FOLDER/CODEC/bit/CODEC_00001_TE_025.bits                             the bitstream of 0.25 bpp
    FOLDER/CODEC/rec/CODEC_00001_TE_2096x1400_8bit_sRGB_025.png          its reconstruction

The rate is the target in hundredths of a bit per pixel, of three digits or more. Between codec and rate a reconstruction has the name of
the source picture; a bitstream has that without the part that begins with the size.
"""

from __future__ import annotations

import re
from pathlib import PurePath

PICTURE_SUFFIXES = frozenset({".png", ".ppm", ".tif", ".tiff", ".exr", ".jpg", ".jpeg", ".webp", ".bmp"})


def reconstruction_stem(codec: str, picture: str, target_bpp: float) -> str:
    """The name of a reconstruction, without suffix."""
    return f"{codec}_{picture_stem(picture)}_{rate_text(target_bpp)}"


def split_name(stem: str, codec: str = "") -> tuple[str, str, float]:
    """Codec, picture and target bpp of the name of a reconstruction or bitstream, without suffix; the codec up to the first underscore, or
    `codec` if given. Raises ValueError for another name."""
    prefix = re.escape(codec) if codec else "[^_]+"
    found = re.fullmatch(rf"({prefix})_(.+)_(\d{{3,}})", stem)
    if found is None or int(found[3]) == 0:
        raise ValueError(f"{stem} is not named {codec or 'CODEC'}_PICTURE_RATE with a rate of three digits, 025 for 0.25 bpp")
    return found[1], found[2], int(found[3]) / 100


def picture_stem(picture: str) -> str:
    """The name without its file suffix; white space would break the layout of the summary, which has no quoting."""
    path = PurePath(picture)
    stem = picture[: -len(path.suffix)] if path.suffix.lower() in PICTURE_SUFFIXES else picture
    return re.sub(r"\s", "_", stem)


def names_in_files(picture: str, width: int, height: int, bit_depth: int) -> tuple[str, ...]:
    """What may stand for a picture in the name of a file: its own name, that with the size behind it, that without."""
    stem = picture_stem(picture)
    short = re.sub(r"_[1-9]\d*x[1-9]\d*(?:_.*)?$", "", stem)
    return tuple(dict.fromkeys((stem, f"{stem}_{width}x{height}_{bit_depth}bit_sRGB", short)))


def size_in_name(picture: str) -> tuple[int, int] | None:
    """(width, height) where the name of a picture carries them, as that of 00001_TE_2096x1400_8bit_sRGB does."""
    found = re.search(r"_([1-9]\d*)x([1-9]\d*)(?:_|$)", picture)
    return (int(found[1]), int(found[2])) if found else None


def rate_text(target_bpp: float) -> str:
    """0.25 bpp is "025"."""
    return f"{round(100 * target_bpp):03d}"
