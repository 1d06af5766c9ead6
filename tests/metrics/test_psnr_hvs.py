from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from ctc.metrics import psnr_hvs as module
from ctc.metrics.psnr_hvs import psnr_hvs, psnr_hvs_m

PEAK = 1023


@pytest.mark.parametrize(("name", "quality"), [("astronaut", 10), ("camera", 40), ("chelsea", 85)])
def test_equals_the_compiled_code_of_the_package(pair, name, quality):
    module._package()
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


def test_strips_do_not_show(pair, monkeypatch):
    reference, distorted = pair("astronaut", 20)
    whole = psnr_hvs(reference, distorted, PEAK), psnr_hvs_m(reference, distorted, PEAK)
    monkeypatch.setattr(module, "STRIP_ROWS", 8)
    assert (psnr_hvs(reference, distorted, PEAK), psnr_hvs_m(reference, distorted, PEAK)) == whole


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


def test_the_package_prints_nothing_on_import_and_no_warning_on_flat_blocks():
    script = (
        "import numpy as np\n"
        "from ctc.metrics.psnr_hvs import psnr_hvs_m\n"
        "psnr_hvs_m(np.full((16, 16), 9, np.uint16), np.full((16, 16), 10, np.uint16), 1023)\n"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=120)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")
