"""What the compiled loops share: strips, where their machine code is kept, when they are imported."""

from __future__ import annotations

import importlib
import subprocess
import sys

import numba
import numpy as np
import pytest
from scipy.ndimage import correlate1d
from scipy.sparse import csr_array

from ctc.errors import MetricUndefined
from ctc.kernels import compiled, strips
from ctc.kernels.iwssim import _log2
from ctc.kernels.patches import COLUMNS, MEANS, PATCH, REACH, ROWS, STRIDE, blur, half_window
from ctc.kernels.pyramid import ROOM, Enlargement, enlarge, low_pass
from ctc.kernels.ssim import quartered as exact_quarters
from ctc.metrics._planes import gaussian

PEAK = 1023
COMPILED = ("iwssim", "msssim", "msssim_iqa", "nlpd", "vif", "psnr_hvs", "psnr_hvs_m")


@pytest.mark.parametrize("name", COMPILED)
@pytest.mark.parametrize("count", [2, 3])
def test_same_bits_with_any_number_of_threads(pair, monkeypatch, name, count):
    from ctc import plugins

    metric = plugins.metrics()[name]
    for kernels in ("iwssim", "nlpd", "psnr_hvs", "ssim"):
        monkeypatch.setattr(importlib.import_module(f"ctc.kernels.{kernels}"), "AT_ONCE", 1)
    monkeypatch.setattr(strips, "STRIP_ROWS", 24)
    reference, distorted = pair("chelsea", 30, "y", 300, 441)
    one = metric.score(reference, distorted, PEAK)
    with strips.threads(count):
        assert metric.score(reference.copy(), distorted.copy(), PEAK) == one


@pytest.mark.parametrize("name", COMPILED)
def test_a_reference_written_to_afterwards_does_not_reach_the_scorer(pair, name):
    from ctc import plugins

    metric = plugins.metrics()[name]
    reference, distorted = pair("camera", 30)
    mine = reference.copy()
    scorer = metric.against(mine, PEAK)
    mine[...] = distorted
    value = scorer(distorted)
    assert value == metric.score(reference, distorted, PEAK)


def test_strips_follow_each_other_and_do_not_depend_on_threads():
    alone = list(strips.mapped(lambda start, stop: (start, stop), 150))
    with strips.threads(4):
        assert list(strips.mapped(lambda start, stop: (start, stop), 150)) == alone
    assert alone == [(0, 64), (64, 128), (128, 150)]


def test_an_error_in_a_strip_is_raised_from_threads_too():
    def refuse(start, stop):
        raise MetricUndefined(f"rows {start} to {stop}")

    with strips.threads(2), pytest.raises(MetricUndefined, match="rows 0 to 64"):
        list(strips.mapped(refuse, 150))


def test_less_than_one_thread_is_refused():
    with pytest.raises(ValueError, match="0 threads"), strips.threads(0):
        pass


@pytest.mark.parametrize("shape", [(10, 11), (64, 128), (75, 300)])
@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_blurred_patches_equal_scipy(shape, dtype):
    plane = np.random.default_rng(7).integers(0, 1024, (shape[0] + REACH, shape[1] + REACH)).astype(dtype)
    window = gaussian(11, 1.5)
    expected = correlate1d(correlate1d(plane.astype(float), window, axis=0), window, axis=1)[5:-5, 5:-5]
    patch, means = np.zeros(PATCH, np.float32), np.empty(MEANS, np.float32)
    rows, columns = min(shape[0], ROWS), min(shape[1], COLUMNS)
    patch.reshape(-1, STRIDE)[: rows + REACH, : columns + REACH] = plane[: rows + REACH, : columns + REACH]
    blur(patch, half_window(window), rows, means)
    np.testing.assert_allclose(means.reshape(ROWS, COLUMNS)[:rows, :columns], expected[:rows, :columns], rtol=1e-6)


def test_patches_are_made_for_eleven_taps():
    with pytest.raises(ValueError, match="window of 9 taps"):
        half_window(gaussian(9, 1.5))


