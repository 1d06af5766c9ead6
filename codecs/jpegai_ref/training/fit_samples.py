"""Crops of training pictures, analysed once, and what it costs to code them: what constants of tools are fitted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from jpegai_ref.analysed import Analysed, analysed
from jpegai_ref.coder import Coder
from jpegai_ref.colour import ycc_from_rgb
from jpegai_ref.cwg import Cwg
from jpegai_ref.encoder import Encoded, Setting, encode_analysed
from jpegai_ref.lef import Lef
from jpegai_ref.lsbs import Lsbs
from jpegai_ref.model import OperatingPoint
from jpegai_ref.picture import Picture
from jpegai_ref.rvs import Rvs
from jpegai_ref.tools import NO_TOOLS, Tools
from jpegai_ref.training.data import Crops

SIDE = 256
DISPLACEMENTS = (0, -192, 192)
"""Of the samples in turn, so that constants serve a model's whole range."""
STEP = 64
"""Of the displacement, up and down, to see how rate and distortion react."""
OPERATING_POINT: OperatingPoint = "bop"


@dataclass(frozen=True, eq=False)
class Sample:
    """A crop, and at which displacement it is coded by every model."""

    source: Analysed
    ycc: Tensor
    """(1, 3, 256, 256) in [0, 255]."""
    displacement: int


def with_constants(coder: Coder, tensors: Mapping[str, Tensor]) -> Coder:
    """The coder with constants of tools besides those that it has."""
    rvs, cwg, exact = Rvs.from_tensors(tensors), Cwg.from_tensors(tensors), coder.exact
    luma = replace(exact.luma, rvs=rvs[0] if rvs else exact.luma.rvs, cwg=cwg[0] if cwg else exact.luma.cwg)
    chroma = replace(exact.chroma, rvs=rvs[1] if rvs else exact.chroma.rvs, cwg=cwg[1] if cwg else exact.chroma.cwg)
    lsbs, lef = Lsbs.from_tensors(tensors) or coder.lsbs, Lef.from_tensors(tensors) or coder.lef
    return replace(coder, exact=replace(exact, luma=luma, chroma=chroma), lsbs=lsbs, lef=lef)


def samples(coder: Coder, pictures: Sequence[Tensor], number: int, seed: int) -> list[Sample]:
    """`number` random crops of uint8 RGB pictures (3, H, W)."""
    found = []
    for index, crop in enumerate(Crops(pictures, seed).at(0, number, SIDE, SIDE)):
        planes = tuple(np.ascontiguousarray(plane) for plane in crop.numpy())
        source = analysed(coder, Picture(planes, 8, "rgb"))
        found.append(Sample(source, ycc_from_rgb(crop[None].float()), DISPLACEMENTS[index % len(DISPLACEMENTS)]))
    return found


def coded(coder: Coder, sample: Sample, model_id: int, tools: Tools = NO_TOOLS) -> Encoded:
    return encode_analysed(coder, sample.source, Setting(model_id, sample.displacement), tools)
