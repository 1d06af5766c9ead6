"""The HDR measures against programs that none of us wrote: colour-science, scikit-image, pytorch_msssim, PU21 of its authors, VTM."""

from __future__ import annotations

import base64
import zlib

import colour
import numpy as np
import pytest
import torch
from colour.models import eotf_ST2084
from pytorch_msssim import ms_ssim
from skimage.metrics import peak_signal_noise_ratio

from ctc import plugins
from ctc.metrics.pu21 import encoded
from ctc.metrics.wpsnr import weight_of_luma, weighted_psnr
from ctc.protocols import Codes

PEAK = 1023
BT2020_LUMINANCE = np.array([0.2627, 0.6780, 0.0593])

# cd/m2 -> PU21, variant "banding_glare", by the class PU of pycvvdp/utils.py (github.com/gfxdisp/ColorVideoVDP at 7ca201a, of the authors
# of PU21, who publish MATLAB code of the same coefficients at github.com/gfxdisp/pu21).
PU21 = {
    0.001: 5.470456654038225e-10,
    0.005: 5.470456654038225e-10,
    0.1: 5.717073839669447,
    1: 36.54391113941914,
    10: 123.64748355384738,
    100: 256.3838973127039,
    203: 303.80022626905867,
    1000: 420.0969213492443,
    4000: 527.4939005367281,
    10000: 595.393920020095,
}

# Of `pq_pair`: that class on light by colour-science 0.4.7, then scikit-image 0.26's PSNR with a range of 256 and pytorch_msssim 1.0.0 in
# float64; mean of colour-science's delta_E_ITP.
GOLDEN = {
    "pu21_psnr": (34.69067933623714, 1e-9),
    "pu21_psnr_y": (36.66079348039052, 1e-9),
    "pu21_msssim": (0.9969009353246436, 1e-6),
    "delta_e_itp": (7.367562997153584, 1e-9),
}


def pq_pair() -> tuple[Codes, Codes]:
    """Waves over the whole range of PQ, R, G and B (3, 200, 240), and the same with noise of up to 12 codes."""
    random = np.random.default_rng(2021)
    rows, columns = np.mgrid[0:200, 0:240]
    waves = [500 + 300 * np.sin(rows / (9 + 3 * k)) * np.cos(columns / (17 - 4 * k)) + columns for k in range(3)]
    reference = np.clip(np.rint(waves), 0, PEAK).astype(np.uint16)
    noise = random.integers(-12, 13, reference.shape)
    return reference, np.clip(reference.astype(int) + noise, 0, PEAK).astype(np.uint16)


def light_by_colour_science(codes: Codes) -> np.ndarray:
    """cd/m2 (height, width, 3)."""
    return np.asarray(eotf_ST2084(np.moveaxis(codes, 0, -1) / PEAK))


@pytest.mark.parametrize("name", GOLDEN)
def test_golden_values(name: str) -> None:
    value, tolerance = GOLDEN[name]
    assert plugins.metrics()[name].score(*pq_pair(), PEAK) == pytest.approx(value, abs=tolerance)


def test_pu21_is_that_of_its_authors() -> None:
    np.testing.assert_allclose(encoded(np.array(list(PU21))), list(PU21.values()), rtol=1e-12, atol=1e-12)


def test_pu21_measures_are_sdr_measures_of_the_encoded_light() -> None:
    pictures = [light_by_colour_science(codes) for codes in pq_pair()]
    metrics = plugins.metrics()
    colours = [encoded(picture) for picture in pictures]
    assert metrics["pu21_psnr"].score(*pq_pair(), PEAK) == pytest.approx(peak_signal_noise_ratio(*colours, data_range=256), abs=1e-9)
    planes = [encoded(picture @ BT2020_LUMINANCE) for picture in pictures]
    assert metrics["pu21_psnr_y"].score(*pq_pair(), PEAK) == pytest.approx(peak_signal_noise_ratio(*planes, data_range=256), abs=1e-9)
    tensors = [torch.from_numpy(plane)[None, None] for plane in planes]
    assert metrics["pu21_msssim"].score(*pq_pair(), PEAK) == pytest.approx(float(ms_ssim(*tensors, data_range=256)), abs=1e-6)


def test_delta_e_itp_is_that_of_colour_science() -> None:
    reference, distorted = pq_pair()
    values = [colour.RGB_to_ICtCp(light_by_colour_science(codes), method="ITU-R BT.2100-2 PQ") for codes in (reference, distorted)]
    expected = float(colour.difference.delta_E_ITP(*values).mean())
    assert plugins.metrics()["delta_e_itp"].score(reference, distorted, PEAK) == pytest.approx(expected, abs=1e-9)


def test_a_grey_step_of_one_code_is_720_codes_of_delta_e_itp() -> None:
    # I of a grey is its PQ signal, and T and P are nought: one code of 1023 is 720 / 1023.
    reference = np.full((3, 5, 4), 500, np.uint16)
    expected = pytest.approx(720 / PEAK, abs=2e-3)
    assert plugins.metrics()["delta_e_itp"].score(reference, reference + np.uint16(1), PEAK) == expected