@pytest.mark.parametrize("shape", [(5, 5), (6, 9), (128, 2100), (301, 257)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_low_pass_equals_scipy(shape, dtype):
    codes = np.random.default_rng(8).integers(0, 1024, shape).astype(np.uint16)
    window = np.array([0.05, 0.25, 0.4, 0.25, 0.05])
    full = correlate1d(correlate1d(codes / 4.0, window, axis=0, mode="mirror"), window, axis=1, mode="mirror")
    rtol = 1e-6 if dtype is np.float32 else 1e-14
    first = low_pass(codes, 0.25, window.astype(dtype))
    np.testing.assert_allclose(first, full[::2, ::2], rtol=rtol)
    np.testing.assert_allclose(low_pass(codes.astype(dtype), 0.25, window.astype(dtype)), first, rtol=rtol)


@pytest.mark.parametrize("shape", [(4, 5), (64, 128), (70, 131), (131, 300)])
def test_enlarged_patches_equal_the_operator(shape):
    generator = np.random.default_rng(3)
    operators, enlargements = [], []
    for larger in shape:
        smaller = (larger + 1) // 2
        dense = generator.random((larger, smaller))
        dense[np.abs(np.arange(larger)[:, None] / 2 - np.arange(smaller)) > 1.5] = 0.0
        operators.append(dense)
        enlargements.append(Enlargement.of(csr_array(dense), np.float64))
    low = generator.random([(side + 1) // 2 for side in shape])
    expected = operators[0] @ low @ operators[1].T
    rows, columns = enlargements
    for top in range(0, shape[0], ROWS):
        for left in range(0, shape[1], COLUMNS):
            patch, height = np.empty(PATCH), min(ROWS, shape[0] - top)
            enlarge(low, rows.even, rows.odd, columns.even, columns.odd, top, left, height, np.empty(ROOM), patch)
            part = expected[top : top + height, left : left + COLUMNS]
            np.testing.assert_allclose(patch.reshape(-1, STRIDE)[:height, : part.shape[1]], part, rtol=0, atol=1e-14)


def test_an_enlargement_that_reaches_too_far_is_refused():
    with pytest.raises(ValueError, match="more than 4 taps"):
        Enlargement.of(csr_array(np.ones((10, 5))), np.float64)


@pytest.mark.parametrize("shape", [(4, 6), (5, 6), (6, 5), (7, 9), (1, 1)])
def test_quarters_are_exact_with_a_zero_in_front_of_odd_sides(shape):
    plane = np.random.default_rng(9).integers(0, 1024, shape).astype(np.uint16)
    led = np.pad(plane, [(side % 2, 0) for side in shape]).astype(float)
    expected = (led[::2, ::2] + led[1::2, ::2] + led[::2, 1::2] + led[1::2, 1::2]) / 4
    np.testing.assert_array_equal(exact_quarters(plane), expected)
    np.testing.assert_array_equal(exact_quarters(plane.astype(np.float32)), expected)


def test_logarithms():
    values = np.concatenate([np.geomspace(1e-3, 1e300, 5001), 1.0 + np.geomspace(1e-12, 1.0, 500), [1.0, 2.0, 0.5]])
    bits, expected = np.empty(len(values)), np.log2(values)
    _log2(values.copy(), np.empty(len(values), np.int64), bits)
    np.testing.assert_allclose(bits, expected, rtol=2e-12, atol=2e-16)
    assert bits[-3] == 0.0


def test_metrics_are_listed_without_numba():
    script = "import sys; from ctc import plugins; plugins.metrics(); sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], timeout=120).returncode == 0


@pytest.fixture
def no_folder_yet(monkeypatch):
    """The choice of a folder for machine code is made anew inside and afterwards."""
    compiled._folder.cache_clear()
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    yield monkeypatch
    compiled._folder.cache_clear()


@pytest.mark.usefixtures("no_folder_yet")
def test_machine_code_is_kept_beside_the_sources():
    folder = compiled._folder()
    assert folder is not None
    assert folder.parent == compiled.HERE / "__pycache__"


def test_machine_code_is_kept_with_the_user_where_the_package_cannot_be_written(no_folder_yet, tmp_path):
    no_folder_yet.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    no_folder_yet.setattr(compiled, "_writable", lambda folder: compiled.HERE not in folder.parents)
    folder = compiled._folder()
    assert folder is not None
    assert folder.parent == tmp_path / "caches" / "ctc"


def test_loops_are_compiled_where_nothing_can_be_written(no_folder_yet):
    no_folder_yet.setattr(compiled, "_writable", lambda _: False)

    @compiled.compiled("float64(float64)")
    def doubled(value: float) -> float:
        return 2.0 * value

    assert compiled._folder() is None
    assert doubled(21.0) == 42.0


def test_a_file_in_the_place_of_a_folder_is_not_writable(tmp_path):
    (tmp_path / "file").write_text("")
    assert not compiled._writable(tmp_path / "file" / "kernels")
    assert compiled._writable(tmp_path / "new" / "kernels")
