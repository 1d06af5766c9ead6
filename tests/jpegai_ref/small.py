"""Networks small enough for tests, and a seed."""

from __future__ import annotations

import torch
from jpegai_ref.dimensions import Dimensions
from jpegai_ref.model import Model

SMALL = Dimensions(
    luma_latent=32,
    chroma_latent=16,
    luma_analysis=16,
    chroma_analysis=16,
    slim_hyper_encoder=True,
    combine=8,
    sop_luma=(16, 16, 16),
    sop_chroma=(16, 16),
    bop_luma=(16, 16, 32),
    bop_chroma=(16, 32),
    hop_luma=16,
    hop_chroma=16,
)


def small_model(seed: int = 1) -> Model:
    torch.manual_seed(seed)
    return Model(SMALL)
