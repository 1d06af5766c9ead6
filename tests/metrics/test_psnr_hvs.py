from __future__ import annotations

import io
import math
from contextlib import redirect_stdout

import numpy as np
import pytest

from ctc.kernels import psnr_hvs as kernels
from ctc.metrics import psnr_hvs as module
from ctc.together import Prepared, groups

PEAK = 1023


def psnr_hvs(reference, distorted, peak):
    return module.both(reference, peak)(distorted)["psnr_hvs"]


def psnr_hvs_m(reference, distorted, peak):
    return module.both(reference, peak)(distorted)["psnr_hvs_m"]


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
    expected = {"psnr_hvs": psnr_hvs(reference, distorted, PEAK), "psnr_hvs_m": psnr_hvs_m(reference, distorted, PEAK)}
    measured, calls = module._measured, []
    monkeypatch.setattr(module, "_measured", lambda *arguments: calls.append(1) or measured(*arguments))
    (group,) = groups(module.METRICS, "cpu")
    assert Prepared(group, reference, PEAK, "cpu").values(distorted) == expected
    assert len(calls) == 1
    assert {metric.name: metric.score(reference, distorted, PEAK) for metric in module.METRICS} == expected


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
