"""What the trained filter learns from: crops of pictures as the real coder decodes them, by every model and operating point."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from jpegai_ref.analysed import analysed
from jpegai_ref.coder import Coder
from jpegai_ref.colour import ycc_from_rgb
from jpegai_ref.encoder import Setting, encode_analysed
from jpegai_ref.knob import SPANS
from jpegai_ref.model import OPERATING_POINTS
from jpegai_ref.picture import Picture
from jpegai_ref.reconstruction import synthesised


@dataclass(frozen=True, eq=False)
class Recording:
    """Y, U, V in [0, 255], float16: steps of at most 1/8, far below the errors of coding."""

    original: Tensor
    """(3, H, W)"""
    decoded: Tensor
    """(3 operating points, 4 models, 3, H, W)"""


def recorded(coder: Coder, crops: Iterable[Tensor], random: np.random.Generator | None) -> Iterator[Recording]:
    """Of uint8 RGB crops (3, H, W). Displacements are drawn from each model's span on the axis of rates; None: all are 0."""
    for crop in crops:
        source = analysed(coder, Picture(tuple(np.ascontiguousarray(plane) for plane in crop.numpy()), 8, "rgb"))
        decoded = torch.empty(len(OPERATING_POINTS), len(SPANS), *crop.shape, dtype=torch.float16)
        for model_id, (first, last) in enumerate(SPANS):
            displacement = 0 if random is None else int(random.integers(first, last + 1))
            quantised = encode_analysed(coder, source, Setting(model_id, displacement)).quantised
            for place, operating_point in enumerate(OPERATING_POINTS):
                decoded[place, model_id] = torch.stack(synthesised(coder, quantised, operating_point)).half()
        yield Recording(ycc_from_rgb(crop.float()).half(), decoded)
