"""Synthesis transforms g_s of the three operating points: simple (SOP), base (BOP), high (HOP).

All take luma sizes `height`, `width` and give planes of that size in the networks' range, (value - 127.5) / 128; C is the luma latent's
channels, c the chroma latent's. Sizes after "crop" are rounded up.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from jpegai_ref.blocks import CAB, TAM, Conv2x2Pxl2, LightResidualBlock, ResAU, ResidualBlock, conv, crop, double3, double4
from jpegai_ref.dimensions import GATE_CHANNELS_PER_GROUP, GATE_GROUPS, Dimensions

Upsampler = Callable[[int, int], nn.Module]
"""(channels before, channels after) -> a layer that doubles the size."""


def _light_gate(channels: int) -> ResAU:
    return ResAU(channels, channels // GATE_CHANNELS_PER_GROUP)


class LightLumaSynthesis(nn.Module):
    """Luma of SOP and BOP; widths p, q, r; the operating points differ in the upsampler and in widths.

        y_hat (N, C, H/16, W/16)
        LightResidualBlock
        up C->p, ResAU, crop        (N, p, H/8, W/8)
        up p->q, crop, ResAU        (N, q, H/4, W/4)
        C3 q->r, ResAU              (N, r, H/4, W/4)
        C1 r->16, PS(4), crop       (N, 1, H, W)

    up: Conv2x2Pxl2 (SOP) or T4 (BOP).
    """

    def __init__(self, latent: int, widths: tuple[int, int, int], up: Upsampler) -> None:
        super().__init__()
        p, q, r = widths
        self.pre = LightResidualBlock(latent)
        self.up1, self.gate1 = up(latent, p), _light_gate(p)
        self.up2, self.gate2 = up(p, q), _light_gate(q)
        self.mid, self.gate3 = conv(q, r, 3), _light_gate(r)
        self.out = conv(r, 16, 1, bias=False)

    def forward(self, y_hat: Tensor, height: int, width: int) -> Tensor:
        x = crop(self.gate1(self.up1(self.pre(y_hat))), height, width, 8)
        x = self.gate2(crop(self.up2(x), height, width, 4))
        x = self.gate3(self.mid(x))
        return crop(F.pixel_shuffle(self.out(x), 4), height, width, 1)


class LightChromaSynthesis(nn.Module):
    """Chroma of SOP and BOP; widths p, q; `combine` i.

    cat(y_hat luma, y_hat chroma) (N, C + c, H/16, W/16) -- C3 -> i -- cat with y_hat chroma (N, i + c, H/16, W/16)
    up -> p, crop, ResAU        (N, p, H/8, W/8)
    C3 p->q, ResAU              (N, q, H/8, W/8)
    C1 q->128, PS(8), crop      (N, 2, H, W)       U and V
    """

    def __init__(self, d: Dimensions, widths: tuple[int, int], up: Upsampler) -> None:
        super().__init__()
        p, q = widths
        self.combine = conv(d.luma_latent + d.chroma_latent, d.combine, 3)
        self.up, self.gate1 = up(d.combine + d.chroma_latent, p), _light_gate(p)
        self.mid, self.gate2 = conv(p, q, 3), _light_gate(q)
        self.out = conv(q, 128, 1, bias=False)

    def forward(self, luma: Tensor, chroma: Tensor, height: int, width: int) -> Tensor:
        x = torch.cat((self.combine(torch.cat((luma, chroma), 1)), chroma), 1)
        x = self.gate1(crop(self.up(x), height, width, 8))
        x = self.gate2(self.mid(x))
        return crop(F.pixel_shuffle(self.out(x), 8), height, width, 1)


class HighLumaSynthesis(nn.Module):
    """Luma of HOP; width p = `hop_luma`.

    y_hat (N, C, H/16, W/16)
    ResidualBlock
    T3 C->p, ResAU, crop                        (N, p, H/8, W/8)
    T3 p->p, CAB, crop, ResAU                   (N, p, H/4, W/4)
    C1 p->4p, PS(2), TAM at 1/4, crop, ResAU    (N, p, H/2, W/2)
    T3 p->1, crop                               (N, 1, H, W)
    """

    def __init__(self, d: Dimensions) -> None:
        super().__init__()
        p = d.hop_luma
        self.pre = ResidualBlock(d.luma_latent)
        self.up1, self.gate1 = double3(d.luma_latent, p), ResAU(p, GATE_GROUPS)
        self.up2, self.attention2, self.gate2 = double3(p, p), CAB(p), ResAU(p, GATE_GROUPS)
        self.up3, self.attention3, self.gate3 = conv(p, 4 * p, 1), TAM(p, downsample=True), ResAU(p, GATE_GROUPS)
        self.out = double3(p, 1)

    def forward(self, y_hat: Tensor, height: int, width: int) -> Tensor:
        x = crop(self.gate1(self.up1(self.pre(y_hat))), height, width, 8)
        x = self.gate2(crop(self.attention2(self.up2(x)), height, width, 4))
        x = self.gate3(crop(self.attention3(F.pixel_shuffle(self.up3(x), 2)), height, width, 2))
        return crop(self.out(x), height, width, 1)


class HighChromaSynthesis(nn.Module):
    """Chroma of HOP; width p = `hop_chroma`, `combine` i.

    cat(y_hat luma, y_hat chroma) (N, C + c, H/16, W/16) -- C3 -> i -- cat with y_hat chroma (N, i + c, H/16, W/16)
    T3 -> p, CAB, crop, ResAU                   (N, p, H/8, W/8)
    C1 p->4p, PS(2), TAM, crop, ResAU           (N, p, H/4, W/4)
    T3 p->8, PS(2), crop                        (N, 2, H, W)       U and V
    """

    def __init__(self, d: Dimensions) -> None:
        super().__init__()
        p = d.hop_chroma
        self.combine = conv(d.luma_latent + d.chroma_latent, d.combine, 3)
        self.up1, self.attention1, self.gate1 = double3(d.combine + d.chroma_latent, p), CAB(p), ResAU(p, GATE_GROUPS)
        self.up2, self.attention2, self.gate2 = conv(p, 4 * p, 1), TAM(p, downsample=False), ResAU(p, GATE_GROUPS)
        self.out = double3(p, 8)

    def forward(self, luma: Tensor, chroma: Tensor, height: int, width: int) -> Tensor:
        x = torch.cat((self.combine(torch.cat((luma, chroma), 1)), chroma), 1)
        x = self.gate1(crop(self.attention1(self.up1(x)), height, width, 8))
        x = self.gate2(crop(self.attention2(F.pixel_shuffle(self.up2(x), 2)), height, width, 4))
        return crop(F.pixel_shuffle(self.out(x), 2), height, width, 1)


class Synthesis(nn.Module):
    """One decoder: luma and chroma of one operating point, `sop`, `bop` or `hop`. Raises ValueError for another name.

    y_hat luma (N, C, H/16, W/16), y_hat chroma (N, c, H/16, W/16) -> Y, U, V (N, 3, H, W) in the networks' range.
    """

    def __init__(self, d: Dimensions, operating_point: str) -> None:
        super().__init__()
        self.luma: nn.Module
        self.chroma: nn.Module
        if operating_point == "sop":
            self.luma = LightLumaSynthesis(d.luma_latent, d.sop_luma, Conv2x2Pxl2)
            self.chroma = LightChromaSynthesis(d, d.sop_chroma, Conv2x2Pxl2)
        elif operating_point == "bop":
            self.luma = LightLumaSynthesis(d.luma_latent, d.bop_luma, double4)
            self.chroma = LightChromaSynthesis(d, d.bop_chroma, double4)
        elif operating_point == "hop":
            self.luma, self.chroma = HighLumaSynthesis(d), HighChromaSynthesis(d)
        else:
            raise ValueError(f"{operating_point!r} is not an operating point; there are sop, bop and hop")

    def forward(self, luma: Tensor, chroma: Tensor, height: int, width: int) -> Tensor:
        return torch.cat((self.luma(luma, height, width), self.chroma(luma, chroma, height, width)), 1)
