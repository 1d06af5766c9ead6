"""The networks at the start of training against Karhunen-Loeve transforms computed with NumPy on the same blocks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from jpegai_ref.colour import CENTRE, HALF_RANGE, analysis_input, ycc_from_rgb
from jpegai_ref.dimensions import COMPACT, Dimensions
from jpegai_ref.model import OPERATING_POINTS, Model, OperatingPoint
from jpegai_ref.training.block_transform import sample_blocks
from jpegai_ref.training.transform_start import LOWEST_LEVEL, start_from_transform
from jpegai_ref.variable_rate import sigma_of
from numpy.typing import NDArray
from skimage import data
from torch import Tensor

from tests.jpegai_ref.small import SMALL

Floats = NDArray[np.float64]
SEED = 3


def _rgb(picture: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)


def _photographs() -> list[Tensor]:
    return [_rgb(data.astronaut()[64:320, 128:384]), _rgb(data.coffee())]  # type: ignore[no-untyped-call]


def _directed() -> list[Tensor]:
    """Rows of luma alternate, columns do not; where blue varies most, red does least."""
    random = np.random.default_rng(1)
    rows, columns = random.normal(size=(2, 96, 128, 1))
    rows, columns = np.broadcast_to(rows[:, :1], (96, 128, 1)), np.broadcast_to(columns[:1], (96, 128, 1))
    picture = 128 + 40 * rows + np.array([0, 0, 45]) * columns + random.normal(0, 3, (96, 128, 3))
    return [_rgb(np.clip(picture, 0, 255).astype(np.uint8))]


def _started(d: Dimensions, pictures: list[Tensor]) -> Model:
    torch.manual_seed(2)
    model = Model(d)
    start_from_transform(model, pictures, SEED)
    return model


def _planes(picture: Tensor) -> Tensor:
    return ycc_from_rgb(picture[None].float())


def _centred(planes: Tensor) -> Floats:
    """(1, 3, h, w) in [0, 255] -> (3, h, w), 0 in the middle of the range."""
    return (planes[0] - CENTRE).double().numpy()


def _blocks(pictures: list[Tensor]) -> Floats:
    """As the start sees them, on the scale of samples."""
    return HALF_RANGE * sample_blocks(pictures, SEED).double().numpy()


def _shown(model: Model, planes: Tensor, operating_point: OperatingPoint) -> Tensor:
    """Analysis and synthesis without rounding between them."""
    height, width = planes.shape[-2:]
    with torch.no_grad():
        latents = model.analyse(*analysis_input(planes[:, :1], planes[:, 1:]))
        return model.synthesiser(operating_point, 0)(*latents, height, width) * HALF_RANGE + CENTRE


def _psnr(shown: Floats, planes: Floats) -> float:
    return float(10 * np.log10(255**2 / np.mean((shown - planes) ** 2)))


def _basis(samples: Floats, number: int) -> Floats:
    """(number, d): by the singular value decomposition of samples (n, d)."""
    return np.linalg.svd(samples, full_matrices=False)[2][:number]


def _tiles(planes: Floats, side: int) -> Floats:
    """(c, h, w) -> (n, c * side * side), row by row."""
    c, h, w = planes.shape
    return planes.reshape(c, h // side, side, w // side, side).transpose(1, 3, 0, 2, 4).reshape(-1, c * side * side)


def _planes_of(tiles: Floats, c: int, h: int, w: int) -> Floats:
    side = round((tiles.shape[1] / c) ** 0.5)
    return tiles.reshape(h // side, w // side, c, side, side).transpose(2, 0, 3, 1, 4).reshape(c, h, w)


def _luma_klt(blocks: Floats, plane: Floats, latents: int) -> Floats:
    """What the best `latents` coefficients of each block of a plane (h, w) show; blocks (n, s, s), all in the networks' range."""
    basis = _basis(blocks.reshape(len(blocks), -1), latents)
    tiles = _tiles(plane[None], blocks.shape[-1])
    return _planes_of(tiles @ basis.T @ basis, 1, *plane.shape)[0]


