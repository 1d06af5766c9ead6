from __future__ import annotations

import io
import math
from contextlib import redirect_stdout

import numpy as np
import pytest

from ctc.kernels import psnr_hvs as kernels
from ctc.metrics import psnr_hvs as module

PEAK = 1023


@pytest.fixture(autouse=True)
def _nothing_known():
    module._errors.clear()


def psnr_hvs(reference, distorted, peak):
    return module.psnr_hvs(reference, peak)(distorted)


def psnr_hvs_m(reference, distorted, peak):
    return module.psnr_hvs_m(reference, peak)(distorted)


@pytest.mark.parametrize(("name", "quality"), [("astronaut", 10), ("camera", 40), ("chelsea", 85)])
def test_equals_the_compiled_code_of_the_package(pair, name, quality):
    with redirect_stdout(io.StringIO()):
        # On import the package prints that its optional torch code is not installed.
        backends = pytest.importorskip("psnr_hvsm").BACKENDS
    if "cpp" not in backends:
        pytest.skip("psnr_hvsm was installed without its compiled code")
    reference, distorted = pair(name, quality, "y", 296, 440)
    plain, masked = backends["cpp"]["psnr_hvs_hvsm"](reference / float(PEAK), distorted / float(PEAK))
    assert psnr_hvs(reference, distorted, PEAK) == pytest.approx(float(plain), abs=1e-9)
    assert psnr_hvs_m(reference, distorted, PEAK) == pytest.approx(float(masked), abs=1e-9)


def test_the_last_row_and_column_are_repeated_to_whole_blocks(pair):
    reference, distorted = pair("chelsea", 20, "y", 299, 443)
    extended = [np.pad(codes, ((0, 5), (0, 5)), mode="edge") for codes in (reference, distorted)]
    assert psnr_hvs(reference, distorted, PEAK) == psnr_hvs(*extended, PEAK)
    assert psnr_hvs_m(reference, distorted, PEAK) == psnr_hvs_m(*extended, PEAK)


@pytest.mark.parametrize("at_once", [1, 3, 1000])
def test_pieces_of_work_do_not_show(pair, monkeypatch, at_once):
    reference, distorted = pair("astronaut", 20)
    blocks = kernels.Blocks(reference)
    whole = module._measured(blocks, distorted, PEAK)
    monkeypatch.setattr(kernels, "AT_ONCE", at_once)
    parts = module._measured(blocks, distorted, PEAK)
    assert parts.plain == pytest.approx(whole.plain, rel=1e-14)
    assert parts.masked == pytest.approx(whole.masked, rel=1e-14)


def test_one_computation_serves_both(pair, monkeypatch):
    reference, distorted = pair("rocket", 40)
    psnr_hvs(reference, distorted, PEAK)

    def refused(*_):
        raise RuntimeError("measured a second time")

    monkeypatch.setattr(module, "_measured", refused)
    assert psnr_hvs_m(reference, distorted, PEAK) > psnr_hvs(reference, distorted, PEAK)
    assert psnr_hvs(reference.copy(), distorted.copy(), PEAK) < psnr_hvs_m(reference, distorted, PEAK)
    other = distorted.copy()
    other[-1, -1] ^= 1
    with pytest.raises(RuntimeError, match="second time"):
        psnr_hvs(reference, other, PEAK)
    with pytest.raises(RuntimeError, match="second time"):
        psnr_hvs(reference, distorted, 2 * PEAK)


def test_reconstructions_scored_by_one_metric_are_known_to_the_other(pair, monkeypatch):
    """In the order in which a run asks: all by the first metric, then all by the second."""
    reference, _ = pair("rocket", 40)
    coded = [pair("rocket", quality)[1] for quality in (10, 40, 80)]
    masked = [psnr_hvs_m(reference, distorted, PEAK) for distorted in coded]
    module._errors.clear()
    plain = [score(distorted) for score in [module.psnr_hvs(reference, PEAK)] for distorted in coded]
    monkeypatch.setattr(kernels, "Blocks", None)
    assert [score(distorted) for score in [module.psnr_hvs_m(reference, PEAK)] for distorted in coded] == masked
    assert all(before < after for before, after in zip(plain, masked, strict=True))


def test_few_pairs_are_remembered(pair, monkeypatch):
    monkeypatch.setattr(module, "KEPT", 2)
    reference, _ = pair("rocket", 40)
    for quality in (10, 40, 80):
        psnr_hvs(reference, pair("rocket", quality)[1], PEAK)
    assert len(module._errors) == 2


def test_a_picture_written_to_is_measured_again(pair):
    reference, distorted = (codes.copy() for codes in pair("rocket", 40))
    before = psnr_hvs(reference, distorted, PEAK)
    distorted[10:20, 10:20] = 0
    assert psnr_hvs(reference, distorted, PEAK) < before - 0.5
    assert psnr_hvs(reference, distorted, PEAK) == psnr_hvs(reference.copy(), distorted.copy(), PEAK)


def test_masking_only_forgives(pair):
    for quality in (5, 30, 80):
        reference, distorted = pair("astronaut", quality)
        assert psnr_hvs_m(reference, distorted, PEAK) > psnr_hvs(reference, distorted, PEAK)


def test_values_above_100_decibel_are_not_cut():
    """One code of difference in one sample of a large picture; the framework would show 100."""
    reference = np.full((1600, 1600), 500, np.uint16)
    distorted = reference.copy()
    distorted[3, 3] += 1
    assert 100.0 < psnr_hvs(reference, distorted, PEAK) < math.inf


def test_flat_blocks_mask_nothing():
    reference, distorted = (np.full((16, 16), level, np.uint16) for level in (9, 10))
    assert psnr_hvs_m(reference, distorted, PEAK) == psnr_hvs(reference, distorted, PEAK)
