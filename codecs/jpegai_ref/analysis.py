"""Analysis transforms g_a of the base operating point: planes to latents."""

from __future__ import annotations

from torch import Tensor, nn

from jpegai_ref.blocks import ResAU, conv, pad_to_even
from jpegai_ref.dimensions import GATE_GROUPS, Dimensions

CHROMA_PLANES = 12
"""Y, U and V at half resolution, each as its four phases."""


def _strong(layer: nn.Conv2d) -> nn.Conv2d:
    """Starts with a gain, so that latents begin at some units and symbols other than zero occur from the first step of training."""
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    return layer


class _Halving(nn.Module):
    """x (N, a, h, w) -- [one row, column repeated] -- C3/2 a->b -- ResAU(b) -- (N, b, ceil(h/2), ceil(w/2))"""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv = _strong(conv(before, after, 3, 2))
        self.gate = ResAU(after, GATE_GROUPS)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.gate(self.conv(pad_to_even(x)))
        return out


class LumaAnalysis(nn.Module):
    """Luma plane to luma latent; a = `luma_analysis`, C = `luma_latent`. Clause: analysis transform, primary component.

        (N, 1, H, W)        luma, (Y - 127.5) / 128
        (N, a, H/2, W/2)    C3/2 1->a, ResAU
        (N, a, H/4, W/4)    C3/2 a->a, ResAU
        (N, a, H/8, W/8)    C3/2 a->a, ResAU
        (N, C, H/16, W/16)  C3/2 a->C, C1 C->C

    Sizes are rounded up; an odd map is padded by its last row or column before it is halved.
    """

    def __init__(self, d: Dimensions) -> None:
        super().__init__()
        width = d.luma_analysis
        self.halvings = nn.Sequential(_Halving(1, width), _Halving(width, width), _Halving(width, width))
        self.last = _strong(conv(width, d.luma_latent, 3, 2))
        self.mix = _strong(conv(d.luma_latent, d.luma_latent, 1, bias=False))

    def forward(self, luma: Tensor) -> Tensor:
        latent: Tensor = self.mix(self.last(pad_to_even(self.halvings(luma))))
        return latent


class ChromaAnalysis(nn.Module):
    """Twelve half-size planes to chroma latent; a = `chroma_analysis`, C = `chroma_latent`. Secondary component.

    (N, 12, H/2, W/2)   four phases of Y, of U, of V, normalised as luma
    (N, a, H/4, W/4)    C3/2 12->a, ResAU
    (N, a, H/8, W/8)    C3/2 a->a, ResAU
    (N, a, H/16, W/16)  C3/2 a->a, ResAU
    (N, C, H/16, W/16)  C1 a->C
    """

    def __init__(self, d: Dimensions) -> None:
        super().__init__()
        width = d.chroma_analysis
        self.halvings = nn.Sequential(_Halving(CHROMA_PLANES, width), _Halving(width, width), _Halving(width, width))
        self.mix = _strong(conv(width, d.chroma_latent, 1, bias=False))

    def forward(self, planes: Tensor) -> Tensor:
        latent: Tensor = self.mix(self.halvings(planes))
        return latent
