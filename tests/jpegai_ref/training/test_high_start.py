"""HOP takes over what it can of a trained BOP, and ends near it instead of where the transform has left it."""

from __future__ import annotations

import pytest
import torch
from jpegai_ref.dimensions import COMPACT
from jpegai_ref.model import Model
from jpegai_ref.training.block_transform import ChromaTransform, sample_blocks
from jpegai_ref.training.high_start import Example, start_high
from jpegai_ref.training.transform_start import start_from_transform
from skimage import data

SIDE = 128


def test_high_decodes_moved_latents() -> None:
    """Latents are mixed among themselves, and BOP's first layer unmixes them: HOP has never seen such latents."""
    torch.manual_seed(1)
    picture = torch.from_numpy(data.coffee()).permute(2, 0, 1).contiguous()
    model = Model(COMPACT)
    start_from_transform(model, [picture], 1)
    transform = ChromaTransform(sample_blocks([picture], 1), COMPACT.chroma_analysis, COMPACT.chroma_latent)
    (high,), base = model.synthesis_copies("hop"), model.synthesis_copies("bop")[0]
    from jpegai_ref.colour import analysis_input
    from jpegai_ref.training.forward import planes_of

    turn, _ = torch.linalg.qr(torch.randn(COMPACT.luma_latent, COMPACT.luma_latent))
    examples = []
    with torch.no_grad():
        up = getattr(base.luma, "up1")  # noqa: B009 - typed as a module
        up.weight.copy_(torch.einsum("ij,jokl->iokl", turn, up.weight))
        base.luma.pre.conv.weight.zero_()  # type: ignore[union-attr,operator]
        for left in range(0, 512, SIDE):
            planes = planes_of(picture[None, :, :SIDE, left : left + SIDE])
            luma, chroma = model.analyse(*analysis_input(planes[:, :1], planes[:, 1:]))
            examples.append(Example(planes, torch.einsum("ij,njhw->nihw", turn, luma), chroma))

    def error(decoder: torch.nn.Module) -> float:
        with torch.no_grad():
            shown = [decoder(example.luma, example.chroma, SIDE, SIDE)[:, 0] * 128 + 127.5 for example in examples]
        return float(torch.stack([(s - e.planes[:, 0]).square().mean() for s, e in zip(shown, examples, strict=True)]).mean())

    before, reference = error(high), error(base)
    start_high(model, transform, examples)
    assert before > 20 * reference
    assert error(high) == pytest.approx(reference, rel=0.3)
