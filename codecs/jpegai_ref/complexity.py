"""Multiply-accumulates and parameters of every part, from its table of layers.

One MAC is one multiplication of a convolution or matrix product. A transposed convolution counts per *input* sample, as the arithmetic
is; programs that count it per output sample (ptflops) give figures of HOP about a third higher. Activations, biases, normalisation,
pixel shuffles count nothing. A `Part` is per sample of the luma plane, for sizes that 64 divides; `macs` is for any size.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

from jpegai_ref.dimensions import (
    ATTENTION_HEADS,
    CONTEXT_CHANNELS_PER_GROUP,
    FEED_FORWARD_EXPANSION,
    GATE_CHANNELS_PER_GROUP,
    GATE_GROUPS,
    MODELS,
    OPERATING_POINTS,
    Dimensions,
)
from jpegai_ref.eicci_geometry import BANDS, BLOCK, CHROMA_WIDTHS, LUMA_WIDTHS, PLANES, EicciWidths

ENTROPY_DECODER = ("hyper-decoder", "hyper-scale decoder", "context model")
"""In the names of the networks that every decoder runs on the whole picture, ahead of the synthesis."""


@dataclass(frozen=True)
class Layer:
    """One convolution, or other arithmetic that is charged per position; `divider` 16 means that it runs on a map of H/16 x W/16."""

    macs: int
    parameters: int
    divider: int
    cropped_at: int = 0
    """Divider of the last map before it that was cut to the picture's size, where this one has been enlarged from it; 0: its own."""

    def positions(self, height: int, width: int) -> int:
        """Of its map, in a picture of this size; divided sizes are rounded up where maps are cut to them."""
        base = self.cropped_at or self.divider
        return -(-height // base) * -(-width // base) * (base // self.divider) ** 2

    @property
    def macs_per_sample(self) -> Fraction:
        return Fraction(self.macs, self.divider**2)


@dataclass(frozen=True)
class Part:
    """A network: its name, parameters, and thousands of MACs per luma sample."""

    name: str
    parameters: int
    kmac_per_sample: float


def _conv(before: int, after: int, kernel: int, divider: int, groups: int = 1, bias: bool = True) -> Layer:
    """`divider` of the output of a convolution, of the input of a transposed one."""
    weights = before * after * kernel**2 // groups
    return Layer(weights, weights + (after if bias else 0), divider)


def _gate(c: int, groups: int, divider: int) -> list[Layer]:
    return [_conv(c, c, 3, divider, groups, bias=False), _conv(c, c, 1, divider, bias=False)]


def _light_gate(c: int, divider: int) -> list[Layer]:
    return _gate(c, c // GATE_CHANNELS_PER_GROUP, divider)


def _residual(c: int, divider: int) -> list[Layer]:
    return [_conv(c, c, 3, divider)] * 2


def _cab(c: int, divider: int) -> list[Layer]:
    half = 2 * divider
    return [*_residual(c, divider) * 2, _conv(c, c, 3, half), *_residual(c, half) * 2, _conv(c, c, 3, half)]


def _transformer(d: int, divider: int) -> list[Layer]:
    norm = Layer(0, 2 * d, divider)
    products = Layer(2 * d * d // ATTENTION_HEADS, ATTENTION_HEADS, divider)
    wide = 2 * FEED_FORWARD_EXPANSION * d
    attention = [_conv(d, 3 * d, 1, divider, bias=False), _conv(3 * d, 3 * d, 3, divider, 3 * d, bias=False), products]
    feed = [_conv(d, wide, 1, divider, bias=False), _conv(wide, wide, 3, divider, wide, bias=False)]
    return [norm, *attention, _conv(d, d, 1, divider, bias=False), norm, *feed, _conv(wide // 2, d, 1, divider, bias=False)]


def _tam(d: int, divider: int, downsample: bool) -> list[Layer]:
    if not downsample:
        return _transformer(d, divider) * 2
    half = 2 * divider
    return [_conv(d, d, 3, half), *_transformer(d, half) * 2, _conv(d, d, 3, half)]


def _before_crop(cropped_at: int, layers: list[Layer]) -> list[Layer]:
    """Layers on a map that has been enlarged from one at 1/`cropped_at` and is not cut yet."""
    return [replace(layer, cropped_at=cropped_at) for layer in layers]


def luma_analysis(d: Dimensions) -> list[Layer]:
    a, c = d.luma_analysis, d.luma_latent
    layers = [_conv(1, a, 3, 2), *_gate(a, GATE_GROUPS, 2)]
    for divider in (4, 8):
        layers += [_conv(a, a, 3, divider), *_gate(a, GATE_GROUPS, divider)]
    return [*layers, _conv(a, c, 3, 16), _conv(c, c, 1, 16, bias=False)]


def chroma_analysis(d: Dimensions) -> list[Layer]:
    a = d.chroma_analysis
    layers: list[Layer] = []
    for before, divider in ((12, 4), (a, 8), (a, 16)):
        layers += [_conv(before, a, 3, divider), *_gate(a, GATE_GROUPS, divider)]
    return [*layers, _conv(a, d.chroma_latent, 1, 16, bias=False)]


def hyper_encoder(c: int, slim: bool) -> list[Layer]:
    dividers = (16, 32, 64) if slim else (16, 16, 32, 32, 64)
    return [_conv(c, c, 3, divider) for divider in dividers]


def hyper_decoder(c: int) -> list[Layer]:
    return [_conv(c, c, 1, 64, bias=False), _conv(c, c, 4, 64), _conv(c, c, 3, 32), _conv(c, 4 * c, 3, 32)]


def hyper_scale_decoder(c: int) -> list[Layer]:
    return [_conv(c, c, 1, 64), _conv(c, c, 3, 64), _conv(c, 16 * c, 1, 64)]


def context_model(c: int) -> list[Layer]:
    layers: list[Layer] = []
    for stage in range(4):
        if stage:
            layers += [_conv(stage * c, c, 1, 32, bias=False), _conv(c, c, 3, 32, c // CONTEXT_CHANNELS_PER_GROUP)]
        layers += [_conv(2 * c if stage else c, c, 1, 32, bias=False), *[_conv(c, c, 1, 32, bias=False)] * 2]
    return layers


def light_luma_synthesis(c: int, widths: tuple[int, int, int], transposed: bool) -> list[Layer]:
    p, q, r = widths

    def up(before: int, after: int, divider: int) -> Layer:
        return _conv(before, after, 4, divider) if transposed else _conv(before, 4 * after, 2, divider, bias=False)

    return [
        _conv(c, c, 3, 16),
        *(up(c, p, 16), *_before_crop(16, _light_gate(p, 8))),
        *(up(p, q, 8), *_light_gate(q, 4)),
        *(_conv(q, r, 3, 4), *_light_gate(r, 4)),
        _conv(r, 16, 1, 4, bias=False),
    ]


def light_chroma_synthesis(d: Dimensions, widths: tuple[int, int], transposed: bool) -> list[Layer]:
    p, q = widths
    before = d.combine + d.chroma_latent
    return [
        _conv(d.luma_latent + d.chroma_latent, d.combine, 3, 16),
        _conv(before, p, 4, 16) if transposed else _conv(before, 4 * p, 2, 16, bias=False),
        *_light_gate(p, 8),
        *(_conv(p, q, 3, 8), *_light_gate(q, 8)),
        _conv(q, 128, 1, 8, bias=False),
    ]


def high_luma_synthesis(d: Dimensions) -> list[Layer]:
    c, p = d.luma_latent, d.hop_luma
    return [
        *_residual(c, 16),
        *(_conv(c, p, 3, 16), *_before_crop(16, _gate(p, GATE_GROUPS, 8))),
        *(_conv(p, p, 3, 8), *_before_crop(8, _cab(p, 4)), *_gate(p, GATE_GROUPS, 4)),
        *(_conv(p, 4 * p, 1, 4), *_tam(p, 2, downsample=True), *_gate(p, GATE_GROUPS, 2)),
        _conv(p, 1, 3, 2),
    ]


def high_chroma_synthesis(d: Dimensions) -> list[Layer]:
    p = d.hop_chroma
    return [
        _conv(d.luma_latent + d.chroma_latent, d.combine, 3, 16),
        *(_conv(d.combine + d.chroma_latent, p, 3, 16), *_before_crop(16, _cab(p, 8)), *_gate(p, GATE_GROUPS, 8)),
        *(_conv(p, 4 * p, 1, 8), *_before_crop(8, _tam(p, 4, downsample=False)), *_gate(p, GATE_GROUPS, 4)),
        _conv(p, 8, 3, 4),
    ]


def _part(name: str, layers: Iterable[Layer]) -> Part:
    layers = list(layers)
    return Part(name, sum(layer.parameters for layer in layers), float(sum(layer.macs_per_sample for layer in layers)) / 1000)


def networks(d: Dimensions) -> dict[str, list[Layer]]:
    """Layers of every network by its name; a synthesis counts once, whatever the number of copies that models share."""
    y, uv = d.luma_latent, d.chroma_latent
    return {
        "luma analysis": luma_analysis(d),
        "chroma analysis": chroma_analysis(d),
        "luma hyper-encoder": hyper_encoder(y, d.slim_hyper_encoder),
        "chroma hyper-encoder": hyper_encoder(uv, d.slim_hyper_encoder),
        "luma hyper-decoder": hyper_decoder(y),
        "chroma hyper-decoder": hyper_decoder(uv),
        "luma hyper-scale decoder": hyper_scale_decoder(y),
        "chroma hyper-scale decoder": hyper_scale_decoder(uv),
        "context model": context_model(y),
        "sop luma synthesis": light_luma_synthesis(y, d.sop_luma, transposed=False),
        "sop chroma synthesis": light_chroma_synthesis(d, d.sop_chroma, transposed=False),
        "bop luma synthesis": light_luma_synthesis(y, d.bop_luma, transposed=True),
        "bop chroma synthesis": light_chroma_synthesis(d, d.bop_chroma, transposed=True),
        "hop luma synthesis": high_luma_synthesis(d),
        "hop chroma synthesis": high_chroma_synthesis(d),
    }


def parts(d: Dimensions) -> dict[str, Part]:
    """Every network by its name."""
    return {name: _part(name, layers) for name, layers in networks(d).items()}


def macs(layers: Iterable[Layer], height: int, width: int) -> int:
    """Multiply-accumulates on a picture, or a tile of one, of this size."""
    return sum(layer.macs * layer.positions(height, width) for layer in layers)


def eicci_filter(widths: EicciWidths) -> list[Layer]:
    """A trunk with its heads, the Haar transforms in its convolutions; a first bias and strengths for each model and operating point."""
    c, heads, settings = widths.channels, widths.heads, MODELS * len(OPERATING_POINTS)
    pair = Layer(c * c * 3, c * c * 3 + c, BLOCK)
    return [
        _conv(PLANES * BANDS, c, 3, BLOCK, bias=False),
        *[pair] * 2 * widths.blocks,
        _conv(c, heads * BANDS, 3, BLOCK),
        Layer(0, settings * (c + heads), BLOCK),
    ]


def filter_parts() -> list[Part]:
    """The networks of eICCI, in no sum: a decoder runs them where a stream asks for them."""
    widths = {"luma": LUMA_WIDTHS, "chroma": CHROMA_WIDTHS}
    return [_part(f"eicci {name} filter", eicci_filter(of_component)) for name, of_component in widths.items()]


def _sum(name: str, chosen: Iterable[Part]) -> Part:
    chosen = list(chosen)
    return Part(name, sum(part.parameters for part in chosen), sum(part.kmac_per_sample for part in chosen))


def decoder(d: Dimensions, operating_point: str) -> Part:
    """All that a decoder of an operating point runs: both hyper-decoders, hyper-scale decoders, context model, synthesis."""
    common = (*ENTROPY_DECODER, f"{operating_point} ")
    return _sum(f"{operating_point} decoder", (part for name, part in parts(d).items() if any(word in name for word in common)))


def encoder(d: Dimensions) -> Part:
    """All that an encoder runs: analysis, hyper-encoders, and the entropy part that it shares with decoders."""
    runs = ("analysis", "hyper-", "context model")
    return _sum("encoder", (part for name, part in parts(d).items() if any(word in name for word in runs)))