def _chroma_klt(blocks: Floats, planes: Floats, width: int, latents: int, shown: int) -> Floats:
    """`width` coefficients of each 8x8 of U and V together, `latents` of those of four; `shown` of a quarter's are synthesised."""
    quarters = blocks.reshape(-1, 2, 2, 8, 2, 8).transpose(0, 2, 4, 1, 3, 5).reshape(-1, 128)
    first = _basis(quarters, width)
    second = _basis((quarters @ first.T).reshape(len(blocks), -1), latents)
    _, h, w = planes.shape
    coefficients = (_tiles(planes, 8) @ first.T).reshape(h // 16, 2, w // 16, 2, width).transpose(0, 2, 1, 3, 4).reshape(-1, 4 * width)
    kept = (coefficients @ second.T @ second).reshape(h // 16, w // 16, 2, 2, width)[..., :shown]
    return _planes_of(kept.transpose(0, 2, 1, 3, 4).reshape(-1, shown) @ first[:shown], 2, h, w)


CHROMA_SHOWN: dict[OperatingPoint, int] = {"sop": COMPACT.sop_chroma[0], "bop": COMPACT.bop_chroma[0], "hop": COMPACT.hop_chroma}


@pytest.mark.parametrize("pictures", [_photographs(), _directed()], ids=["photographs", "directed"])
def test_every_synthesis_shows_what_the_transform_keeps(pictures: list[Tensor]) -> None:
    """Plane by plane: U in the place of V or rows in the place of columns would cost many decibels."""
    model = _started(COMPACT, pictures)
    blocks = _blocks(pictures)
    planes = _planes(pictures[0])[:, :, :96, :128]
    wanted = _centred(planes)
    luma = _luma_klt(blocks[:, 0], wanted[0], COMPACT.luma_latent)
    for point in OPERATING_POINTS:
        shown = _centred(_shown(model, planes, point))
        chroma = _chroma_klt(blocks[:, 1:], wanted[1:], COMPACT.chroma_analysis, COMPACT.chroma_latent, CHROMA_SHOWN[point])
        for plane, ideal in enumerate((luma, *chroma)):
            assert _psnr(shown[plane], wanted[plane]) == pytest.approx(_psnr(ideal, wanted[plane]), abs=0.1)


def test_directions_and_planes_are_told_apart() -> None:
    """The pictures that the test above leans on: what it would see of a transposed block, and of U and V exchanged."""
    planes = _planes(_directed()[0])[:, :, :96, :96]
    model = _started(COMPACT, _directed())
    for point in OPERATING_POINTS:
        shown, wanted = _centred(_shown(model, planes, point)), _centred(planes)
        transposed = _planes_of(_tiles(shown[:1], 16).reshape(-1, 16, 16).transpose(0, 2, 1).reshape(-1, 256), 1, 96, 96)
        assert _psnr(shown[0], wanted[0]) > _psnr(transposed[0], wanted[0]) + 10
        assert _psnr(shown[1:], wanted[1:]) > _psnr(shown[:0:-1], wanted[1:]) + 10


def test_narrow_networks_keep_the_bands_of_slowest_change() -> None:
    """Sixteen channels at 1/8 are what 2x2 means leave of luma: the transform is that of 8x8 blocks of the picture at half size."""
    pictures = _photographs()
    model = _started(SMALL, pictures)
    blocks = _blocks(pictures)
    planes = _planes(pictures[0])[:, :, :96, :128]
    wanted = _centred(planes)

    def halved(samples: Floats) -> Floats:
        return samples.reshape(*samples.shape[:-2], samples.shape[-2] // 2, 2, samples.shape[-1] // 2, 2).mean((-3, -1))

    luma = np.kron(_luma_klt(halved(blocks[:, 0]), halved(wanted[0]), SMALL.luma_latent), np.ones((2, 2))).astype(np.float64)
    means = _planes_of(np.repeat(_tiles(wanted[1:], 16).reshape(48, 2, 256).mean(2), 256, 1), 2, 96, 128)
    for point in OPERATING_POINTS:
        shown = _centred(_shown(model, planes, point))
        assert _psnr(shown[0], wanted[0]) == pytest.approx(_psnr(luma, wanted[0]), abs=0.1)
        for plane in (1, 2):
            assert _psnr(shown[plane], wanted[plane]) > _psnr(means[plane - 1], wanted[plane]) + 1


def test_networks_that_cannot_hold_the_latents_are_refused() -> None:
    with pytest.raises(ValueError, match="96 latents of luma cannot start as a transform of the 64 bands"):
        _started(replace(SMALL, luma_latent=96), _directed())
    with pytest.raises(ValueError, match="24 latents of chroma cannot start in 16 channels"):
        _started(replace(SMALL, chroma_latent=24), _directed())


def test_sigma_starts_at_the_deviations_of_the_latents() -> None:
    pictures = _photographs()
    model = _started(COMPACT, pictures)
    blocks = sample_blocks(pictures, SEED) * HALF_RANGE + CENTRE
    with torch.no_grad():
        latents = model.analyse(*analysis_input(blocks[:, :1], blocks[:, 1:]))
        for y, prior in zip(latents, (model.luma_prior, model.chroma_prior), strict=True):
            channels = y.shape[1]
            levels = prior.scale_decoder(torch.zeros(1, channels, 1, 1), 64, 64).reshape(channels, -1)
            found, expected = sigma_of(levels).mean(1), y.flatten(1).std(0)
            free = expected > 1.1 * sigma_of(torch.tensor(LOWEST_LEVEL))
            assert int(free.sum()) >= 16
            torch.testing.assert_close(found[free], expected[free], rtol=0.01, atol=0)
            assert expected.max() > 3 * expected.median()


def test_a_latent_is_a_step_of_the_quantiser_for_beta_0012() -> None:
    """At high rate the slope of rate over squared error is that of the loss: -dD/dR = 2 ln 2 D = 1 / (beta w), with D = step^2 / 12."""
    pictures = _photographs()
    model = _started(COMPACT, pictures)
    planes = _planes(pictures[0])[:, :, :96, :96]
    with torch.no_grad():
        before = model.analyse(*analysis_input(planes[:, :1], planes[:, 1:]))
        for component, weight, changed in ((0, 0.8, slice(0, 1)), (1, 0.1, slice(1, 3))):
            moved = list(before)
            moved[component] = before[component].clone()
            moved[component][:, 5] += 1
            synthesis = model.synthesiser("bop", 0)
            difference = (synthesis(*moved, 96, 96) - synthesis(*before, 96, 96))[:, changed] * HALF_RANGE
            squared_step = float(difference.square().sum()) / before[component][0, 0].numel()
            # Latents of a picture of 256 samples in a block are orthonormal: one step in one of them is one step in the samples' sum.
            assert squared_step / 12 * 2 * np.log(2) == pytest.approx(1 / (0.012 * weight), rel=0.05)
