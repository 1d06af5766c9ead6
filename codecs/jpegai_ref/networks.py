"""Every float network that coding runs, by name: for what runs them in another way than PyTorch's own, or takes them elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from torch import nn

from jpegai_ref.dimensions import OPERATING_POINTS
from jpegai_ref.model import Model


@dataclass(frozen=True, eq=False)
class Network:
    """A module of a model, where it can be replaced by another that computes the same."""

    name: str
    owner: nn.Module
    attribute: str
    inputs: tuple[tuple[str, int], ...]
    """Name and channels of each map (1, c, h, w) that it takes, all of one h and w."""
    stride: int | None = None
    """Samples of luma for each position of the inputs, where it also takes height and width of the luma plane; else None."""

    @property
    def module(self) -> nn.Module:
        module: nn.Module = getattr(self.owner, self.attribute)
        return module

    def replace(self, module: nn.Module) -> None:
        setattr(self.owner, self.attribute, module)


def encoder_networks(model: Model) -> Iterator[Network]:
    """Those that only an encoder runs."""
    yield Network("luma_analysis", model, "luma_analysis", (("luma", 1),))
    yield Network("chroma_analysis", model, "chroma_analysis", (("planes", 12),))
    yield Network("luma_hyper_encoder", model.luma_prior, "encoder", (("y", model.dimensions.luma_latent),))
    yield Network("chroma_hyper_encoder", model.chroma_prior, "encoder", (("y", model.dimensions.chroma_latent),))


def decoder_networks(model: Model, operating_points: tuple[str, ...] = OPERATING_POINTS) -> Iterator[Network]:
    """Those that a decoder of some operating points runs, in the order of the data path; see `hyper`, `context` and `synthesis`.

    The mean of stage s of the context model is predict_s(cat(gather_s(known), psi_s)), where known are y_hat of the stages before, side by
    side; that of stage 0 is predict_0(psi_0).
    """
    c, chroma = model.dimensions.luma_latent, model.dimensions.chroma_latent
    yield Network("luma_hyper_decoder", model.luma_prior, "decoder", (("z", c),), 64)
    yield Network("chroma_hyper_decoder", model.chroma_prior, "decoder", (("z", chroma),), 64)
    for stage in range(1, len(model.context.predict)):
        yield Network(f"luma_gather_{stage}", model.context.gather, str(stage - 1), (("known", stage * c),))
    for stage in range(len(model.context.predict)):
        yield Network(f"luma_predict_{stage}", model.context.predict, str(stage), (("prediction", 2 * c if stage else c),))
    for point in OPERATING_POINTS:
        for number, synthesis in enumerate(model.synthesis_copies(point) if point in operating_points else ()):
            yield Network(f"luma_synthesis_{point}_{number}", synthesis, "luma", (("luma", c),), 16)
            yield Network(f"chroma_synthesis_{point}_{number}", synthesis, "chroma", (("luma", c), ("chroma", chroma)), 16)
