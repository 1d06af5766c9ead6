"""JPEG 2000 by OpenJPEG (through Pillow): PSNR-optimised, one layer, the rate given directly.

The anchor of the common test conditions is Kakadu with `-no_weights`; OpenJPEG has no visual weighting. The 9/7 wavelet and the
component transform must be asked for: without them it loses 0.5 dB and 3.7 dB. Pictures of more than 8 bits are `jpeg2000_deep`'s.
Run as a module, it is its own child process: `python -m ctc.anchors.jpeg2000 encode|decode ...`.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ctc.anchors import _pillow
from ctc.anchors.jpeg2000_deep import Jpeg2000Deep
from ctc.complexity.child import python_command, run_child
from ctc.errors import ToolMissing
from ctc.records import Cost, Knob, PixelFormat

if TYPE_CHECKING:
    import io

    from PIL.Image import Image

SOURCE_BPP = 24
RESOLUTIONS = 6
CODE_BLOCK = (64, 64)


class Jpeg2000:
    """JPEG 2000 codestream, irreversible, 8 bits, 4:4:4. The setting is the rate in bpp."""

    name = "jpeg2000"
    citation = "ITU-T T.800 | ISO/IEC 15444-1; OpenJPEG"
    note = ""
    pixels = PixelFormat("ppm")
    knob = Knob("rate (bpp)", 0.001, SOURCE_BPP, integer=False, rate_rises=True, start=((0.03, 0.03), (2.0, 2.0)))
    seconds_per_megapixel = 0.3
    deep = Jpeg2000Deep()

    def version(self) -> str:
        from PIL import __version__, features

        library = features.version("jpg_2000") if features.check("jpg_2000") else None
        if library is None:
            raise ToolMissing("this Pillow has no OpenJPEG: install Pillow from a wheel (`make setup`)")
        block = "x".join(map(str, CODE_BLOCK))
        return f"OpenJPEG {library}, Pillow {__version__}, 9/7, ICT, {RESOLUTIONS} resolutions, blocks {block}, one layer, PSNR"

    def encode_command(self, source: Path, bitstream: Path, setting: float) -> tuple[str, ...]:
        return python_command(__name__, "encode", str(source), str(bitstream), repr(float(setting)))

    def decode_command(self, bitstream: Path, destination: Path) -> tuple[str, ...]:
        return python_command(__name__, "decode", str(bitstream), str(destination))

    def encode(self, source: Path, bitstream: Path, setting: float) -> Cost:
        return run_child(self.encode_command(source, bitstream, setting))

    def decode(self, bitstream: Path, destination: Path) -> Cost:
        return run_child(self.decode_command(bitstream, destination))


def save(image: Image, coded: io.BytesIO, arguments: list[str]) -> None:
    """Codes `image`; argument: rate in bpp."""
    (bpp,) = arguments
    # A picture can be halved only until one sample is left.
    resolutions = min(RESOLUTIONS, min(image.size).bit_length())
    layers = [SOURCE_BPP / float(bpp)]
    wavelet = {"irreversible": True, "mct": 1, "num_resolutions": resolutions, "codeblock_size": CODE_BLOCK}
    image.save(coded, "JPEG2000", quality_mode="rates", quality_layers=layers, no_jp2=True, **wavelet)


CODECS = (Jpeg2000(),)

if __name__ == "__main__":
    _pillow.run_child("JPEG2000", save)
