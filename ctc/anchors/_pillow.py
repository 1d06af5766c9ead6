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

    `kind` is Pillow's name of the format. Only the library call is timed, neither reading nor writing files."""
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    task, read, written, *arguments = sys.argv[1:]
    content = io.BytesIO(Path(read).read_bytes())
    if task == "encode":
        with Image.open(content, formats=("PPM",)) as image:
            image.load()
            coded = io.BytesIO()
            _, cost = timed(lambda: save(image, coded, arguments))
        Path(written).write_bytes(coded.getvalue())
    else:
        with Image.open(content, formats=(kind,)) as image:
            _, cost = timed(image.load)
            image.save(written, "PPM")
    print(json.dumps(cost))
