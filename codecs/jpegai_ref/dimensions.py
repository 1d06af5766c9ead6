"""How wide every network is: the compact configuration of this codec, and that of the standard's reference software."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

OperatingPoint = Literal["sop", "bop", "hop"]
OPERATING_POINTS: tuple[OperatingPoint, ...] = ("sop", "bop", "hop")
MODELS = 4
"""Model ids: vectors of gains; every tool has its constants for each."""

GATE_CHANNELS_PER_GROUP = 16
"""Channels in one group of a ResAU of the SOP and BOP synthesis."""
GATE_GROUPS = 4
"""Groups of a ResAU of the analysis and of the HOP synthesis."""
CONTEXT_CHANNELS_PER_GROUP = 32
ATTENTION_HEADS = 4
FEED_FORWARD_EXPANSION = 4


@dataclass(frozen=True)
class Dimensions:
    """Channels of every network.

    Latent channels of luma must be a multiple of 32 (context model), widths of the SOP and BOP synthesis of 16 (ResAU groups), widths of
    the HOP synthesis and of the analysis of 4 (ResAU groups, attention heads). Raises ValueError otherwise.
    """

    luma_latent: int
    chroma_latent: int
    luma_analysis: int
    chroma_analysis: int
    slim_hyper_encoder: bool
    """Three convolutions instead of the five of the reference software; an encoder is free in this."""
    combine: int
    """Channels that the chroma synthesis draws from both latents together."""
    sop_luma: tuple[int, int, int]
    """Widths at 1/8, 1/4 and in the middle layer at 1/4."""
    sop_chroma: tuple[int, int]
    """Widths at 1/8 and in the middle layer at 1/8."""
    bop_luma: tuple[int, int, int]
    bop_chroma: tuple[int, int]
    hop_luma: int
    hop_chroma: int

    def __post_init__(self) -> None:
        groups = {
            CONTEXT_CHANNELS_PER_GROUP: (self.luma_latent,),
            GATE_CHANNELS_PER_GROUP: (*self.sop_luma, *self.sop_chroma, *self.bop_luma, *self.bop_chroma),
            GATE_GROUPS: (self.hop_luma, self.hop_chroma, self.luma_analysis, self.chroma_analysis),
        }
        for divisor, widths in groups.items():
            for width in widths:
                if width < divisor or width % divisor:
                    raise ValueError(f"a width of {width} channels is not a multiple of {divisor}")
        if min(self.chroma_latent, self.combine) < 1:
            raise ValueError("every network needs at least one channel")


COMPACT = Dimensions(
    luma_latent=128,
    chroma_latent=64,
    luma_analysis=96,
    chroma_analysis=64,
    slim_hyper_encoder=True,
    combine=48,
    sop_luma=(64, 32, 32),
    sop_chroma=(32, 32),
    bop_luma=(64, 64, 96),
    bop_chroma=(64, 96),
    hop_luma=64,
    hop_chroma=48,
)
"""The configuration of this codec."""

FULL_SIZE = Dimensions(
    luma_latent=160,
    chroma_latent=96,
    luma_analysis=128,
    chroma_analysis=128,
    slim_hyper_encoder=False,
    combine=48,
    sop_luma=(64, 32, 32),
    sop_chroma=(32, 32),
    bop_luma=(64, 64, 96),
    bop_chroma=(64, 128),
    hop_luma=128,
    hop_chroma=64,
)
"""The configuration of the reference software of ISO/IEC 6048-1; for comparison of sizes and complexity, without weights."""
