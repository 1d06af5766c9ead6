"""Layers and arithmetic against two witnesses: PyTorch's counter, and what is published of the reference software."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from jpegai_ref.complexity import decoder, encoder, parts
from jpegai_ref.dimensions import COMPACT, FULL_SIZE, Dimensions
from jpegai_ref.hyper import sigma_levels
from jpegai_ref.model import OPERATING_POINTS, Model
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

SIDE = 128

PUBLISHED = {
    "luma analysis": (666, 30.1),
    "chroma analysis": (481, 8.2),
    "luma hyper-encoder": (1153, 2.31),
    "chroma hyper-encoder": (415, 0.83),
    "luma hyper-decoder": (1588, 1.23),
    "chroma hyper-decoder": (572, 0.44),
    "luma hyper-scale decoder": (669, 0.163),
    "chroma hyper-scale decoder": (241, 0.059),
    "context model": (676, 0.66),
    "sop luma synthesis": (462, 3.57),
    "sop chroma synthesis": (209, 1.10),
    "bop luma synthesis": (567, 8.60),
    "bop chroma synthesis": (397, 3.17),
    "hop luma synthesis": (3342, 131.2),
    "hop chroma synthesis": (755, 14.7),
}
"""Thousands of parameters and kMAC per luma sample of the reference software, computed from its published layer tables, whose parameters
make up the sizes of its published weights (12.36, 2.69, 3.86, 16.40 MB)."""


def _networks(model: Model) -> dict[str, nn.Module]:
    networks: dict[str, nn.Module] = {
        "luma analysis": model.luma_analysis,
        "chroma analysis": model.chroma_analysis,
        "luma hyper-encoder": model.luma_prior.encoder,
        "chroma hyper-encoder": model.chroma_prior.encoder,
        "luma hyper-decoder": model.luma_prior.decoder,
        "chroma hyper-decoder": model.chroma_prior.decoder,
        "luma hyper-scale decoder": model.luma_prior.scale_decoder,
        "chroma hyper-scale decoder": model.chroma_prior.scale_decoder,
        "context model": model.context,
    }
    for name in OPERATING_POINTS:
        synthesis = model.synthesiser(name, 0)
        networks |= {f"{name} luma synthesis": synthesis.luma, f"{name} chroma synthesis": synthesis.chroma}
    return networks


def _inputs(d: Dimensions) -> dict[str, tuple[object, ...]]:
    """What each network eats for a picture of SIDE x SIDE."""
    y, uv = torch.zeros(1, d.luma_latent, SIDE // 16, SIDE // 16), torch.zeros(1, d.chroma_latent, SIDE // 16, SIDE // 16)
    z_y, z_uv = y[..., ::4, ::4], uv[..., ::4, ::4]
    psi = torch.zeros(1, 4 * d.luma_latent, SIDE // 32, SIDE // 32)
    mean: Callable[[int, Tensor], Tensor] = lambda stage, mu: mu  # noqa: E731, ARG005
    inputs: dict[str, tuple[object, ...]] = {
        "luma analysis": (torch.zeros(1, 1, SIDE, SIDE),),
        "chroma analysis": (torch.zeros(1, 12, SIDE // 2, SIDE // 2),),
        "luma hyper-encoder": (y,),
        "chroma hyper-encoder": (uv,),
        "context model": (psi, mean, SIDE // 16, SIDE // 16),
    }
    for part in ("hyper-decoder", "hyper-scale decoder"):
        inputs |= {f"luma {part}": (z_y, SIDE, SIDE), f"chroma {part}": (z_uv, SIDE, SIDE)}
    for point in ("sop", "bop", "hop"):
        inputs |= {f"{point} luma synthesis": (y, SIDE, SIDE), f"{point} chroma synthesis": (y, uv, SIDE, SIDE)}
    return inputs


@pytest.mark.parametrize("dimensions", [COMPACT, FULL_SIZE], ids=["compact", "full size"])
def test_formula_agrees_with_the_networks(dimensions: Dimensions) -> None:
    torch.manual_seed(1)
    networks, inputs, formula = _networks(Model(dimensions)), _inputs(dimensions), parts(dimensions)
    assert formula.keys() == networks.keys()
    for name, network in networks.items():
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(*inputs[name])
        assert counter.get_total_flops() / 2 / SIDE**2 / 1000 == pytest.approx(formula[name].kmac_per_sample, rel=1e-9), name
        assert sum(parameter.numel() for parameter in network.parameters()) == formula[name].parameters, name


def test_full_size_is_that_of_the_reference_software() -> None:
    for name, part in parts(FULL_SIZE).items():
        thousands, kmac = PUBLISHED[name]
        assert part.parameters / 1000 == pytest.approx(thousands, abs=1), name
        assert part.kmac_per_sample == pytest.approx(kmac, rel=0.01), name


@pytest.mark.parametrize(("operating_point", "kmac", "millions"), [("sop", 7.2, 4.42), ("bop", 14.3, 4.71), ("hop", 148.5, 7.84)])
def test_full_size_decoders(operating_point: str, kmac: float, millions: float) -> None:
    whole = decoder(FULL_SIZE, operating_point)
    assert whole.kmac_per_sample == pytest.approx(kmac, abs=0.05)
    assert whole.parameters / 1e6 == pytest.approx(millions, abs=0.005)


def test_the_encoder_of_the_compact_configuration() -> None:
    assert encoder(COMPACT).kmac_per_sample == pytest.approx(21.8, abs=0.05)


def test_sigma_levels_are_folded_and_bounded() -> None:
    levels = sigma_levels(torch.linspace(-40, 40, 16).reshape(1, 16, 1, 1), 64, 64)
    assert levels.shape == (1, 1, 4, 4)
    assert levels.min() >= 0
    assert levels.max() == 3967 / 128
