"""The whole data path on sizes that nothing divides, the context model's causality, and which copy serves which model."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from jpegai_ref.colour import analysis_input
from jpegai_ref.context import POSITIONS, ContextModel, chroma_means, join_cells, split_cells
from jpegai_ref.dimensions import Dimensions
from jpegai_ref.hyper import hyper_symbols
from jpegai_ref.model import OPERATING_POINTS
from torch import Tensor

from tests.jpegai_ref.small import SMALL, small_model

SIZES = [(2, 2), (64, 64), (66, 130), (80, 98), (18, 62)]


@pytest.mark.parametrize(("height", "width"), SIZES)
def test_shapes_of_the_whole_path(height: int, width: int) -> None:
    model = small_model()
    luma, planes = analysis_input(torch.rand(1, 1, height, width) * 255, torch.rand(1, 2, height, width) * 255)
    with torch.no_grad():
        y, uv = model.analyse(luma, planes)
        size = (-(-height // 16), -(-width // 16))
        assert y.shape == (1, 32, *size)
        assert uv.shape == (1, 16, *size)
        z = hyper_symbols(model.luma_prior.encoder(y))
        assert z.shape[-2:] == (-(-height // 64), -(-width // 64))
        psi = model.luma_prior.decoder(z, height, width)
        assert psi.shape == (1, 4 * 32, -(-height // 32), -(-width // 32))
        assert model.luma_prior.scale_decoder(z, height, width).shape == y.shape
        y_hat = model.context(psi, lambda _, mean: mean, *size)
        assert y_hat.shape == y.shape
        psi_uv = model.chroma_prior.decoder(hyper_symbols(model.chroma_prior.encoder(uv)), height, width)
        assert chroma_means(psi_uv, *size).shape == uv.shape
        for point in OPERATING_POINTS:
            assert model.synthesiser(point, 0)(y_hat, uv, height, width).shape == (1, 3, height, width)


@given(height=st.integers(1, 9), width=st.integers(1, 9))
@settings(deadline=None, max_examples=30)
def test_cells_are_joined_as_they_were_split(height: int, width: int) -> None:
    y = torch.arange(2 * height * width, dtype=torch.float32).reshape(1, 2, height, width) + 1
    stages = split_cells(y)
    assert all(stage.shape == (1, 2, -(-height // 2), -(-width // 2)) for stage in stages)
    assert torch.equal(join_cells(stages, height, width), y)
    for stage, (row, column) in zip(stages, POSITIONS, strict=True):
        if row < height and column < width:
            assert stage[0, 0, 0, 0] == y[0, 0, row, column]


def test_a_stage_knows_only_the_stages_before_it() -> None:
    torch.manual_seed(2)
    context, psi = ContextModel(32), torch.randn(1, 128, 3, 3)
    sources = [torch.randn(1, 32, 3, 3) for _ in POSITIONS]

    def means(changed: int | None) -> list[Tensor]:
        seen: list[Tensor] = []

        def reconstruct(stage: int, mean: Tensor) -> Tensor:
            seen.append(mean)
            return sources[stage] + (1.0 if stage == changed else 0.0)

        context(psi, reconstruct, 6, 6)
        return seen

    with torch.no_grad():
        plain = means(None)
        for changed in range(4):
            for stage, (before, after) in enumerate(zip(plain, means(changed), strict=True)):
                assert torch.equal(before, after) == (stage <= changed)


def test_what_a_decoder_rebuilds_is_what_the_encoder_had() -> None:
    torch.manual_seed(2)
    context, psi, y = ContextModel(32), torch.randn(1, 128, 3, 4), 4 * torch.randn(1, 32, 5, 7)
    residuals: list[Tensor] = []

    def encode(stage: int, mean: Tensor) -> Tensor:
        residuals.append(torch.round(split_cells(y)[stage] - mean))
        return mean + residuals[-1]

    with torch.no_grad():
        encoded = context(psi, encode, 5, 7)
        decoded = context(psi, lambda stage, mean: mean + residuals[stage], 5, 7)
    assert torch.equal(encoded, decoded)
    assert (encoded - y).abs().max() <= 0.5 + 1e-5


def test_lower_models_share_the_first_copy() -> None:
    model = small_model()
    assert model.synthesiser("sop", 0) is model.synthesiser("sop", 1)
    assert model.synthesiser("sop", 1) is not model.synthesiser("sop", 2)
    assert model.synthesiser("hop", 0) is model.synthesiser("hop", 3)
    first, second = (model.synthesiser("bop", model_id).state_dict() for model_id in (0, 3))
    assert not torch.equal(first["luma.out.weight"], second["luma.out.weight"])
    model.copy_synthesis()
    assert all(torch.equal(first[name], second[name]) for name in first)


def test_unknown_models_and_operating_points_are_refused() -> None:
    with pytest.raises(ValueError, match=r"not in 0\.\.3"):
        small_model().synthesiser("sop", 4)
    from jpegai_ref.synthesis import Synthesis

    with pytest.raises(ValueError, match="not an operating point"):
        Synthesis(SMALL, "top")


@pytest.mark.parametrize(("field", "value"), [("luma_latent", 48), ("sop_luma", (16, 24, 16)), ("hop_luma", 18), ("combine", 0)])
def test_widths_that_the_groups_do_not_divide_are_refused(field: str, value: object) -> None:
    with pytest.raises(ValueError, match=r"not a multiple|at least one"):
        Dimensions(**{**vars(SMALL), field: value})
