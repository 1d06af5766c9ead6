"""JPEG by libjpeg-turbo (through Pillow), with the tables of the common test conditions.

The anchor of the common test conditions is the JPEG XT reference software with `-h -qt 3 -s 1x1,2x2,2x2`: optimised Huffman codes, one
table for luma and chroma (the one that ImageMagick uses), 4:2:0. This one is within 2 % of its bytes and 0.1 dB at the same quality.
Run as a module, it is its own child process: `python -m ctc.anchors.jpeg encode|decode ...`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ctc.anchors import _pillow
from ctc.complexity.child import python_command, run_child
from ctc.errors import ToolMissing
from ctc.records import Cost, Knob, PixelFormat, digest

if TYPE_CHECKING:
    import io

    from PIL.Image import Image

# Quality 50, natural order.
BASE_TABLE = (
    16, 16, 16, 18, 25, 37, 56, 85,
    16, 17, 20, 27, 34, 40, 53, 75,
    16, 20, 24, 31, 43, 62, 91, 135,
    18, 27, 31, 40, 53, 74, 106, 156,
    25, 34, 43, 53, 69, 94, 131, 189,
    37, 40, 62, 74, 94, 124, 169, 238,
    56, 53, 91, 106, 131, 169, 226, 311,
    85, 75, 135, 156, 189, 238, 311, 418,
)  # fmt: skip
SUBSAMPLING = {"420": 2, "444": 0}


def quantisation_table(quality: int) -> list[int]:
    """The 64 steps for a quality of 1 to 100, scaled as libjpeg does, 1 to 255."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return [min(max((step * scale + 50) // 100, 1), 255) for step in BASE_TABLE]


class Jpeg:
    """JPEG, 8 bits, chroma "420" or "444"."""

    citation = "ITU-T T.81 | ISO/IEC 10918-1; libjpeg-turbo"
    pixels = PixelFormat("ppm")
    seconds_per_megapixel = 0.1

    def __init__(self, chroma: str) -> None:
        self.chroma = chroma
        self.name = "jpeg" if chroma == "420" else f"jpeg-{chroma}"
        self.note = "" if chroma == "420" else "4:4:4; the JPEG anchor of the common test conditions is 4:2:0"
        self.knob = Knob("quality", 1, 100, integer=True, rate_rises=True, start=START[chroma])

    def version(self) -> str:
        from PIL import __version__, features

        library = features.version("libjpeg_turbo") if features.check("jpg") else None
        if library is None:
            raise ToolMissing("this Pillow has no libjpeg-turbo: install Pillow from a wheel (`make setup`)")
        table = f"ImageMagick table {digest(BASE_TABLE)[:8]}"
        return f"libjpeg-turbo {library}, Pillow {__version__}, {table}, optimised Huffman, {self.chroma}"

    def encode_command(self, source: Path, bitstream: Path, setting: float) -> tuple[str, ...]:
        return python_command(__name__, "encode", str(source), str(bitstream), str(int(setting)), self.chroma)

    def decode_command(self, bitstream: Path, destination: Path) -> tuple[str, ...]:
        return python_command(__name__, "decode", str(bitstream), str(destination))

    def encode(self, source: Path, bitstream: Path, setting: float) -> Cost:
        return run_child(self.encode_command(source, bitstream, setting))

    def decode(self, bitstream: Path, destination: Path) -> Cost:
        return run_child(self.decode_command(bitstream, destination))


def save(image: Image, coded: io.BytesIO, arguments: list[str]) -> None:
    """Codes `image`; arguments: quality, chroma."""
    quality, chroma = arguments
    table = quantisation_table(int(quality))
    image.save(coded, "JPEG", qtables=[table, table], subsampling=SUBSAMPLING[chroma], optimize=True)


# Geometric mean over thirteen photographs, none of them in a set that is measured; see NOTES.md.
START = {
    "420": ((0.1035, 2), (0.1965, 8), (0.3068, 14), (0.4008, 20), (0.5685, 32), (0.7666, 50), (1.0243, 68), (1.3752, 80), (2.2933, 92)),
    "444": ((0.155, 2), (0.2601, 8), (0.3893, 14), (0.5041, 20), (0.7141, 32), (0.9823, 50), (1.3841, 68), (1.8533, 80), (2.9242, 92)),
}

CODECS = (Jpeg("420"), Jpeg("444"))

if __name__ == "__main__":
    _pillow.run_child("JPEG", save)
