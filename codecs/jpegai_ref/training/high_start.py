"""HOP's start in the last stage: what it can take over from the trained BOP, and least squares where their layers differ.

HOP is not trained with the latents, and these have moved away from the block transform that all decoders were set to at first.

luma      pre, gate1, gate2     BOP's, exactly: a ResidualBlock holds a LightResidualBlock with an identity for its second convolution
          up1, up2              fitted to what BOP has there; a T3 lacks one of the taps of a T4
          up3                   fitted to the picture's Haar bands at half size, which the layers behind it invert
chroma    combine               BOP's
          up1                   fitted to the coefficients of 8x8 blocks that the layers behind it invert

Attention blocks and gates that BOP does not have stay idle. The sums run over all rates of the stage. Where HOP is not as wide as BOP, as
in the reference's configuration, its luma stays with the block transform.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegai_ref.blocks import ResidualBlock
from jpegai_ref.colour import normalise
from jpegai_ref.model import Model
from jpegai_ref.synthesis import HighChromaSynthesis, HighLumaSynthesis, LightChromaSynthesis, LightLumaSynthesis
from jpegai_ref.training.block_transform import ChromaTransform, bands
from jpegai_ref.training.transform_start import CAB_GAIN

TAPS_OF_PHASE = {0: ((0, 1),), 1: ((0, 2), (1, 0))}
"""A T3 gives the sample 2i + a from the latents i + offset: a -> (offset, tap)."""
RIDGE = 1e-4
"""Of the mean power of a feature; keeps features that are nearly alike apart."""


@dataclass(frozen=True)
class Example:
    """Y, U, V (N, 3, H, W) in [0, 255], sides multiples of 16, and the quantised latents of both components, (N, C, H/16, W/16)."""

    planes: Tensor
    luma: Tensor
    chroma: Tensor


def _solved(moments: Tensor, products: Tensor) -> Tensor:
    ridge = RIDGE * moments.diagonal().mean() * torch.eye(len(moments), dtype=moments.dtype, device=moments.device)
    return torch.linalg.solve(moments + ridge, products)


def _columns(x: Tensor) -> Tensor:
    """(N, c, h, w) -> (c, N h w)"""
    return x.double().transpose(0, 1).flatten(1)


def _fit_doubling(layer: nn.ConvTranspose2d, pairs: Sequence[Callable[[], tuple[Tensor, Tensor]]]) -> None:
    """A T3 from features (N, i, h, w) to targets (N, o, 2h, 2w); later outputs stay as they are."""
    sums: dict[tuple[int, int], tuple[Tensor, Tensor]] = {}
    for pair in pairs:
        features, targets = pair()
        height, width = features.shape[-2:]
        reached = F.pad(features, (0, 1, 0, 1))
        for row, column in product((0, 1), repeat=2):
            places = product(TAPS_OF_PHASE[row], TAPS_OF_PHASE[column])
            x = _columns(torch.cat([reached[..., y : y + height, x : x + width] for (y, _), (x, _) in places], 1))
            moments, products = x @ x.T, x @ _columns(targets[..., row::2, column::2]).T
            if (row, column) in sums:
                known = sums[row, column]
                moments, products = known[0] + moments, known[1] + products
            sums[row, column] = moments, products
    for (row, column), (moments, products) in sums.items():
        parts = torch.split(_solved(moments, products), layer.in_channels)
        for weight, ((_, tap_row), (_, tap_column)) in zip(parts, product(TAPS_OF_PHASE[row], TAPS_OF_PHASE[column]), strict=True):
            layer.weight[:, : len(weight.T), tap_row, tap_column] = weight.to(layer.weight)


def _fit_point(layer: nn.Conv2d, outputs: Tensor, pairs: Sequence[Callable[[], tuple[Tensor, Tensor]]]) -> None:
    """A C1 with bias from features (N, i, h, w) to targets (N, o, h, w), written into the outputs that are named."""
    sums = []
    for pair in pairs:
        features, targets = pair()
        x = _columns(torch.cat((features, torch.ones_like(features[:, :1])), 1))
        sums.append((x @ x.T, x @ _columns(targets).T))
    moments, products = (torch.stack(part).sum(0) for part in zip(*sums, strict=True))
    solution = _solved(moments, products).T.to(layer.weight)
    layer.weight[outputs] = solution[:, :-1, None, None]
    if layer.bias is not None:
        layer.bias[outputs] = solution[:, -1]


def _take_over_block(block: ResidualBlock, convolution: nn.Conv2d) -> None:
    block.first.load_state_dict(convolution.state_dict())
    nn.init.dirac_(block.second.weight)
    if block.second.bias is not None:
        nn.init.zeros_(block.second.bias)


def _as_wide(high: HighLumaSynthesis, base: LightLumaSynthesis) -> bool:
    return all(
        mine.depth.weight.shape == theirs.depth.weight.shape and mine.point.weight.shape == theirs.point.weight.shape
        for mine, theirs in ((high.gate1, base.gate1), (high.gate2, base.gate2))
    )


def _start_luma(high: HighLumaSynthesis, base: LightLumaSynthesis, examples: Sequence[Example]) -> None:
    if not _as_wide(high, base):
        return
    _take_over_block(high.pre, base.pre.conv)
    high.gate1.load_state_dict(base.gate1.state_dict())
    high.gate2.load_state_dict(base.gate2.state_dict())

    def eighth(example: Example) -> tuple[Tensor, Tensor]:
        x = base.pre(example.luma)
        return x, base.up1(x)

    def quarter(example: Example) -> tuple[Tensor, Tensor]:
        targets = base.up2(base.gate1(base.up1(base.pre(example.luma))))
        return high.gate1(high.up1(high.pre(example.luma))), targets / CAB_GAIN

    def half(example: Example) -> tuple[Tensor, Tensor]:
        x = high.gate2(high.attention2(high.up2(high.gate1(high.up1(high.pre(example.luma))))))
        return x, F.pixel_unshuffle(bands(normalise(example.planes[:, :1]), 1), 2)

    _fit_doubling(high.up1, [partial(eighth, example) for example in examples])
    _fit_doubling(high.up2, [partial(quarter, example) for example in examples])
    first_bands = torch.arange(16, device=high.up3.weight.device)
    _fit_point(high.up3, first_bands, [partial(half, example) for example in examples])


def _start_chroma(high: HighChromaSynthesis, base: LightChromaSynthesis, transform: ChromaTransform, examples: Sequence[Example]) -> None:
    high.combine.load_state_dict(base.combine.state_dict())
    width = min(high.up2.in_channels, len(transform.images))
    images = transform.images[:width].reshape(width, 2, 8, 8)

    def eighth(example: Example) -> tuple[Tensor, Tensor]:
        joined = high.combine(torch.cat((example.luma, example.chroma), 1))
        targets = F.conv2d(normalise(example.planes[:, 1:]), images.to(joined), stride=8)
        return torch.cat((joined, example.chroma), 1), targets / CAB_GAIN

    _fit_doubling(high.up1, [partial(eighth, example) for example in examples])


@torch.no_grad()
def start_high(model: Model, transform: ChromaTransform, examples: Sequence[Example]) -> None:
    """Sets HOP, as `start_from_transform` has left it, by the first copy of BOP and examples; `transform` is what it was set to."""
    (high,) = model.synthesis_copies("hop")
    base = model.synthesis_copies("bop")[0]
    if isinstance(high.luma, HighLumaSynthesis) and isinstance(base.luma, LightLumaSynthesis):
        _start_luma(high.luma, base.luma, examples)
    if isinstance(high.chroma, HighChromaSynthesis) and isinstance(base.chroma, LightChromaSynthesis):
        _start_chroma(high.chroma, base.chroma, transform, examples)
