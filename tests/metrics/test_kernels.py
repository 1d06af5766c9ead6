"""What the compiled loops share: strips, where their machine code is kept, when they are imported."""

from __future__ import annotations

import subprocess
import sys

import numba
import numpy as np
import pytest
from scipy.ndimage import correlate1d
from scipy.sparse import csr_array

from ctc.errors import MetricUndefined
from ctc.kernels import compiled, strips
from ctc.kernels.pyramid import Enlarged, Enlargement, Mirrored
from ctc.kernels.strips import Samples
from ctc.kernels.windows import TILE, WIDE, halved, moments
from ctc.metrics._planes import gaussian

PEAK = 1023
COMPILED = ("iwssim", "msssim", "nlpd", "psnr_hvs", "psnr_hvs_m")


@pytest.mark.parametrize("name", COMPILED)
@pytest.mark.parametrize("count", [2, 3, 8])
def test_same_bits_with_any_number_of_threads(pair, monkeypatch, name, count):
    from ctc import plugins

    metric = plugins.metrics()[name]
    monkeypatch.setattr(strips, "STRIP_ROWS", 24)
    reference, distorted = pair("chelsea", 30, "y", 300, 441)
    one = metric.score(reference, distorted, PEAK)
    with strips.threads(count):
        assert metric.score(reference.copy(), distorted.copy(), PEAK) == one


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


@pytest.mark.parametrize("taps", [3, 5, 9, 11, 17])
@pytest.mark.parametrize("width", [17, 40, TILE + 16])
def test_moments_equal_scipy(taps, width):
    x, y = np.random.default_rng(taps).random((2, taps + 1, width))
    window, count, means = gaussian(taps, taps / 5), min(TILE, width - taps + 1), np.empty(5 * TILE)
    moments(x, y, window, 1, 0, count, np.empty(5 * WIDE), means)
    for index, plane in enumerate((x, y, x * x, y * y, x * y)):
        columns = window @ plane[1:]
        expected = correlate1d(columns, window)[taps // 2 : taps // 2 + count]
        np.testing.assert_allclose(means[index * TILE : index * TILE + count], expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("shape", [(10, 10), (11, 12), (16, 9), (161, 33)])
def test_halved_keeps_every_second_sample_of_the_valid_region(shape):
    plane = np.random.default_rng(1).integers(0, 1024, shape).astype(np.uint16)
    window = gaussian(9, 1.8)
    full = correlate1d(correlate1d(plane / 4.0, window, axis=0), window, axis=1)
    np.testing.assert_allclose(halved(Samples(plane, 0.25), window), full[4:-4:2, 4:-4:2], rtol=0, atol=1e-12)


@pytest.mark.parametrize("rows", [slice(0, 3), slice(2, 13), slice(9, 13), slice(0, 13)])
def test_mirrored_equals_numpys_padding(rows):
    plane = np.random.default_rng(2).random((9, 7))
    np.testing.assert_array_equal(Mirrored(plane, 2)[rows], np.pad(plane, 2, mode="reflect")[rows])


@pytest.mark.parametrize("smaller", [2, 3, 9])
def test_enlarged_equals_the_operator(smaller):
    dense = np.random.default_rng(3).random((2 * smaller, smaller))
    dense[np.abs(np.arange(2 * smaller)[:, None] / 2 - np.arange(smaller)) > 1.5] = 0.0
    plane = np.random.default_rng(4).random((smaller, smaller))
    enlargement = Enlargement.of(csr_array(dense))
    np.testing.assert_allclose(Enlarged(plane, enlargement, enlargement)[1:], (dense @ plane @ dense.T)[1:], rtol=0, atol=1e-14)


def test_an_enlargement_that_reaches_too_far_is_refused():
    with pytest.raises(ValueError, match="more than 4 taps"):
        Enlargement.of(csr_array(np.ones((10, 5))))


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
