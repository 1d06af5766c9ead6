"""The errors of luma move as the metrics do that they stand for, and planes of all sizes have them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from jpegai_ref.visible_errors import SCALES, _details, detail_lost, information_lost, squared_error, structure_lost, windows
from piq import vif_p
from pytorch_msssim import ms_ssim
from torch import Tensor

from ctc.metrics.nlpd import nlpd
from tests.jpegai_ref.sample_pictures import blurred, original

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def luma() -> Tensor:
    return original(60, 200)[:, :1]


@pytest.fixture
def pictures(luma: Tensor) -> list[Tensor]:
    """The original, two that are blurred, a noisy one, one of less contrast, one of more."""
    mean = luma.mean((2, 3), keepdim=True)
    noisy = luma + 6 * torch.randn(luma.shape, generator=torch.Generator().manual_seed(0))
    return [luma, blurred(luma), blurred(blurred(luma)), noisy, mean + 0.8 * (luma - mean), mean + 1.2 * (luma - mean)]


def test_information_falls_and_rises_as_vif_does(luma: Tensor, pictures: list[Tensor]) -> None:
    ours = [1 - information_lost(list(windows(picture, luma))).item() for picture in pictures]
    theirs = [vif_p(picture.clamp(0, 255), luma, data_range=255.0).item() for picture in pictures]
    assert ours[0] == pytest.approx(1, abs=1e-4)
    assert (np.array(ours) > 1.001).tolist() == [False] * 5 + [True]
    assert np.corrcoef(ours, theirs)[0, 1] > 0.95


def test_structure_falls_as_ms_ssim_does(luma: Tensor, pictures: list[Tensor]) -> None:
    ours = [structure_lost(list(windows(picture, luma))).item() for picture in pictures]
    theirs = [1 - ms_ssim(picture, luma, data_range=255.0).item() for picture in pictures]
    assert ours[0] == pytest.approx(0, abs=1e-5)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.95


def test_detail_falls_as_nlpd_rises(luma: Tensor, pictures: list[Tensor]) -> None:
    def codes(plane: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
        return np.rint(plane[0, 0].double().numpy() * 1023 / 255).clip(0, 1023).astype(np.uint16)

    score = nlpd(codes(luma), 1023)
    ours = [detail_lost(picture, luma).item() for picture in pictures]
    theirs = [score(codes(picture)) for picture in pictures]
    assert ours[0] == pytest.approx(0, abs=2e-3)
    assert np.corrcoef(ours, theirs)[0, 1] > 0.95


@pytest.mark.parametrize(("height", "width", "scales"), [(128, 300, 5), (127, 300, 4), (8, 9, 1), (7, 300, 0), (1, 1, 0)])
def test_small_planes_have_the_scales_that_fit(luma: Tensor, height: int, width: int, scales: int) -> None:
    there = torch.cat((luma, luma), 3)[..., :height, :width]
    here = (there + 3).requires_grad_(True)
    found = list(windows(here, there))
    assert len(found) == scales <= len(SCALES)
    errors = [squared_error(here, there), structure_lost(found), information_lost(found), detail_lost(here, there)]
    assert all(bool(error.isfinite().all()) for error in errors)
    (gradient,) = torch.autograd.grad(torch.stack([error.sum() for error in errors]).sum(), here)
    assert bool(gradient.isfinite().all())
    assert errors[0].item() == pytest.approx(9)
    # Neither luminance nor noise: nothing is lost but the squares.
    assert [error.item() for error in errors[1:]] == pytest.approx([0, 0, 0], abs=2e-3)


@pytest.mark.parametrize("level", [20, 128, 240, 255])
@pytest.mark.parametrize("noise", [0.0, 0.05, 1.0])
def test_flat_planes_of_any_brightness_lose_nothing_that_is_seen(level: int, noise: float) -> None:
    there = torch.full((1, 1, 160, 200), float(level))
    here = there + noise * torch.randn(there.shape, generator=torch.Generator().manual_seed(0))
    found = [structure_lost(list(windows(here, there))).item(), information_lost(list(windows(here, there))).item()]
    expected = [structure_lost(list(windows(here.double(), there.double()))).item(), 0]
    assert found == pytest.approx(expected, abs=2e-3)


def test_single_precision_is_enough_for_a_picture_with_bright_flat_parts(luma: Tensor) -> None:
    there = torch.cat((luma, torch.full((1, 1, 176, 900), 240.0)), 3)
    here = there + torch.randn(there.shape, generator=torch.Generator().manual_seed(0))
    exact = information_lost(list(windows(here.double(), there.double()))).item()
    assert information_lost(list(windows(here, there))).item() == pytest.approx(exact, abs=1e-3)
    assert exact == pytest.approx(information_lost(list(windows(here[..., :176], luma))).item(), rel=0.2)


def test_a_ramp_has_no_detail() -> None:
    ramp = torch.linspace(20, 220, 201).expand(1, 1, 64, 201)
    level = next(_details(ramp))
    assert level[..., 4:-4, 4:-4].abs().max().item() < 1e-4


def test_equal_planes_have_a_gradient(luma: Tensor) -> None:
    here = luma.clone().requires_grad_(True)
    scales = list(windows(here, luma))
    total = structure_lost(scales) + information_lost(scales) + detail_lost(here, luma)
    (gradient,) = torch.autograd.grad(total.sum(), here)
    assert bool(gradient.isfinite().all())
