"""What the codecs inside Pillow share: each runs as a Python process of its own, so that its time, memory and crashes are its own."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ctc.complexity.child import timed

if TYPE_CHECKING:
    from PIL.Image import Image


def run_child(kind: str, save: Callable[[Image, io.BytesIO, list[str]], object]) -> None:
    """Body of the child: `encode SOURCE BITSTREAM [ARGUMENT ...]` by `save`, or `decode BITSTREAM DESTINATION`; prints the time taken.

    `kind` is Pillow's name of the format. The library call is timed apart from reading and writing files."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    # Pillow would import what reads and writes a format when it first meets one, which is no reading of a file.
    Image.preinit()
    if kind not in Image.SAVE:
        Image.init()
    task, read, written, *arguments = sys.argv[1:]

    def opened(format_name: str) -> Image.Image:
        return Image.open(io.BytesIO(Path(read).read_bytes()), formats=(format_name,))

    def loaded_source() -> Image.Image:
        image = opened("PPM")
        image.load()
        return image

    def encoded(image: Image.Image) -> bytes:
        coded = io.BytesIO()
        save(image, coded, arguments)
        return coded.getvalue()

    def decoded(image: Image.Image) -> Image.Image:
        image.load()
        return image

    if task == "encode":
        print(json.dumps(timed(loaded_source, encoded, Path(written).write_bytes)))
    else:
        print(json.dumps(timed(lambda: opened(kind), decoded, lambda image: image.save(written, "PPM"))))
