"""Pictures for the tests of metrics: photographs of scikit-image as every installation has them, coded by Pillow's JPEG."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage import data

from ctc import plugins
from ctc.pixels import metric_codes
from ctc.protocols import Codes, Metric

PEAK = 1023
GOLDEN = Path(__file__).parents[2].parent / "shared" / "golden"
PHOTOGRAPHS = {"astronaut": data.astronaut, "camera": data.camera, "chelsea": data.chelsea, "rocket": data.rocket}

Pair = tuple[Codes, Codes]


@cache
def photograph(name: str) -> np.ndarray:
    """RGB (height, width, 3), uint8, at most 301 x 451: small enough for the fast tests, odd sides included."""
    rgb = PHOTOGRAPHS[name]()
    if rgb.ndim == 2:
        rgb = np.stack([rgb] * 3, axis=-1)
    return rgb[:301, :451]


@cache
def coded(name: str, quality: int) -> np.ndarray:
    stream = io.BytesIO()
    Image.fromarray(photograph(name)).save(stream, "JPEG", quality=quality, subsampling=0)
    return np.asarray(Image.open(stream).convert("RGB"))


@cache
def png(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def golden_rows() -> list[dict[str, str]]:
    if not (GOLDEN / "golden.csv").is_file():
        return []
    with (GOLDEN / "golden.csv").open(newline="") as table:
        return list(csv.DictReader(table))


@pytest.fixture(autouse=True, scope="package")
def one_thread() -> Iterator[None]:
    """Torch on one thread, so that witnesses do not fight for the cores of a shared machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def golden() -> list[dict[str, str]]:
    rows = golden_rows()
    if not rows:
        pytest.skip("no golden values: the folder shared/golden beside the project is absent")
    return rows


@pytest.fixture(scope="session")
def golden_folder() -> Path:
    return GOLDEN


@pytest.fixture(scope="session")
def golden_pair() -> Callable[[dict[str, str], Metric], Pair]:
    def load(row: dict[str, str], metric: Metric) -> Pair:
        return tuple(metric_codes(png(GOLDEN / row[key]), metric.wants) for key in ("reference", "distorted"))

    return load


@pytest.fixture(scope="session")
def pair() -> Callable[..., Pair]:
    """pair(name, quality, wants="y", rows, columns, bits=10): codes of a photograph and of its JPEG, cut at the top left."""

    def make(name: str, quality: int, wants: str = "y", rows: int | None = None, columns: int | None = None, bits: int = 10) -> Pair:
        cut = np.s_[:rows, :columns]
        return metric_codes(photograph(name)[cut], wants, bits), metric_codes(coded(name, quality)[cut], wants, bits)

    return make


@pytest.fixture(scope="session")
def noise() -> Callable[..., Codes]:
    def make(*shape: int, seed: int = 0, low: int = 0, high: int = PEAK + 1) -> Codes:
        return np.random.default_rng(seed).integers(low, high, shape).astype(np.uint16)

    return make


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "metric" in metafunc.fixturenames:
        found = plugins.metrics().found
        metafunc.parametrize("metric", found.values(), ids=found.keys())