VTM_WPSNR = (36.370479468379084, 41.451801917597784, 42.5078710916947)
"""Y, U and V in dB of `vtm_pair`, to all digits (--PrintHexPSNR), from VTM 11.1 with --LMCSEnable=1 --LMCSSignalType=1 (PQ)."""
VTM_DIFFERENCE = (
    "c-rle*^=8J5Jg$UBEVW4+f$SO|1>9+Ol)nS1%V*w3-qA3RL<M2%k6Hux%yTYMNvy31kTIb?Qy@UJkMqI`2KlUmaAfyiV{LXCd#s|N|t3AmG%8rF~b$77-I@z"
    "j7!K;P~<R#0EjFL0UIvyE}>i3Roj??B=go<2dK!2|IKOGrJu%eY|I)X1aUUTOb(I^%ukNiC0WbR_x)ElIk$PIyRIAN4Fa#994wR8dg|J?{neOMc(r}gG~MW8"
    "So<drlSxt2yx;GiuVJ3;GPkeStI>AzOMBiw>W`hBrpfAI82<FL_hIvULA?Y7H}m8yZfP~!oF28K0{}s=e|YwY61e=}Dnn_t$UEoE3J778>;Vs%6m<LID&Nn+"
    "AOOHdB7~A+4?wD_Qlgft@{&$_VU*HHWK~`3il<vLb$#4xK7L#;Il~C<AcQeW{bSe?0bnYt|Ng)2gOkJq!U6sy>q*=JXXiWGA3A^@AP=}6@E0O4#32"
)
"""What VTM 11.1 changed at QP 40, 10-bit 4:4:4: int8, zlib, base 85."""


def vtm_pair() -> tuple[Codes, Codes]:
    """Y', Cb and Cr (3, 16, 32) of a narrow range, and VTM's reconstruction."""
    rows, columns = np.mgrid[0:16, 0:32]
    planes = (
        np.clip(columns * 29 + 30 * np.sin(rows / 5) + 20, 64, 940),
        512 + 60 * np.sin(columns / 9),
        512 + 60 * np.cos(rows / 7),
    )
    reference = np.stack([np.broadcast_to(plane, (16, 32)) for plane in planes]).astype(np.uint16)
    difference = np.frombuffer(zlib.decompress(base64.b85decode(VTM_DIFFERENCE)), np.int8).reshape(reference.shape)
    return reference, (reference.astype(int) + difference).astype(np.uint16)


def test_weighted_psnr_is_that_of_vtm_on_its_codes_and_with_its_peak() -> None:
    reference, distorted = vtm_pair()
    weights = weight_of_luma(np.arange(PEAK + 1.0))
    found = [weighted_psnr(reference[0], reference[plane], distorted[plane], weights, 1020) for plane in range(3)]
    assert found == pytest.approx(VTM_WPSNR, abs=1e-12)


def test_full_range_codes_get_the_weight_of_their_narrow_range_code() -> None:
    # The luma thresholds of the HDR anchors (VTM 11.1, LumaLevelToDeltaQPMappingLuma) lie where the offset passes to the next whole one.
    narrow = np.array([301, 367, 434, 501, 567, 634, 701, 767, 834])
    np.testing.assert_allclose(3 * np.log2(weight_of_luma(narrow.astype(float))), np.arange(-3, 6), atol=0.02)
    metric = plugins.metrics()["wpsnr_y"]
    for code, offset in zip(np.rint((narrow - 64) * PEAK / 876).astype(int), range(-3, 6), strict=True):
        reference = np.full((3, 6, 8), code, np.uint16)
        expected = 20 * np.log10(PEAK) - 10 * np.log10(2) * offset / 3
        assert metric.score(reference, reference + np.uint16(1), PEAK) == pytest.approx(expected, abs=0.05)


def test_errors_of_chroma_are_weighted_by_the_luma_beside_them() -> None:
    luma = np.array([[0, PEAK]], np.uint16)
    plane, error = np.full((1, 2), 512, np.uint16), np.array([[514, 512]], np.uint16)
    weights = weight_of_luma(64 + 876 / PEAK * np.arange(PEAK + 1.0))
    # A squared error of 4 in one of two samples, at the weight of black.
    assert weighted_psnr(luma, plane, error, weights, PEAK) == pytest.approx(20 * np.log10(PEAK) - 10 * np.log10(0.5 * 4 / 2))
    reference, distorted = np.stack([luma, plane, plane]), np.stack([luma, error, plane])
    assert plugins.metrics()["wpsnr_u"].score(reference, distorted, PEAK) == pytest.approx(20 * np.log10(PEAK))
    assert plugins.metrics()["wpsnr_v"].score(reference, distorted, PEAK) == np.inf


def test_they_are_default_measures_of_hdr_pictures_only() -> None:
    of_sdr, of_hdr = (set(plugins.default_metrics({transfer})) for transfer in ("sdr", "pq"))
    assert of_hdr - of_sdr == {*GOLDEN, "wpsnr_y", "wpsnr_u", "wpsnr_v"}
    assert of_sdr < of_hdr
