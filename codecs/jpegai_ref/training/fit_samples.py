"""Crops of training pictures, analysed once, and what it costs to code them: what constants of tools are fitted on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from jpegai_ref.analysed import Analysed, analysed
from jpegai_ref.coder import Coder
from jpegai_ref.codestream import read_codestream
from jpegai_ref.colour import ycc_from_rgb
from jpegai_ref.cwg import Cwg
from jpegai_ref.distortion import distortion
from jpegai_ref.encoder import Encoded, Setting, encode_analysed
from jpegai_ref.latents import LUMA
from jpegai_ref.lef import Lef
from jpegai_ref.lsbs import Lsbs
from jpegai_ref.model import OperatingPoint
from jpegai_ref.picture import Picture
from jpegai_ref.reconstruction import synthesised
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


@dataclass(frozen=True, eq=False)
class Baseline:
    """A component of a sample as a model codes it without tools: bits per sample of luma, distortion, and what a unit of it costs."""

    sample: Sample
    component: int
    rate: float
    distortion: float
    slope: float
    """-dR/dD along the model's displacement."""


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


def baselines(coder: Coder, found: Sequence[Sample], model_id: int, component: int) -> list[Baseline]:
    """Of LUMA or CHROMA of the samples whose rate and distortion react to the displacement; a crop without content is of no use."""
    usable = []
    for sample in found:
        ends = [replace(sample, displacement=sample.displacement + step) for step in (-STEP, STEP)]
        (low_rate, high_distortion), (high_rate, low_distortion) = (_rate_and_distortion(coder, end, model_id, component) for end in ends)
        if high_rate > low_rate and high_distortion > low_distortion:
            slope = (high_rate - low_rate) / (high_distortion - low_distortion)
            usable.append(Baseline(sample, component, *_rate_and_distortion(coder, sample, model_id, component), slope))
    return usable


def cost(coder: Coder, found: Sequence[Baseline], model_id: int, tools: Tools = NO_TOOLS) -> float:
    """Rate at equal distortion as a share of the rate without tools, mean over the samples: 1 without tools.

    Distortion is exchanged for rate along the tangent of the rate-distortion curve of the component, so that there is nothing to gain by a
    move along it, nor by bits that go from one component to the other. Raises ValueError where nothing is given."""
    if not found:
        raise ValueError("no crop reacts to the quantiser")
    shares = []
    for one in found:
        rate, distortion = _rate_and_distortion(coder, one.sample, model_id, one.component, tools)
        shares.append((rate + one.slope * (distortion - one.distortion)) / one.rate)
    return sum(shares) / len(shares)


def _rate_and_distortion(coder: Coder, sample: Sample, model_id: int, component: int, tools: Tools = NO_TOOLS) -> tuple[float, float]:
    """Bits per sample of luma from the real bytes of the residual; what the component adds to D of the training behind BOP: squared error
    and, for luma, MS-SSIM."""
    encoded = coded(coder, sample, model_id, tools)
    stream = read_codestream(encoded.data)
    rate = 8 * stream.residual_sizes[component] / sample.source.samples
    planes = torch.stack(synthesised(coder, encoded.quantised, OPERATING_POINT))[None]
    other = slice(1, None) if component == LUMA else slice(0, 1)
    planes[:, other] = sample.ycc[:, other]
    with torch.inference_mode():
        return rate, float(distortion(planes, sample.ycc, torch.tensor([model_id]), mixed=component == LUMA))
