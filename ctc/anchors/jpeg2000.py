"""JPEG 2000 by OpenJPEG (through Pillow): PSNR-optimised, one layer, the rate given directly.

The anchor of the common test conditions is Kakadu with `-no_weights`; OpenJPEG has no visual weighting. The 9/7 wavelet and the
component transform must be asked for: without them it loses 0.5 dB and 3.7 dB.
Run as a module, it is its own child process: `python -m ctc.anchors.jpeg2000 encode|decode ...`.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

from ctc.complexity.child import python_command, run_child, timed
from ctc.records import Cost, Knob, PixelFormat

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
    seconds_per_megapixel = 0.5

    def version(self) -> str:
        from PIL import __version__, features

        return f"OpenJPEG {features.version('jpg_2000')}, Pillow {__version__}, 9/7, {RESOLUTIONS} resolutions, PSNR"

    def encode_command(self, source: Path, bitstream: Path, setting: float) -> tuple[str, ...]:
        return python_command(__name__, "encode", str(source), str(bitstream), repr(float(setting)))

    def decode_command(self, bitstream: Path, destination: Path) -> tuple[str, ...]:
        return python_command(__name__, "decode", str(bitstream), str(destination))

    def encode(self, source: Path, bitstream: Path, setting: float) -> Cost:
        return run_child(self.encode_command(source, bitstream, setting))

    def decode(self, bitstream: Path, destination: Path) -> Cost:
        return run_child(self.decode_command(bitstream, destination))


def encode(source: str, bitstream: str, bpp: str) -> dict[str, float]:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    image = Image.open(source)
    image.load()
    # A picture can be halved only until one sample is left.
    resolutions = min(RESOLUTIONS, min(image.size).bit_length())
    settings = {
        "quality_mode": "rates", "quality_layers": [SOURCE_BPP / float(bpp)], "irreversible": True, "mct": 1, "no_jp2": True,
        "num_resolutions": resolutions, "codeblock_size": CODE_BLOCK,
    }  # fmt: skip
    coded = io.BytesIO()
    _, cost = timed(lambda: image.save(coded, "JPEG2000", **settings))
    Path(bitstream).write_bytes(coded.getvalue())
    return cost


def decode(bitstream: str, destination: str) -> dict[str, float]:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    image = Image.open(io.BytesIO(Path(bitstream).read_bytes()), formats=("JPEG2000",))
    _, cost = timed(image.load)
    image.save(destination, "PPM")
    return cost


CODECS = (Jpeg2000(),)

if __name__ == "__main__":
    print(json.dumps(encode(*sys.argv[2:]) if sys.argv[1] == "encode" else decode(*sys.argv[2:])))
